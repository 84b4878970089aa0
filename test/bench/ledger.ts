import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { unstable_splitSqlQuery } from "wrangler";

const migrations = join(import.meta.dirname, "..", "..", "migrations");

/** Brings a fresh ledger to the schema of a deployment. */
export async function migrate(db: D1Database): Promise<void> {
  const files = (await readdir(migrations)).filter((file) => file.endsWith(".sql")).toSorted();
  for (const file of files) {
    const statements = unstable_splitSqlQuery(await readFile(join(migrations, file), "utf8"));
    await db.batch(statements.map((statement) => db.prepare(statement)));
  }
}
