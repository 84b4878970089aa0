import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { D1_LIMITS } from "../support/d1-limits.ts";

const { statementBytes, valueBytes, parameters } = D1_LIMITS;
const TOO_BIG = /too big: SQLITE_TOOBIG/;
const some = (length: number) => Array.from({ length }, (_, at) => at);
const asked = (count: number, between: string) =>
  some(count)
    .map((at) => `?${at + 1}`)
    .join(between);

/** What each documented limit lets pass, what it does not, and how that is refused. */
const LIMITS: readonly (readonly [
  name: string,
  most: () => D1PreparedStatement,
  more: () => D1PreparedStatement,
  RegExp,
])[] = [
  [
    "the bytes of a statement",
    () => env.DB.prepare("SELECT 1".padEnd(statementBytes)),
    () => env.DB.prepare("SELECT 1".padEnd(statementBytes + 1)),
    /too long/,
  ],
  [
    "its parameters",
    () => env.DB.prepare(`SELECT 1 WHERE 0 IN (${asked(parameters, ", ")})`).bind(...some(parameters)),
    () => env.DB.prepare(`SELECT 1 WHERE 0 IN (${asked(parameters + 1, ", ")})`).bind(...some(parameters + 1)),
    /variable/,
  ],
  [
    "the bytes of a string",
    () => env.DB.prepare("SELECT length(?1)").bind("x".repeat(valueBytes)),
    () => env.DB.prepare("SELECT length(?1)").bind("x".repeat(valueBytes + 1)),
    TOO_BIG,
  ],
  [
    "the bytes of a string with characters of several",
    () => env.DB.prepare("SELECT length(?1)").bind("é".repeat(valueBytes / 2)),
    () => env.DB.prepare("SELECT length(?1)").bind("é".repeat(valueBytes / 2 + 1)),
    TOO_BIG,
  ],
  [
    "the bytes of a row",
    () => env.DB.prepare("SELECT ?1, ?2").bind(...some(2).map(() => "x".repeat(valueBytes / 2))),
    () => env.DB.prepare("SELECT ?1, ?2").bind(...some(2).map(() => "x".repeat(valueBytes / 2 + 1))),
    TOO_BIG,
  ],
  [
    "the arguments of a function",
    () => env.DB.prepare(`SELECT max(${asked(32, ", ")})`).bind(...some(32)),
    () => env.DB.prepare(`SELECT max(${asked(33, ", ")})`).bind(...some(33)),
    /too many arguments/,
  ],
  [
    "the bytes of a pattern",
    () => env.DB.prepare("SELECT 'a' LIKE ?1").bind("x".repeat(50)),
    () => env.DB.prepare("SELECT 'a' LIKE ?1").bind("x".repeat(51)),
    /pattern/,
  ],
];

describe("the ledger of every test keeps to D1's limits, and no less is refused", () => {
  it.each(LIMITS)("%s", async (_name, most, more, refused) => {
    await expect(most().all()).resolves.toBeDefined();
    await expect(more().first()).rejects.toThrow(refused);
    await expect(more().all()).rejects.toThrow(refused);
    await expect(more().run()).rejects.toThrow(refused);
    await expect(more().raw()).rejects.toThrow(refused);
    await expect(env.DB.batch([most(), more()])).rejects.toThrow(refused);
  });

  it("the bytes of a result", async () => {
    const rows = (count: number) =>
      env.DB.prepare(
        `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${count}) SELECT ?1 FROM n`,
      ).bind("x".repeat(1_000_000));
    await expect(rows(24).all()).resolves.toBeDefined();
    await expect(rows(51).all()).rejects.toThrow(/too large/);
  });
});
