import { DurableObject } from "cloudflare:workers";
import { Hono, type Context } from "hono";

/**
 * The floors: what Hono, one RPC and one written row cost by themselves. Whatever Rekey does comes on top of them,
 * so a floor does as little as can be done: it reads the same body, asks an object of the same kind, and writes an
 * answer of the same size.
 */
type Bindings = { readonly OBJECTS: DurableObjectNamespace<FloorObject>; readonly ORIGIN: Fetcher };

export class FloorObject extends DurableObject {
  #sql = this.ctx.storage.sql;
  #hasTable = false;

  /** One RPC and nothing else. */
  async nothing(): Promise<{ readonly done: true }> {
    return { done: true };
  }

  /** One RPC that changes one row. The runtime holds the answer back until the row is durable. */
  async update(): Promise<{ readonly done: true }> {
    if (!this.#hasTable) this.#createTable();
    this.#sql.exec("UPDATE counter SET used = used + 1 WHERE id = 1");
    return { done: true };
  }

  #createTable(): void {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, used INTEGER NOT NULL) STRICT");
    this.#sql.exec("INSERT OR IGNORE INTO counter VALUES (1, 0)");
    this.#hasTable = true;
  }
}

type C = Context<{ Bindings: Bindings }>;

const paddings = new Map<number, string>();

/** Answers as many bytes of JSON as the request asks for with `?bytes=`. */
function answer(c: C): Response {
  const bytes = Number(c.req.query("bytes"));
  let padding = paddings.get(bytes);
  if (padding === undefined) {
    padding = "p".repeat(bytes - JSON.stringify({ floor: true, padding: "" }).length);
    paddings.set(bytes, padding);
  }
  return c.json({ floor: true, padding });
}

const objectOf = (c: C) => c.env.OBJECTS.getByName(c.req.param("name")!);

export default new Hono<{ Bindings: Bindings }>()
  .get("/bare", (c) => answer(c))
  .post("/bare", async (c) => {
    await c.req.json();
    return answer(c);
  })
  .post("/rpc/:name", async (c) => {
    await c.req.json();
    await objectOf(c).nothing();
    return answer(c);
  })
  .post("/update/:name", async (c) => {
    await c.req.json();
    await objectOf(c).update();
    return answer(c);
  })
  .get("/forward", (c) => c.env.ORIGIN.fetch(c.req.raw))
  .get("/forward/*", (c) => c.env.ORIGIN.fetch(c.req.raw))
  .get("/forward-rpc/:name", async (c) => {
    await objectOf(c).nothing();
    return c.env.ORIGIN.fetch(c.req.raw);
  });
