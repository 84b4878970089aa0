import { Hono } from "hono";
import { answerOf, OWNER, type Verdict } from "../desk.ts";

/**
 * What is often built on Cloudflare without an object per key: keys are found in KV, uses are counted in D1 by one
 * guarded UPDATE. With `CACHE_SECONDS` an isolate keeps what it has read, as it is often done to spare the read.
 */
type Bindings = {
  readonly KV: KVNamespace;
  readonly DB: D1Database;
  readonly CACHE_SECONDS: number;
  readonly ANSWER_BYTES: number;
};

type Stored = {
  readonly id: string;
  readonly owner: string;
  readonly status: "active" | "revoked";
  readonly limit: number;
};

const cache = new Map<string, { readonly stored: Stored; readonly until: number }>();

async function find(env: Bindings, digest: string): Promise<Stored | null> {
  const cached = cache.get(digest);
  if (cached !== undefined && cached.until > Date.now()) return cached.stored;
  const stored = await env.KV.get<Stored>(digest, "json");
  if (stored !== null && env.CACHE_SECONDS > 0) {
    cache.set(digest, { stored, until: Date.now() + env.CACHE_SECONDS * 1000 });
  }
  return stored;
}

async function verify(env: Bindings, key: string): Promise<Verdict> {
  const stored = await find(env, await digestOf(key));
  if (stored === null) return { valid: false, code: "invalid-key" };
  if (stored.status !== "active") return { valid: false, code: "key-revoked" };
  const { id, limit } = stored;
  const row = await env.DB.prepare("UPDATE uses SET used = used + 1 WHERE id = ?1 AND used < ?2 RETURNING used")
    .bind(id, limit)
    .first<{ used: number }>();
  return row === null ? { valid: false, code: "quota-exceeded" } : { valid: true, keyId: id, limit, used: row.used };
}

async function digestOf(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Buffer.from(digest).toString("hex");
}

export default new Hono<{ Bindings: Bindings }>()
  .post("/keys", async (c) => {
    const { limit } = await c.req.json<{ limit: number }>();
    const id = crypto.randomUUID();
    const key = `key_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`;
    const digest = await digestOf(key);
    await c.env.DB.prepare("INSERT INTO uses (id, digest, used) VALUES (?1, ?2, 0)").bind(id, digest).run();
    await c.env.KV.put(digest, JSON.stringify({ id, owner: OWNER, status: "active", limit } satisfies Stored));
    return c.json({ id, key });
  })
  .post("/keys/:id/revoke", async (c) => {
    const row = await c.env.DB.prepare("SELECT digest FROM uses WHERE id = ?1")
      .bind(c.req.param("id"))
      .first<{ digest: string }>();
    const stored = await c.env.KV.get<Stored>(row!.digest, "json");
    await c.env.KV.put(row!.digest, JSON.stringify({ ...stored!, status: "revoked" } satisfies Stored));
    return c.json({ revoked: true });
  })
  .post("/verify", async (c) => {
    const { key } = await c.req.json<{ key: string }>();
    const text = answerOf(await verify(c.env, key), c.env.ANSWER_BYTES);
    return c.body(text, 200, { "content-type": "application/json" });
  });
