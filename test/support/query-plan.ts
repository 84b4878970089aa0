import { env } from "cloudflare:workers";

/** How SQLite would run what `ask` asks, one line a step. The statement is caught on its way to the database. */
export async function planOf(ask: (db: D1Database) => unknown): Promise<string[]> {
  const caught: { sql: string; values: unknown[] } = { sql: "", values: [] };
  const statement = {
    bind: (...values: unknown[]) => ((caught.values = values), statement),
    all: () => Promise.resolve({ results: [] }),
  };
  void ask({ prepare: (sql: string) => ((caught.sql = sql), statement) } as unknown as D1Database);
  const explained = env.DB.prepare(`EXPLAIN QUERY PLAN ${caught.sql}`).bind(...caught.values);
  return (await explained.all<{ detail: string }>()).results.map(({ detail }) => detail);
}
