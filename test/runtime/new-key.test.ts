import { describe, expect, it } from "vitest";
import { aRotation } from "../support/a-key.ts";
import { control, issue, told, verify } from "../support/control.ts";
import { openKey } from "../support/open-key.ts";
import { throughGateway } from "../support/through-gateway.ts";

const issuing = (afterUses: number) => aRotation({ afterUses, mode: "issue", graceSeconds: 60 });
const NEW_KEY = "rekey-new-key";

describe("at the gateway a successor comes in Rekey-New-Key", () => {
  it("with the use that is due and no other, in an answer that nobody keeps", async () => {
    const { credential } = await openKey({ rotation: issuing(3) });
    const answers = [];
    for (let use = 0; use < 5; use++) answers.push(await throughGateway(credential));
    expect(answers.map(({ headers }) => headers.has(NEW_KEY))).toEqual([false, false, true, false, false]);
    expect(answers[2]!.headers.get("cache-control")).toBe("private, no-store");
    const successor = answers[2]!.headers.get(NEW_KEY)!;
    expect((await throughGateway(successor)).status).toBe(200);
    expect((await throughGateway(credential)).status).toBe(200);
  });

  it.each<[string, () => Response, number]>([
    [
      "the origin cannot be reached",
      () => {
        throw new Error("refused");
      },
      502,
    ],
    ["the origin answers with an impossible status", () => ({ status: 999, headers: new Headers() }) as Response, 502],
    [
      "the origin's answer cannot be passed on",
      () => ({ status: 200, body: "x", headers: 1 }) as unknown as Response,
      502,
    ],
  ])("is not lost when %s", async (_name, origin, status) => {
    const { credential } = await openKey({ rotation: issuing(1) });
    const answer = await throughGateway(credential, { origin });
    expect(answer.status).toBe(status);
    expect((await throughGateway(answer.headers.get(NEW_KEY)!)).status).toBe(200);
  });

  it("is ours to say: what an origin says under this name never arrives", async () => {
    const { credential } = await openKey();
    const answer = await throughGateway(credential, {
      origin: () => new Response("", { headers: { [NEW_KEY]: "rk_live_x" } }),
    });
    expect(answer.headers.get(NEW_KEY)).toBeNull();
  });

  it("over 200 requests at once is handed out exactly once", async () => {
    const { credential } = await openKey({ rotation: issuing(50) });
    const answers = await Promise.all(Array.from({ length: 200 }, () => throughGateway(credential)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(200);
    expect(answers.filter(({ headers }) => headers.has(NEW_KEY))).toHaveLength(1);
  });

  it("reaches the one request that took the only slot", async () => {
    const { credential } = await openKey({ rotation: issuing(1), maxConcurrent: 1 });
    const answer = await throughGateway(credential);
    expect(await answer.text()).toBe("yes");
    expect((await throughGateway(answer.headers.get(NEW_KEY)!)).status).toBe(200);
  });
});

describe("a control call that is made with a key which is due", () => {
  const caller = async (scopes: readonly string[]) => {
    const { key } = await issue({ scopes, rotation: { afterUses: 1, mode: "issue", graceSeconds: 60 } });
    return { authorization: `Bearer ${key}` };
  };

  it.each<[string, string, string, object, number]>([
    ["is answered", "GET", "/_rekey/v1/keys", {}, 200],
    ["asks for nonsense", "GET", "/_rekey/v1/keys?limit=no", {}, 400],
    ["asks for a key that does not exist", "GET", "/_rekey/v1/keys/key_0000000000000000", {}, 404],
    ["meets a ledger that is down", "GET", "/_rekey/v1/keys", { env: { DB: {} as D1Database } }, 503],
  ])("hands out its successor when it %s", async (_name, method, path, call, status) => {
    const answer = await control(method, path, { ...(await caller(["rekey:keys:read"])), ...call });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("cache-control")).toContain("no-store");
    const successor = { authorization: `Bearer ${answer.headers.get(NEW_KEY)!}` };
    expect((await control("GET", "/_rekey/v1/keys", successor)).status).toBe(200);
  });
});

describe("a verify answers with a successor in newKey", () => {
  it("to exactly one of the questions, of a batch too", async () => {
    const { key } = await issue({ rotation: { afterUses: 3, mode: "issue", graceSeconds: 60 } });
    const { items } = await told<{ items: { valid: boolean; newKey?: string }[] }>(
      control("POST", "/_rekey/v1/verify/batch", { body: { items: Array.from({ length: 9 }, () => ({ key })) } }),
    );
    expect(items.map(({ valid }) => valid)).toEqual(Array(9).fill(true));
    const [successor, ...more] = items.flatMap(({ newKey }) => newKey ?? []);
    expect(more).toEqual([]);
    expect(await verify(successor!)).toMatchObject({ valid: true, version: 2 });
  });

  it("that was lost is repaired by the old secret itself, within the grace", async () => {
    const { key } = await issue({ rotation: { afterUses: 1, mode: "issue", graceSeconds: 60 } });
    await verify(key);
    const repaired = await told<{ key: string }>(
      control("POST", "/_rekey/v1/self/rotate", { authorization: `Bearer ${key}`, body: {} }),
    );
    expect(await verify(repaired.key)).toMatchObject({ valid: true, version: 3 });
    const again = await control("POST", "/_rekey/v1/self/rotate", { authorization: `Bearer ${key}`, body: {} });
    expect([again.status, (await again.json<{ code: string }>()).code]).toEqual([401, "key-rotated"]);
  });
});

describe("a key that must be rotated", () => {
  it("is refused with 403 until it is, reads itself, and rotates itself with the grace of its policy", async () => {
    const { key, record } = await issue({ rotation: { afterUses: 1, graceSeconds: 600 } });
    const own = { authorization: `Bearer ${key}` };
    expect((await throughGateway(key)).status).toBe(200);
    const refused = await throughGateway(key);
    expect([refused.status, (await refused.json<{ code: string }>()).code]).toEqual([403, "rotation-required"]);
    expect(await verify(key)).toMatchObject({ valid: false, code: "rotation-required", keyId: record.id });
    expect((await control("GET", "/_rekey/v1/self", own)).status).toBe(200);
    const rotated = await told<{
      key: string;
      record: { version: number; rotatedAt: string };
      retired: { validUntil: string };
    }>(control("POST", "/_rekey/v1/self/rotate", { ...own, body: {} }));
    expect(Date.parse(rotated.retired.validUntil) - Date.parse(rotated.record.rotatedAt)).toBe(600_000);
    expect((await throughGateway(rotated.key)).status).toBe(200);
  });

  it("cannot lengthen its own grace: nobody asks the holder", async () => {
    const { key } = await issue({ rotation: { afterUses: 1 } });
    const own = { authorization: `Bearer ${key}`, body: { graceSeconds: 600 } };
    expect((await control("POST", "/_rekey/v1/self/rotate", own)).status).toBe(400);
  });
});
