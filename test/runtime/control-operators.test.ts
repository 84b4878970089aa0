import { describe, expect, it } from "vitest";
import { ROUTES } from "../../src/control/routes.ts";
import type { Operator } from "../../src/env.ts";
import { control, issue, keyPath, told, verify, type ControlCall, type Issued } from "../support/control.ts";
import { testSecrets } from "../support/settings.ts";

const ALICE: Operator = { name: "alice", token: "Al1ce-token_of-256-bits_0123456789abcdefghijklmn" };
const ALICE_NEXT: Operator = { name: "alice", token: "Al1ce-next-token_of-256-bits_0123456789abcdefghi" };
const CI: Operator = { name: "ci", token: "C1-token_of-256-bits_0123456789abcdefghijklmnopq" };

/** A call with a token, at a deployment that has these operators. */
const as = (operators: readonly Operator[], { token }: { token: string }, call: ControlCall = {}): ControlCall => ({
  ...call,
  authorization: `Bearer ${token}`,
  config: {
    ...call.config,
    operators,
    adminTokens: [testSecrets.REKEY_ADMIN_TOKEN, ...operators.map((operator) => operator.token)],
  },
});

const actorsOf = async (issued: Issued): Promise<string[]> => {
  const { items } = await told<{ items: { actor: string }[] }>(control("GET", keyPath(issued, "/events")));
  return items.map(({ actor }) => actor).toReversed();
};

describe("an operator with a name", () => {
  it("stands under that name in what it does, the deployment's own token under admin", async () => {
    const issued = await issue();
    const all = [ALICE, CI];
    await told(control("POST", keyPath(issued, "/rotate"), as(all, ALICE, { body: {} })));
    await told(control("PATCH", keyPath(issued), as(all, CI, { body: { name: "another" } })));
    await told(control("POST", keyPath(issued, "/suspend"), as(all, { token: testSecrets.REKEY_ADMIN_TOKEN })));
    expect(await actorsOf(issued)).toEqual(["admin", "operator:alice", "operator:ci", "admin"]);
  });

  it("is refused with a token that was taken away, while the other's goes on", async () => {
    const issued = await issue();
    const suspend = (token: Operator) => control("POST", keyPath(issued, "/suspend"), as([CI], token));
    expect((await suspend(ALICE)).status).toBe(401);
    expect((await suspend(CI)).status).toBe(200);
  });

  it("has a lost answer again with the token that replaces its own, and nobody else has", async () => {
    const issued = await issue();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const rotate = (operators: readonly Operator[], by: { token: string }) =>
      told<Issued>(control("POST", keyPath(issued, "/rotate"), as(operators, by, { headers, body: {} })));
    const first = await rotate([ALICE, CI], ALICE);
    expect(await rotate([ALICE, ALICE_NEXT, CI], ALICE_NEXT)).toEqual(first);
    expect(await rotate([ALICE_NEXT, CI], ALICE_NEXT)).toEqual(first);
    // Another operator's header is another header: it rotates anew.
    const other = await rotate([ALICE_NEXT, CI], CI);
    expect([first.record.version, other.record.version]).toEqual([2, 3]);
    expect(other.key).not.toBe(first.key);
  });
});

describe("the changes of a control key", () => {
  const CHANGES = ROUTES.filter(
    ({ method, scope }) => method !== "GET" && scope !== null && scope !== "self" && scope !== "rekey:verify",
  );
  const config = { controlChangesPerMinute: 5 };
  const by = ({ key }: Issued, call: ControlCall = {}): ControlCall => ({
    ...call,
    config,
    authorization: `Bearer ${key}`,
  });
  const aControlKey = (body: object = {}) => issue({ scopes: ["rekey:*"], ...body });

  it("are bounded by the minute: of any number at once exactly so many are let through, the others have to wait", async () => {
    const caller = await aControlKey({ quota: { limit: 100, period: "day" } });
    const target = await issue();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        control("PATCH", keyPath(target), by(caller, { body: { name: `n${at}` } })),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(25);
    for (const answer of refused) {
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await answer.json()).toMatchObject({ code: "rate-limited", limit: "control-changes" });
    }
    // Whoever was refused has spent nothing, and changed nothing.
    const { quota } = await told<{ quota: { remaining: number } }>(control("GET", keyPath(caller)));
    expect(quota.remaining).toBe(95);
    expect(await actorsOf(target)).toHaveLength(6);
  });

  it.each(CHANGES.map((route) => [route.operationId, route] as const))(
    "%s counts as one, whatever comes of it",
    async (_operationId, route) => {
      const caller = await aControlKey();
      const path = route.path
        .replace("{id}", route.path.includes("webhooks") ? "wh_0000000000000000" : "key_0000000000000000")
        .replace("{owner}", "nobody");
      for (let count = 0; count < 5; count++) {
        expect((await control(route.method, path, by(caller, { body: {} }))).status).not.toBe(429);
      }
      expect(await told(control(route.method, path, by(caller, { body: {} })), 429)).toMatchObject({
        limit: "control-changes",
      });
    },
  );

  it("leave its reads and its verdicts alone, and the admin is not bounded", async () => {
    const caller = await aControlKey();
    const target = await issue();
    const rename = { body: { name: "again" } };
    for (let count = 0; count < 6; count++) await control("PATCH", keyPath(target), by(caller, rename));
    expect((await control("PATCH", keyPath(target), by(caller, rename))).status).toBe(429);
    expect((await control("GET", keyPath(target), by(caller))).status).toBe(200);
    expect((await control("POST", "/_rekey/v1/verify", by(caller, { body: { key: target.key } }))).status).toBe(200);
    expect((await control("PATCH", keyPath(target), { ...rename, config })).status).toBe(200);
    // It is admitted as before where it changes nothing.
    expect(await verify(caller.key)).toMatchObject({ valid: true });
  });
});

describe("readiness, which says more to an admin", () => {
  /** A shield that lets so many failures of an address pass. */
  const shieldOf = (limit: number): { limit: RateLimit["limit"]; asked: () => number } => {
    let asked = 0;
    return { limit: () => Promise.resolve({ success: ++asked <= limit }), asked: () => asked };
  };
  const ask = (shield: ReturnType<typeof shieldOf>, authorization: string | null) =>
    control("GET", "/_rekey/readyz", {
      authorization,
      headers: { "cf-connecting-ip": "203.0.113.9" },
      env: { ADMIN_FAILURES: shield },
    });

  it("counts a wrong token at the shield: after so many it is refused", async () => {
    const shield = shieldOf(3);
    for (let count = 0; count < 3; count++) {
      expect(await told(ask(shield, `Bearer wrong-${count}`))).not.toHaveProperty("detail");
    }
    expect(await told(ask(shield, "Bearer wrong"), 429)).toMatchObject({ code: "too-many-failures" });
  });

  it("counts neither the right one, nor none, nor a key of ours", async () => {
    const shield = shieldOf(0);
    const { key } = await issue();
    expect(await told(ask(shield, `Bearer ${testSecrets.REKEY_ADMIN_TOKEN}`))).toHaveProperty("detail");
    expect((await ask(shield, null)).status).toBe(200);
    expect((await ask(shield, `Bearer ${key}`)).status).toBe(200);
    expect(shield.asked()).toBe(0);
  });

  it("is the only page for everybody that tells an admin apart", () => {
    expect(ROUTES.filter(({ scope, tellsAdmin }) => scope === null && tellsAdmin).map((route) => route.path)).toEqual([
      "/_rekey/readyz",
    ]);
  });
});
