import type { EventType } from "../key/event.ts";
import type { Receipts } from "../key/receipt.ts";
import { DAY_MS, HOUR_MS, type EpochMs } from "../key/time.ts";
import type { StreamPlace } from "../ledger/stream.ts";
import type { Attempt } from "../webhook/attempt.ts";
import type { Endpoint } from "../webhook/endpoint.ts";
import type { MessageId } from "../webhook/id.ts";
import type { Delivery, DeliveryPlace, DeliveryState } from "./rpc.ts";

const SCHEMA = `
  CREATE TABLE endpoint (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    state TEXT    NOT NULL          -- the endpoint, its secrets and how far it has read, as JSON
  ) STRICT;
  CREATE TABLE message (
    id            TEXT    PRIMARY KEY,
    key_id        TEXT,               -- which key it is about; NULL: a test
    type          TEXT    NOT NULL,
    body          TEXT    NOT NULL,   -- what is sent, byte for byte
    state         TEXT    NOT NULL,   -- pending | delivered | dead
    created_at_ms INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    due_at_ms     INTEGER NOT NULL,   -- of a pending one; of another, since when it is no longer pending
    last_attempt  TEXT                -- as JSON
  ) STRICT;
  CREATE INDEX message_due ON message (due_at_ms) WHERE state = 'pending';
`;

/** An endpoint as its object keeps it. */
export type Page = {
  readonly endpoint: Endpoint;
  /** How far it has read. */
  readonly place: StreamPlace;
  readonly receipts: Receipts;
};

export type NewMessage = {
  readonly id: MessageId;
  readonly keyId: string | null;
  readonly type: string;
  readonly body: string;
};

/** A message that is to be sent, and how often it was tried. */
export type Due = { readonly id: MessageId; readonly body: string; readonly attempts: number };

/** How long messages are kept that need not be sent any more, in milliseconds, and how many of each state at most. */
const KEPT_MS: Readonly<Record<Exclude<DeliveryState, "pending">, number>> = {
  delivered: 7 * DAY_MS,
  dead: 30 * DAY_MS,
};
const KEPT = 1_000;

/** The one event of a key that outlives it: it says no more than that it was forgotten, and on whose word. */
const PURGED: EventType = "key.purged";

/**
 * The SQLite rows of one endpoint. What is known of the endpoint itself is read once when the object wakes, afterwards
 * only written; its messages are looked up.
 */
export class WebhookBook {
  readonly #storage: DurableObjectStorage;
  #page: Page | null;
  #prunedAt: EpochMs | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#page = this.#read();
  }

  /** `null` where no endpoint is. */
  get page(): Page | null {
    return this.#page;
  }

  /** The page of an endpoint to which messages are sent; `null`: it is disabled, or there is none. */
  get active(): Page | null {
    return this.#page?.endpoint.disabledBecause === null ? this.#page : null;
  }

  /** Writes the endpoint, and in the same transaction messages that are new; those that are known stay as they are. */
  write(page: Page, now: EpochMs, messages: readonly NewMessage[] = []): void {
    this.#storage.transactionSync(() => {
      if (!this.#exists()) this.#sql.exec(SCHEMA);
      for (const { id, keyId, type, body } of messages) {
        this.#sql.exec(
          `INSERT INTO message VALUES (?, ?, ?, ?, 'pending', ?, 0, ?, NULL) ON CONFLICT (id) DO NOTHING`,
          id,
          keyId,
          type,
          body,
          now,
          now,
        );
      }
      this.#sql.exec("INSERT OR REPLACE INTO endpoint VALUES (1, ?)", JSON.stringify(page));
    });
    this.#page = page;
  }

  /** Forgets the endpoint, its messages and its alarm, and that there ever was any of it. */
  async forget(): Promise<void> {
    this.#page = null;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  /** Pending messages whose time has come, the oldest first. */
  due(now: EpochMs, limit: number): readonly Due[] {
    return this.#sql
      .exec<Due>(
        `SELECT id, body, attempts FROM message WHERE state = 'pending' AND due_at_ms <= ?
         ORDER BY due_at_ms, created_at_ms, rowid LIMIT ?`,
        now,
        limit,
      )
      .toArray();
  }

  /** A message whose next attempt is this one, counted from 1; `null`: it was made, or there is none to make. */
  toAttempt(id: MessageId, attempt: number): Due | null {
    const [row] = this.#sql
      .exec<Due>(
        "SELECT id, body, attempts FROM message WHERE id = ? AND state = 'pending' AND attempts = ?",
        id,
        attempt - 1,
      )
      .toArray();
    return row ?? null;
  }

  /** Whoever has these messages has so long to make the attempt: until then they are not due. */
  lend(messages: readonly Due[], until: EpochMs): void {
    for (const { id, attempts } of messages) {
      this.#sql.exec(
        "UPDATE message SET due_at_ms = ? WHERE id = ? AND state = 'pending' AND attempts = ?",
        until,
        id,
        attempts,
      );
    }
  }

  /** When the earliest pending message is due; `null`: none is pending. */
  nextDue(): EpochMs | null {
    return this.#sql
      .exec<{ due: EpochMs | null }>("SELECT min(due_at_ms) AS due FROM message WHERE state = 'pending'")
      .one().due;
  }

  delivery(id: MessageId): Delivery | null {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM message WHERE id = ?`, id).toArray();
    return row === undefined ? null : deliveryOf(row);
  }

  /** Messages, newest first. */
  deliveries(state: DeliveryState | null, after: DeliveryPlace | null, limit: number): readonly Delivery[] {
    return this.#sql
      .exec<Row>(
        `SELECT ${COLUMNS} FROM message
         WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR (created_at_ms, id) < (?2, ?3))
         ORDER BY created_at_ms DESC, id DESC LIMIT ?4`,
        state,
        after?.createdAt ?? null,
        after?.id ?? null,
        limit,
      )
      .toArray()
      .map(deliveryOf);
  }

  count(): { readonly pending: number; readonly dead: number } {
    return this.#sql
      .exec<{ pending: number; dead: number }>(
        `SELECT count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'dead') AS dead
         FROM message`,
      )
      .one();
  }

  /** What came of an attempt. `dueAt`: when a pending one is tried next, or since when it is settled. */
  settle(id: MessageId, state: DeliveryState, attempts: number, dueAt: EpochMs, last: Attempt): void {
    this.#sql.exec(
      "UPDATE message SET state = ?, attempts = ?, due_at_ms = ?, last_attempt = ? WHERE id = ?",
      state,
      attempts,
      dueAt,
      JSON.stringify(last),
      id,
    );
  }

  /** Makes a message pending as if it were new. */
  replay(id: MessageId, now: EpochMs): void {
    this.#sql.exec("UPDATE message SET state = 'pending', attempts = 0, due_at_ms = ? WHERE id = ?", now, id);
  }

  /** Makes all that is pending due. */
  hurry(now: EpochMs): void {
    this.#sql.exec("UPDATE message SET due_at_ms = ?1 WHERE state = 'pending' AND due_at_ms > ?1", now);
  }

  /** Whether it has any message, and be it one that was sent long ago. */
  get isEmpty(): boolean {
    return this.#sql.exec("SELECT 1 FROM message LIMIT 1").toArray().length === 0;
  }

  /** Of which keys it has messages. */
  keyIds(): readonly string[] {
    return this.#sql
      .exec<{ key_id: string }>(`SELECT DISTINCT key_id FROM message WHERE key_id IS NOT NULL AND type <> '${PURGED}'`)
      .toArray()
      .map(({ key_id }) => key_id);
  }

  /** Forgets whatever is about a key, but that it was purged. */
  forgetKey(keyId: string): void {
    if (this.#page !== null) this.#sql.exec(`DELETE FROM message WHERE key_id = ? AND type <> '${PURGED}'`, keyId);
  }

  /**
   * Forgets what was settled long ago, and the oldest where there is too much. Once in a while, because it looks at all:
   * false if that was lately.
   */
  prune(now: EpochMs): boolean {
    if (this.#page === null || (this.#prunedAt !== null && now - this.#prunedAt < HOUR_MS)) return false;
    this.#prunedAt = now;
    for (const [state, keptMs] of Object.entries(KEPT_MS)) {
      this.#sql.exec(
        `DELETE FROM message WHERE state = ?1 AND (due_at_ms < ?2 OR rowid NOT IN
           (SELECT rowid FROM message WHERE state = ?1 ORDER BY due_at_ms DESC LIMIT ?3))`,
        state,
        now - keptMs,
        KEPT,
      );
    }
    return true;
  }

  /** Only reads: asking must not bring an object into existence. */
  #read(): Page | null {
    if (!this.#exists()) return null;
    return JSON.parse(this.#sql.exec<{ state: string }>("SELECT state FROM endpoint").one().state) as Page;
  }

  #exists(): boolean {
    return (
      this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'endpoint'").toArray().length > 0
    );
  }

  get #sql(): SqlStorage {
    return this.#storage.sql;
  }
}

const COLUMNS = "id, type, state, created_at_ms, attempts, due_at_ms, last_attempt";

type Row = {
  id: MessageId;
  type: string;
  state: DeliveryState;
  created_at_ms: EpochMs;
  attempts: number;
  due_at_ms: EpochMs;
  last_attempt: string | null;
};

const deliveryOf = ({ id, type, state, created_at_ms, attempts, due_at_ms, last_attempt }: Row): Delivery => ({
  id,
  type,
  state,
  createdAt: created_at_ms,
  attempts,
  dueAt: due_at_ms,
  lastAttempt: last_attempt === null ? null : (JSON.parse(last_attempt) as Attempt),
});
