import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { verifyAnswer } from "../../src/control/schema/verify.ts";
import { mint, type KeyId, type Pepper } from "../../src/key/credential.ts";
import { control, issue, keyPath, told, verify, type Issued } from "../support/control.ts";
import { testSecrets } from "../support/settings.ts";

const STRANGER = { valid: false, code: "invalid-key", requestId: "req_test", decision: null };
const [, secret] = testSecrets.REKEY_PEPPERS.split(":") as [string, string];
const OURS: Pepper = { id: "a", secret: new TextEncoder().encode(secret) };
const FOREIGN: Pepper = { id: "a", secret: new TextEncoder().encode(secret.toUpperCase()) };

/** A credential of this key id that was never issued, tagged under a pepper. */
const minted = (keyId: string, pepper: Pepper) =>
  mint(keyId as KeyId, { prefix: "rk_live", pepper, random: (bytes) => crypto.getRandomValues(bytes) });

/** Bindings that count which objects are asked, and a ledger that must not be. */
function counted() {
  const asked: string[] = [];
  const KEYS = {
    getByName(name: string) {
      asked.push(name);
      return env.KEYS.getByName(name);
    },
  } as unknown as typeof env.KEYS;
  const DB = new Proxy({} as D1Database, {
    get() {
      throw new Error("the ledger was asked");
    },
  });
  return { asked, env: { KEYS, DB } };
}

describe("verify", () => {
  it("is one question to one object, and none to the ledger", async () => {
    const issued = await issue();
    const { asked, env: bindings } = counted();
    const response = control("POST", "/_rekey/v1/verify", { body: { key: issued.key }, env: bindings });
    expect(await told(response)).toMatchObject({ valid: true });
    expect(asked).toEqual([issued.record.id]);
  });

  it("names the decision that it is, each one newer than the last", async () => {
    const issued = await issue();
    const decisions: [number, number][] = [];
    for (let time = 0; time < 3; time++) {
      const response = await control("POST", "/_rekey/v1/verify", { body: { key: issued.key } });
      const { decision } = await told<{ decision: string }>(response.clone());
      expect(response.headers.get("rekey-decision")).toBe(decision);
      decisions.push(decision.split(".").map(Number) as [number, number]);
    }
    expect(decisions).toEqual(decisions.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
    expect(new Set(decisions.map(String)).size).toBe(3);
  });

  it("passes every demand on to the decision", async () => {
    const issued = await issue({ scopes: ["a:*"], allowedIps: ["10.0.0.0/8"], quota: { limit: 5, period: "none" } });
    const from = { ip: "10.1.2.3" };
    expect(await verify(issued.key)).toMatchObject({ code: "ip-not-allowed" });
    expect(await verify(issued.key, { ip: "11.1.2.3" })).toMatchObject({ code: "ip-not-allowed" });
    expect(await verify(issued.key, { ...from, scopes: ["a:b", "c"] })).toMatchObject({ code: "insufficient-scope" });
    expect(await verify(issued.key, { ...from, anyScope: ["c"] })).toMatchObject({ code: "insufficient-scope" });
    expect(await verify(issued.key, { ...from, anyScope: ["c", "a:b"], scopes: ["a:b"], cost: 3 })).toMatchObject({
      code: "valid",
      quota: { used: 3, remaining: 2, resetsAt: null },
    });
    expect(await verify(issued.key, { ...from, dryRun: true, cost: 2 })).toMatchObject({ valid: true });
    expect(await verify(issued.key, { ...from, cost: 3 })).toMatchObject({ code: "quota-exceeded" });
    expect(await verify(issued.key, { ...from, cost: 2 })).toMatchObject({ valid: true, quota: { remaining: 0 } });
    expect(await verify(issued.key, { ...from, cost: 0 })).toMatchObject({ valid: true, quota: { used: 5 } });
  });

  it("explains itself to the admin: every rule by itself, what each counter held before, and the same decision as without", async () => {
    const issued = await issue({ scopes: ["a"], quota: { limit: 2, period: "none" } });
    expect(await verify(issued.key, { cost: 2, explain: true })).toMatchObject({
      valid: true,
      quota: { used: 2, remaining: 0 },
      explanation: { decidedBy: null, before: { quota: { used: 0, remaining: 2 } } },
    });
    const refused = await verify(issued.key, { scopes: ["b"], explain: true });
    expect(refused).toMatchObject({ code: "insufficient-scope", explanation: { decidedBy: "reach" } });
    // It goes on behind the rule that decided: what else stands against the request is seen at once.
    const { checks } = refused["explanation"] as { checks: { check: string; code: string | null }[] };
    expect(checks.map(({ check, code }) => [check, code])).toEqual([
      ["identity", null],
      ["standing", null],
      ["rotation", null],
      ["reach", "insufficient-scope"],
      ["concurrency", null],
      ["pace", null],
      ["allowance", "quota-exceeded"],
    ]);
    expect(await verify(`${issued.key.slice(0, -1)}!`, { explain: true })).toEqual(STRANGER);
  });

  it("explains itself to nobody else: not to a control key that may ask", async () => {
    const [asker, issued] = [await issue({ scopes: ["rekey:verify"] }), await issue()];
    const answer = await told(
      control("POST", "/_rekey/v1/verify", {
        authorization: `Bearer ${asker.key}`,
        body: { key: issued.key, explain: true },
      }),
    );
    expect(answer).toMatchObject({ valid: true });
    expect(answer).not.toHaveProperty("explanation");
  });

  it("is what its schema says, whatever the verdict", async () => {
    const issued = await issue({ quota: { limit: 1, period: "day" }, lifetimeSeconds: 60, metadata: { a: 1 } });
    const verdicts = [await verify(issued.key), await verify(issued.key)];
    await told<Issued>(control("POST", keyPath(issued, "/rotate")));
    verdicts.push(await verify(issued.key), await verify("junk"));
    expect(verdicts.map(({ code }) => code)).toEqual(["valid", "quota-exceeded", "key-rotated", "invalid-key"]);
    for (const verdict of verdicts) expect(judge(verifyAnswer, verdict)).toMatchObject({ ok: true });
  });
});

describe("whoever holds no secret of a key is told the same, byte for byte", () => {
  const answer = async (key: string, bindings = {}) => {
    const response = await control("POST", "/_rekey/v1/verify", { body: { key }, env: bindings });
    return [response.status, [...response.headers], await response.text()];
  };
  const same = [200, expect.anything(), JSON.stringify(STRANGER)];

  it("a wrong secret of a key that exists, of one that is revoked, and of one that never was", async () => {
    const [living, dead] = [await issue(), await issue()];
    await told(control("POST", keyPath(dead, "/revoke")));
    const answers = [];
    for (const id of [living.record.id, dead.record.id, "key_0000000000000404"])
      answers.push(await answer(minted(id, OURS)));
    expect(answers[0]).toEqual(same);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it("junk of every kind, for which no object is asked", async () => {
    const issued = await issue();
    const { asked, env: bindings } = counted();
    const junk = [
      "",
      " ",
      "x",
      "x".repeat(60_000),
      "\u0000",
      "🔑".repeat(40),
      issued.key.slice(0, -1),
      `${issued.key}0`,
      ` ${issued.key}`,
      issued.key.toUpperCase(),
      issued.key.replace("rk_live", "rk_evil"),
      `${issued.key.slice(0, -1)}${issued.key.endsWith("0") ? "1" : "0"}`,
      minted(issued.record.id, FOREIGN),
      minted(issued.record.id, { ...OURS, id: "z" }),
    ];
    for (const key of junk) expect(await answer(key, bindings)).toEqual(same);
    expect(asked).toEqual([]);
  });
});
