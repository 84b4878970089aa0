import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../src/env.ts";
import { control, issue, keyPath, told } from "../support/control.ts";

const silence = () => new Promise<never>(() => {});
const failure = () => Promise.reject(new Error("D1_ERROR: no such table: rk_live_canary"));

/** A ledger in which every statement ends like this. */
function ledger(end: () => Promise<never>): Pick<Env, "DB"> {
  const statement = { bind: () => statement, all: end, run: end, first: end };
  return { DB: { prepare: () => statement, batch: end } as unknown as D1Database };
}

/** Keys of which every object ends like this. */
const keys = (end: () => Promise<never>): Pick<Env, "KEYS"> => ({
  KEYS: { getByName: () => new Proxy({}, { get: () => end }) } as unknown as Env["KEYS"],
});

describe("with the ledger down", () => {
  it.each([
    ["failing", failure],
    ["silent", silence],
  ])("(%s) lists say so, and nothing else is told", { timeout: 10_000 }, async (_name, end) => {
    const response = await control("GET", "/_rekey/v1/keys", { env: ledger(end) });
    expect(response.headers.get("retry-after")).toBe("1");
    const text = await response.clone().text();
    expect(await told(response, 503)).toMatchObject({ code: "ledger-unavailable" });
    expect(text).not.toMatch(/D1|table|canary|stack|\.ts/);
  });

  it.each([
    ["failing", failure],
    ["silent", silence],
  ])("(%s) the Worker is ready all the same, and says that the ledger is behind", async (_name, end) => {
    const response = await control("GET", "/_rekey/readyz", { authorization: null, env: ledger(end) });
    expect(await told(response)).toEqual({ status: "ready", ledger: "behind", warnings: [] });
  });

  it("a key's events still come, as far as its object holds them", async () => {
    const issued = await issue();
    const { items } = await told<{ items: unknown[] }>(
      control("GET", keyPath(issued, "/events"), { env: ledger(failure) }),
    );
    expect(items).toMatchObject([{ type: "key.created" }]);
  });
});

describe("with a key's object out of reach", () => {
  const ask = (method: string, path: string, end: () => Promise<never>) =>
    control(method, path, {
      env: keys(end),
      config: { decisionTimeoutMs: 50 },
      ...(method === "POST" && { body: path.endsWith("/keys") ? { name: "a" } : {} }),
    });

  it.each([
    ["POST", "/_rekey/v1/keys"],
    ["GET", "/_rekey/v1/keys/key_0000000000000404"],
    ["GET", "/_rekey/v1/keys/key_0000000000000404/events"],
    ["POST", "/_rekey/v1/keys/key_0000000000000404/rotate"],
    ["POST", "/_rekey/v1/keys/key_0000000000000404/revoke"],
    ["POST", "/_rekey/v1/keys/key_0000000000000404/suspend"],
    ["POST", "/_rekey/v1/keys/key_0000000000000404/resume"],
  ])("%s %s is 503 and never a guess, failing or silent", async (method, path) => {
    for (const end of [failure, silence]) {
      const response = await ask(method, path, end);
      expect(response.headers.get("retry-after")).toBe("1");
      expect(response.headers.get("rekey-decision")).toBeNull();
      expect(await told(response, 503)).toMatchObject({ code: "unavailable" });
    }
  });

  it("a verify is 503 and never a pass, failing or silent", async () => {
    const { key } = await issue();
    for (const end of [failure, silence]) {
      const call = { body: { key }, env: keys(end), config: { decisionTimeoutMs: 50 } };
      expect(await told(control("POST", "/_rekey/v1/verify", call), 503)).toMatchObject({ code: "unavailable" });
    }
  });

  it("a spending call is made once, whatever becomes of it", async () => {
    const { key } = await issue();
    let calls = 0;
    const end = () => ((calls += 1), failure());
    await told(control("POST", "/_rekey/v1/verify", { body: { key }, env: keys(end) }), 503);
    expect(calls).toBe(1);
  });

  it("a defect of ours is 503 without a word about it", async () => {
    const broken = { ...env, KEYS: undefined as never };
    const response = await control("GET", "/_rekey/v1/keys/key_0000000000000404", { env: broken });
    const text = await response.clone().text();
    expect(await told(response, 503)).toMatchObject({ code: "unavailable" });
    expect(text).not.toMatch(/TypeError|undefined|getByName|\.ts/);
  });
});
