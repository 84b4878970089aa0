import type { EpochMs } from "../key/time.ts";
import { streamEnd, type StreamPlace } from "./stream.ts";
import { parameters, where } from "./conditions.ts";
import { fromLedger } from "./unavailable.ts";

/** An endpoint as the ledger lists it: without secrets, and without what changes with every message. */
export type ListedWebhook = {
  readonly id: string;
  readonly owner: string | null;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly string[];
  readonly createdAt: EpochMs;
  readonly revision: number;
  readonly disabledBecause: string | null;
};

/** Writes what an endpoint's object says of it, unless the ledger has heard something newer. */
const upsert = (db: D1Database, webhook: ListedWebhook, most: number): D1PreparedStatement => {
  const { id, owner, createdAt, revision, disabledBecause } = webhook;
  return db
    .prepare(
      `INSERT INTO webhooks (id, owner, status, revision, created_at_ms, record)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6
       WHERE (SELECT count(*) FROM webhooks WHERE owner IS ?2 AND id <> ?1) < ?7
       ON CONFLICT (id) DO UPDATE SET
         status = excluded.status, revision = excluded.revision, record = excluded.record
       WHERE excluded.revision > webhooks.revision`,
    )
    .bind(
      id,
      owner,
      disabledBecause === null ? "active" : "disabled",
      revision,
      createdAt,
      JSON.stringify(webhook),
      most,
    );
};

/**
 * Enters a new endpoint and says where it begins to read: behind everything that had arrived. `null`: its owner has too
 * many. In one transaction, so that no event is between the two.
 */
export async function enterWebhook(
  db: D1Database,
  webhook: ListedWebhook,
  most: number,
): Promise<{ readonly place: StreamPlace } | null> {
  const [, listed, end] = await fromLedger(
    db.batch<NonNullable<StreamPlace>>([
      upsert(db, webhook, most),
      db.prepare("SELECT 1 FROM webhooks WHERE id = ?1").bind(webhook.id),
      streamEnd(db),
    ]),
  );
  return listed!.results.length === 0 ? null : { place: end!.results[0] ?? null };
}

/** Tells the ledger how an endpoint is now. Also one that it does not know: it may have been restored from before. */
export async function recordWebhook(db: D1Database, webhook: ListedWebhook): Promise<void> {
  await fromLedger(upsert(db, webhook, Number.MAX_SAFE_INTEGER).run());
}

export async function removeWebhook(db: D1Database, id: string): Promise<void> {
  await fromLedger(db.prepare("DELETE FROM webhooks WHERE id = ?1").bind(id).run());
}

/** The place in a list of endpoints behind which it goes on. */
export type WebhookPlace = { readonly createdAt: number; readonly id: string };

/** Endpoints, newest first, from behind `after` on; of `owner` only, if one is given. */
export async function listWebhooks(
  db: D1Database,
  {
    owner,
    after,
    limit,
  }: { readonly owner: string | null; readonly after: WebhookPlace | null; readonly limit: number },
): Promise<readonly ListedWebhook[]> {
  const { values, bind } = parameters();
  const conditions: string[] = [];
  if (owner !== null) conditions.push(`owner = ${bind(owner)}`);
  if (after !== null) conditions.push(`(created_at_ms, id) < (${bind(after.createdAt)}, ${bind(after.id)})`);
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT record FROM webhooks ${where(conditions)}
         ORDER BY created_at_ms DESC, id DESC LIMIT ${bind(limit)}`,
      )
      .bind(...values)
      .all<{ record: string }>(),
  );
  return results.map(({ record }) => JSON.parse(record) as ListedWebhook);
}

/** How many of the newest arrivals are looked at for whom to wake. */
const RECENT_ARRIVALS = 2_000;

/**
 * Which endpoints may have something to read that arrived since an instant, at most `limit` of them, in no order: who
 * does not fit in this time will in another.
 */
export async function webhooksToWake(db: D1Database, sinceMs: number, limit: number): Promise<readonly string[]> {
  const { results } = await fromLedger(
    db
      .prepare(
        `WITH recent AS (
           SELECT owner FROM (SELECT owner, arrived_at_ms FROM stream ORDER BY arrival DESC LIMIT ?3)
           WHERE arrived_at_ms >= ?1
         )
         SELECT id FROM webhooks
         WHERE status = 'active' AND EXISTS (SELECT 1 FROM recent)
           AND (owner IS NULL OR owner IN (SELECT owner FROM recent WHERE owner IS NOT NULL))
         ORDER BY random() LIMIT ?2`,
      )
      .bind(sinceMs, limit, RECENT_ARRIVALS)
      .all<{ id: string }>(),
  );
  return results.map(({ id }) => id);
}
