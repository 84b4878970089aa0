import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { WebhookJson } from "../../src/control/schema/webhook.ts";
import { doChores } from "../../src/scheduled.ts";
import { epochMs } from "../../src/key/time.ts";
import { RETRY_AFTER_MS } from "../../src/webhook/retry.ts";
import { WebhookBook } from "../../src/webhook-object/book.ts";
import { control, issue, keyPath, told, type Issued } from "../support/control.ts";
import { ledgerDown } from "../support/meet-ledger.ts";
import { stubInternet, type Internet } from "../support/stub-receiver.ts";
import { deliveries, hook, HOOKS, read, URL_OF, type Hook } from "../support/webhooks.ts";

const HOUR = 3600 * 1000;

let internet: Internet;
let began: number;

beforeEach(() => {
  internet = stubInternet();
  // Nothing is later than planned.
  vi.spyOn(Math, "random").mockReturnValue(0);
  // A clock of our own, ahead of the platform's: no alarm rings before the test lets it.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 100 * HOUR);
  began = Date.now();
});

afterEach(async () => {
  // No webhook of a test hears of the next test's keys.
  const { items } = await told<{ items: WebhookJson[] }>(control("GET", `${HOOKS}?limit=200`));
  for (const { id } of items) await control("DELETE", `${HOOKS}/${id}`);
  internet[Symbol.dispose]();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** What the cron does, with the clock of the ledger, which is not ours. */
const tick = () => doChores(env, epochMs(Date.now() - 100 * HOUR));

/** Lets the alarm ring, now. */
const ring = ({ stub }: Hook) => runDurableObjectAlarm(stub);
const alarmOf = ({ stub }: Hook) => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());

/** Goes to the instant of the alarm and lets it ring. What the object had in memory is gone before. */
async function ringOnTime(hooked: Hook): Promise<void> {
  await evictDurableObject(hooked.stub);
  vi.setSystemTime((await alarmOf(hooked))!);
  await ring(hooked);
}

type Body = { readonly type: string; readonly data: { readonly keyId: string; readonly owner: string | null } };
const bodies = (): Body[] => internet.sent.map(({ body }) => JSON.parse(body) as Body);
const types = (): string[] => bodies().map(({ type }) => type);
const ids = (): string[] => internet.sent.map(({ headers }) => headers.get("webhook-id")!);

const answering =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(null, { status, headers });

/** Whether a message was signed with this secret. Written without the product's own words for it. */
async function isSigned(at: number, secret: string): Promise<boolean> {
  const { headers, body } = internet.sent[at]!;
  const bytes = (text: string) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes(secret.replace("whsec_", "")), algorithm, false, ["verify"]);
  const text = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
  const signatures = headers.get("webhook-signature")!.split(" ");
  const verified = signatures.map((each) =>
    crypto.subtle.verify("HMAC", key, bytes(each.replace("v1,", "")), new TextEncoder().encode(text)),
  );
  return (await Promise.all(verified)).includes(true);
}

describe("a webhook", () => {
  it("is told of what happens after it was made, once, in a signed message, and of nothing before", async () => {
    const before = await issue();
    const hooked = await hook();
    const { record } = await issue({ owner: "acme" });
    await told(control("POST", keyPath(before, "/rotate")));
    await ring(hooked);
    expect(types()).toEqual(["key.created", "key.rotated"]);
    expect(JSON.parse(internet.sent[0]!.body)).toEqual({
      type: "key.created",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
      data: {
        keyId: record.id,
        owner: "acme",
        sequence: 1,
        actor: "admin",
        requestId: "req_test",
        ip: null,
        userAgent: null,
        country: null,
        detail: expect.anything() as unknown,
      },
    });
    expect(ids()).toEqual([`evt_${record.id.slice(4)}_1`, `evt_${before.record.id.slice(4)}_2`]);
    expect(internet.sent[0]).toMatchObject({ url: URL_OF, redirect: "manual" });
    expect(await isSigned(0, hooked.secret)).toBe(true);
    expect(await isSigned(0, (await hook()).secret)).toBe(false);

    await evictDurableObject(hooked.stub);
    await ring(hooked);
    expect(internet.sent.length).toBe(2);
    expect((await deliveries(hooked)).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
    expect(await read(hooked)).toMatchObject({ status: "active", pending: 0, dead: 0, failingSince: null });
  });

  it("is told of its owner's keys only, and of the types it wants", async () => {
    const [all, acmes, rotations] = await Promise.all([
      hook(),
      hook({ owner: "acme" }),
      hook({ events: ["key.rotated"] }),
    ]);
    const keys = await Promise.all(["acme", "globex", null].map((owner) => issue({ owner })));
    await told(control("POST", keyPath(keys[1]!, "/rotate")));
    const heard = async (hooked: Hook) => {
      internet.sent.splice(0);
      await ring(hooked);
      return bodies().map(({ type, data }) => `${type} of ${data.owner}`);
    };
    expect((await heard(all)).toSorted()).toEqual([
      "key.created of acme",
      "key.created of globex",
      "key.created of null",
      "key.rotated of globex",
    ]);
    expect(await heard(acmes)).toEqual(["key.created of acme"]);
    expect(await heard(rotations)).toEqual(["key.rotated of globex"]);
  });

  it("is woken by a change, or within a minute, and only if it may have something to read", async () => {
    const hooked = await Promise.all([hook(), hook({ owner: "somebody" }), hook({ owner: "somebody-else" })]);
    await issue({ owner: "somebody" });
    await tick();
    expect(await Promise.all(hooked.map(alarmOf))).toEqual([began, began, began + HOUR]);
  });

  it("is told of an event that arrives late, however old it is, and once, however often it arrives", async () => {
    const hooked = await hook();
    const { record } = await issue();
    await ring(hooked);
    const event = (sequence: number, at: number) =>
      env.DB.prepare(
        `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail)
         VALUES (?, ?, 'key.slid', ?, 'admin', 'req_1', '{}')
         ON CONFLICT (key_id, sequence) DO UPDATE SET hash = 'x' WHERE events.hash IS NULL`,
      )
        .bind(record.id, sequence, at)
        .run();
    vi.setSystemTime(began + HOUR);
    await event(8, began + 8);
    await ring(hooked);
    await event(7, began + 7);
    await event(8, began + 8);
    // From before the webhook was made.
    await event(9, began - HOUR);
    await ring(hooked);
    await ring(hooked);
    expect(ids()).toEqual([1, 8, 7].map((sequence) => `evt_${record.id.slice(4)}_${sequence}`));
  });

  it("that is deleted is told of nothing more, and leaves nothing behind", async () => {
    const hooked = await hook();
    await issue();
    expect((await control("DELETE", `${HOOKS}/${hooked.id}`)).status).toBe(204);
    expect(await ring(hooked)).toBe(false);
    expect(internet.sent).toEqual([]);
    expect((await control("GET", `${HOOKS}/${hooked.id}`)).status).toBe(404);
    expect((await control("DELETE", `${HOOKS}/${hooked.id}`)).status).toBe(404);
    const tables = await runInDurableObject(hooked.stub, (_object, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
    await issue();
    const { results } = await env.DB.prepare("SELECT * FROM webhooks").all();
    expect(results).toEqual([]);
  });

  it("that is deleted while a message is under way stays deleted", async () => {
    const hooked = await hook();
    await issue();
    internet.answers = async () => {
      expect((await control("DELETE", `${HOOKS}/${hooked.id}`)).status).toBe(204);
      return new Response(null, { status: 500 });
    };
    await ring(hooked);
    expect(internet.sent.length).toBe(1);
    expect(await alarmOf(hooked)).toBeNull();
    expect((await control("GET", `${HOOKS}/${hooked.id}`)).status).toBe(404);
  });

  it("forgets what it has of a key that is purged, sent or not", async () => {
    const hooked = await hook({ owner: "acme" });
    const target = await issue({ owner: "acme" });
    await ring(hooked);
    await told(control("POST", keyPath(target, "/revoke")));
    expect((await control("DELETE", keyPath(target))).status).toBe(204);
    await ring(hooked);
    expect(await deliveries(hooked)).toEqual([]);
    expect(types()).toEqual(["key.created"]);
  });

  it("forgets a key that is purged while nothing can be sent: disabled, or with too much that waits", async () => {
    for (const [status, waiting] of [
      [410, 1],
      [500, 801],
    ] as const) {
      const hooked = await hook({ owner: "acme" });
      const target = await issue({ owner: "acme" });
      internet.answers = answering(status);
      await ring(hooked);
      await runInDurableObject(hooked.stub, (_object, { storage }) => {
        for (let n = 1; n < waiting; n++) {
          storage.sql.exec(
            `INSERT INTO message SELECT 'evt_test_' || ?1, NULL, type, body, state, created_at_ms, attempts, due_at_ms, last_attempt
             FROM message WHERE key_id IS NOT NULL LIMIT 1`,
            n,
          );
        }
      });
      await told(control("POST", keyPath(target, "/revoke")));
      expect((await control("DELETE", keyPath(target))).status).toBe(204);
      const kept = async () =>
        runInDurableObject(
          hooked.stub,
          (_object, { storage }) =>
            storage.sql.exec("SELECT 1 FROM message WHERE key_id = ?", target.record.id).toArray().length,
        );
      expect(await kept()).toBe(1);
      vi.setSystemTime(Date.now() + HOUR);
      await ring(hooked);
      expect([status, await kept()]).toEqual([status, 0]);
      await control("DELETE", `${HOOKS}/${hooked.id}`);
    }
  });

  it("that is disabled keeps what was settled no longer than another, and rests when it keeps nothing", async () => {
    const hooked = await hook();
    await issue();
    await ring(hooked);
    internet.answers = answering(410);
    vi.setSystemTime(began + 1);
    await told(control("POST", `${HOOKS}/${hooked.id}/test`), 202);
    await ring(hooked);
    expect(await deliveries(hooked)).toMatchObject([{ state: "pending" }, { state: "delivered" }]);
    vi.setSystemTime(began + 7 * 24 * HOUR);
    await ring(hooked);
    expect((await deliveries(hooked)).length).toBe(2);
    vi.setSystemTime(began + 7 * 24 * HOUR + 1 + HOUR);
    await ring(hooked);
    expect(await deliveries(hooked)).toMatchObject([{ state: "pending" }]);

    await runInDurableObject(hooked.stub, (_object, { storage }) => storage.sql.exec("DELETE FROM message"));
    await ring(hooked);
    expect(await alarmOf(hooked)).toBeNull();
  });

  it("of nobody in particular is told that a key was purged, and keeps nothing else of it", async () => {
    const hooked = await hook();
    const target = await issue();
    await ring(hooked);
    await told(control("POST", keyPath(target, "/revoke")));
    await control("DELETE", keyPath(target));
    await ring(hooked);
    expect(types()).toEqual(["key.created", "key.purged"]);
    expect((await deliveries(hooked)).map(({ type }) => type)).toEqual(["key.purged"]);
  });
});

describe("a receiver that says no", () => {
  it("is asked again after 5 s, 30 s, 2 min …, under one id and each time signed anew, until it says yes", async () => {
    const hooked = await hook();
    internet.answers = answering(500);
    await issue();
    await ring(hooked);
    for (const wait of RETRY_AFTER_MS.slice(0, 3)) {
      const now = Date.now();
      expect((await alarmOf(hooked))! - now).toBe(wait);
      expect(await deliveries(hooked)).toMatchObject([
        {
          state: "pending",
          nextAttemptAt: new Date(now + wait).toISOString(),
          lastAttempt: { status: 500, because: "status" },
        },
      ]);
      await ringOnTime(hooked);
    }
    expect(await read(hooked)).toMatchObject({ failingSince: new Date(began).toISOString(), pending: 1 });
    internet.answers = answering(200);
    await ringOnTime(hooked);
    expect(new Set(ids()).size).toBe(1);
    const stamps = internet.sent.map(({ headers }) => Number(headers.get("webhook-timestamp")));
    const seconds = Math.floor(began / 1000);
    expect(stamps.map((stamp) => stamp - seconds)).toEqual([0, 5, 35, 155, 755]);
    expect(new Set(internet.sent.map(({ body }) => body)).size).toBe(1);
    expect(await isSigned(4, hooked.secret)).toBe(true);
    expect(await deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 5, nextAttemptAt: null }]);
    expect(await read(hooked)).toMatchObject({ failingSince: null, pending: 0 });
  });

  it("to one message twelve times gets it no more, until it is replayed under its own id", async () => {
    const hooked = await hook();
    await issue();
    // Others arrive, so the webhook is not given up.
    internet.answers = ({ body }) => new Response(null, { status: body.includes("key.created") ? 422 : 204 });
    await ring(hooked);
    for (let retries = 0; retries < RETRY_AFTER_MS.length; retries++) {
      await told(control("POST", `${HOOKS}/${hooked.id}/test`), 202);
      await ring(hooked);
      const [failing] = await deliveries(hooked, "?state=pending");
      vi.setSystemTime(Date.parse(failing!.nextAttemptAt!));
      await ring(hooked);
    }
    const attempts = internet.sent.filter(({ body }) => body.includes("key.created"));
    expect(attempts.length).toBe(12);
    const [dead, ...others] = await deliveries(hooked, "?state=dead");
    expect([dead, others]).toMatchObject([{ state: "dead", attempts: 12, nextAttemptAt: null }, []]);
    expect(await read(hooked)).toMatchObject({ status: "active", pending: 0, dead: 1 });
    vi.setSystemTime(Date.now() + HOUR);
    await ring(hooked);

    internet.answers = answering(204);
    internet.sent.splice(0);
    const path = `${HOOKS}/${hooked.id}/deliveries/${dead!.id}/replay`;
    expect(await told(control("POST", path), 202)).toMatchObject({ id: dead!.id, state: "pending", attempts: 0 });
    await ring(hooked);
    expect(ids()).toEqual([dead!.id]);
    expect(await read(hooked)).toMatchObject({ dead: 0 });
    // What has arrived can be had again as well; what is not there cannot.
    await told(control("POST", path), 202);
    await ring(hooked);
    expect(ids()).toEqual([dead!.id, dead!.id]);
    const unknown = `${HOOKS}/${hooked.id}/deliveries/evt_0000000000000000_1/replay`;
    expect((await control("POST", unknown)).status).toBe(404);
  });

  it("with 410 is not asked again until the webhook is resumed, and has missed nothing then", async () => {
    const hooked = await hook();
    internet.answers = answering(410);
    await issue();
    await ring(hooked);
    expect(await read(hooked)).toMatchObject({ status: "disabled", disabledBecause: "gone", pending: 1 });
    const { items } = await told<{ items: WebhookJson[] }>(control("GET", HOOKS));
    await ring(hooked);
    expect((await told<{ items: WebhookJson[] }>(control("GET", HOOKS))).items).toMatchObject([{ status: "disabled" }]);
    expect(items.length).toBe(1);
    // It looks at what it keeps once an hour, and sends nothing; whatever happens wakes it no sooner.
    expect(await alarmOf(hooked)).toBe(began + HOUR);
    await issue();
    await tick();
    expect(await alarmOf(hooked)).toBe(began + HOUR);
    expect(await told(control("POST", `${HOOKS}/${hooked.id}/test`), 409)).toMatchObject({ code: "conflict" });
    expect(internet.sent.length).toBe(1);

    internet.answers = answering(204);
    const resumed = await told(control("POST", `${HOOKS}/${hooked.id}/resume`));
    expect(resumed).toMatchObject({ status: "active", disabledBecause: null, failingSince: null });
    await ring(hooked);
    expect(internet.sent.length).toBe(3);
    expect(await read(hooked)).toMatchObject({ pending: 0 });
  });

  it("to everything for almost three days is given up, and that is logged", async () => {
    const log = vi.spyOn(console, "warn").mockReturnValue();
    const hooked = await hook();
    internet.answers = answering(503);
    await issue();
    await ring(hooked);
    for (let round = 0; round < 400 && (await read(hooked)).status === "active"; round++) await ringOnTime(hooked);
    expect(await read(hooked)).toMatchObject({ status: "disabled", disabledBecause: "failing" });
    expect(Date.now() - began).toBe(RETRY_AFTER_MS.reduce((sum, wait) => sum + wait));
    expect(await deliveries(hooked)).toMatchObject([{ state: "dead", attempts: 12 }]);
    expect(log.mock.calls.flat()).toContainEqual({
      message: "a webhook was disabled",
      webhookId: hooked.id,
      owner: null,
      because: "failing",
    });
  });

  it("points elsewhere in vain: a redirect is not followed", async () => {
    const hooked = await hook();
    internet.answers = answering(302, { location: "https://169.254.169.254/" });
    await issue();
    await ring(hooked);
    expect(internet.sent.map(({ url }) => url)).toEqual([URL_OF]);
    expect(await deliveries(hooked)).toMatchObject([
      { state: "pending", lastAttempt: { status: 302, because: "redirect" } },
    ]);
  });

  it("is given as long as it asks for", async () => {
    const hooked = await hook();
    internet.answers = answering(429, { "retry-after": "90" });
    await issue();
    await ring(hooked);
    expect((await alarmOf(hooked))! - Date.now()).toBe(90_000);
  });

  it("five times in a row is asked with one message at a time, each half a minute", async () => {
    const hooked = await hook();
    internet.answers = answering(500);
    for (let count = 0; count < 20; count++) await issue();
    await ring(hooked);
    expect(internet.sent.length).toBe(8);
    expect((await alarmOf(hooked))! - Date.now()).toBe(30_000);
    vi.setSystemTime(Date.now() + 30_000);
    await ring(hooked);
    expect(internet.sent.length).toBe(9);
    internet.answers = answering(204);
    vi.setSystemTime(Date.now() + 30_000);
    await ring(hooked);
    // The one that arrived shows that it is back, and the rest follows without waiting.
    expect(await read(hooked)).toMatchObject({ pending: 0, failingSince: null });
  });
});

describe("the sending", () => {
  it("of many messages keeps no more than eight under way at once", async () => {
    const hooked = await hook();
    for (let count = 0; count < 20; count++) await issue();
    let underWay = 0;
    let most = 0;
    internet.answers = async () => {
      most = Math.max(most, (underWay += 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay -= 1;
      return new Response();
    };
    await ring(hooked);
    expect([internet.sent.length, most]).toEqual([20, 8]);
  });

  it("goes on in another invocation after a hundred messages", async () => {
    const hooked = await hook();
    const { record } = await issue();
    await env.DB.prepare(
      `WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 250)
       INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail)
       SELECT ?1, n, 'key.slid', ?2 + n, 'admin', 'req_1', '{}' FROM n`,
    )
      .bind(record.id, began)
      .run();
    const sent: number[] = [];
    while ((await alarmOf(hooked))! <= Date.now() || sent.length === 0) {
      await ring(hooked);
      sent.push(internet.sent.length);
    }
    expect(sent).toEqual([100, 200, 250]);
    expect(new Set(ids()).size).toBe(250);
  });

  it("leaves in the ledger what is more than it keeps, and loses nothing of it", async () => {
    const hooked = await hook();
    const { record } = await issue();
    await env.DB.prepare(
      `WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 1200)
       INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail)
       SELECT ?1, n, 'key.slid', ?2 + n, 'admin', 'req_1', '{}' FROM n`,
    )
      .bind(record.id, began)
      .run();
    internet.answers = answering(500);
    await ring(hooked);
    expect(await read(hooked)).toMatchObject({ pending: 1000 });
    internet.answers = answering(204);
    while ((await read(hooked)).pending > 0) {
      vi.setSystemTime((await alarmOf(hooked))!);
      await ring(hooked);
    }
    await ring(hooked);
    const arrived = internet.sent.slice(8).map(({ headers }) => headers.get("webhook-id"));
    expect(new Set(arrived).size).toBe(1200);
  });
});

describe("where a name leads", () => {
  const create = (url: string) => control("POST", HOOKS, { body: { url } });
  const faultsOf = async (url: string) =>
    (await told<{ errors: { path: string; message: string }[] }>(create(url), 400)).errors;

  it.each([
    ["a private address", ["10.0.0.1"], "must lead to a public address"],
    ["a private address among public ones", ["8.8.8.8", "192.168.0.1"], "must lead to a public address"],
    ["the metadata of a cloud", ["169.254.169.254"], "must lead to a public address"],
    ["loopback in IPv6", ["8.8.8.8", "::1"], "must lead to a public address"],
    ["a private address inside IPv6", ["::ffff:10.0.0.1"], "must lead to a public address"],
    ["what is no address", ["localhost", "::zz"], "must lead to a public address"],
    ["nowhere", [], "leads nowhere: its name has no address"],
  ])("a webhook to %s is refused", async (_what, addresses, message) => {
    internet.leads = () => addresses;
    expect(await faultsOf(URL_OF)).toEqual([{ path: "url", message }]);
    const hooked = await control("PATCH", `${HOOKS}/wh_0000000000000000`, { body: { url: URL_OF } });
    expect(hooked.status).toBe(400);
    expect(internet.sent).toEqual([]);
  });

  it.each(["silent", "failing"] as const)("nobody can say (%s): 503, and nothing is made", async (resolver) => {
    internet.leads = () => resolver;
    expect(await told(create(URL_OF), 503)).toMatchObject({ code: "unavailable" });
    expect((await told<{ items: object[] }>(control("GET", HOOKS))).items).toEqual([]);
  });

  it("is asked again before every attempt: nothing is sent into a private network, and the message waits", async () => {
    const hooked = await hook();
    await issue();
    for (const [lead, because] of [
      [["127.0.0.1"], "not-public"],
      [[], "unresolved"],
      ["silent", "resolver-silent"],
      ["failing", "resolver-silent"],
    ] as const) {
      internet.leads = () => lead;
      vi.setSystemTime((await alarmOf(hooked))!);
      await told(control("POST", `${HOOKS}/${hooked.id}/resume`));
      await ring(hooked);
      expect(await deliveries(hooked)).toMatchObject([{ state: "pending", lastAttempt: { status: null, because } }]);
    }
    expect(internet.sent).toEqual([]);
    internet.leads = () => ["8.8.8.8"];
    await ringOnTime(hooked);
    expect(await deliveries(hooked)).toMatchObject([{ state: "delivered" }]);
  });

  it("is not asked of an address", async () => {
    await told(create("https://8.8.8.8/"), 201);
    expect(internet.questions).toEqual([]);
    expect(await faultsOf("https://10.0.0.1/")).toEqual([{ path: "url", message: "must lead to a public address" }]);
    // This deployment does not say that it is a local run.
    expect(await faultsOf("http://127.0.0.1:9000/")).toEqual([{ path: "url", message: "must be https" }]);
  });
});

describe("a secret", () => {
  const rotate = ({ id }: Hook, body: object, headers: Record<string, string> = {}) =>
    told<{ secret: string; retired: { validUntil: string } }>(
      control("POST", `${HOOKS}/${id}/rotate-secret`, { body, headers }),
    );
  const test = async (hooked: Hook) => {
    await told(control("POST", `${HOOKS}/${hooked.id}/test`), 202);
    await ring(hooked);
  };

  it("that is rotated signs beside the new one for a day, across evictions, and then no more", async () => {
    const hooked = await hook();
    const next = await rotate(hooked, {});
    expect(next.retired.validUntil).toBe(new Date(began + 24 * HOUR).toISOString());
    await evictDurableObject(hooked.stub);
    await test(hooked);
    expect([await isSigned(0, hooked.secret), await isSigned(0, next.secret)]).toEqual([true, true]);
    vi.setSystemTime(began + 24 * HOUR);
    await test(hooked);
    expect([await isSigned(1, hooked.secret), await isSigned(1, next.secret)]).toEqual([false, true]);
  });

  it("that leaked ends at once", async () => {
    const hooked = await hook();
    const next = await rotate(hooked, { overlapSeconds: 0 });
    await test(hooked);
    expect([await isSigned(0, hooked.secret), await isSigned(0, next.secret)]).toEqual([false, true]);
  });

  it("whose answer was lost is had again with its Idempotency-Key, and nothing is done twice", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const call = { body: { url: URL_OF }, headers };
    const first = await told<{ secret: string; webhook: { id: string } }>(control("POST", HOOKS, call), 201);
    const stub = env.WEBHOOKS.getByName(first.webhook.id);
    await evictDurableObject(stub);
    expect(await told(control("POST", HOOKS, call), 201)).toEqual(first);
    const other = { body: { url: `${URL_OF}/2` }, headers };
    expect(await told(control("POST", HOOKS, other), 422)).toMatchObject({ code: "idempotency-mismatch" });
    expect((await told<{ items: object[] }>(control("GET", HOOKS))).items.length).toBe(1);

    const hooked = { id: first.webhook.id, secret: first.secret, stub };
    const again = { "idempotency-key": crypto.randomUUID() };
    const rotated = await rotate(hooked, {}, again);
    await evictDurableObject(stub);
    expect(await rotate(hooked, {}, again)).toEqual(rotated);
    // The first one is no longer the newest.
    expect(await told(control("POST", HOOKS, call), 409)).toMatchObject({ code: "idempotency-expired" });
    await test(hooked);
    expect(internet.sent[0]!.headers.get("webhook-signature")!.split(" ").length).toBe(2);
  });

  it("is shown once, and stands in no answer, list or row of the ledger after that", async () => {
    const hooked = await hook();
    const seen = JSON.stringify([
      await read(hooked),
      await told(control("GET", HOOKS)),
      await deliveries(hooked),
      (await env.DB.prepare("SELECT * FROM webhooks").all()).results,
    ]);
    expect(seen).toContain(hooked.id);
    expect(seen).not.toContain("whsec_");
    expect(seen).not.toContain(hooked.secret.slice("whsec_".length));
  });
});

describe("while the ledger is down", () => {
  it("no webhook is made, and that is said", async () => {
    {
      using _ = ledgerDown();
      expect(await told(control("POST", HOOKS, { body: { url: URL_OF } }), 503)).toMatchObject({
        code: "ledger-unavailable",
      });
    }
    expect((await told<{ items: object[] }>(control("GET", HOOKS))).items).toEqual([]);
  });

  it("one that is there can be changed, and nothing that happens meanwhile is missed", async () => {
    const hooked = await hook();
    {
      using _ = ledgerDown();
      await told(control("PATCH", `${HOOKS}/${hooked.id}`, { body: { description: "changed" } }));
      await ring(hooked);
      expect((await alarmOf(hooked))! - Date.now()).toBe(10_000);
    }
    await issue();
    await ringOnTime(hooked);
    expect(types()).toEqual(["key.created"]);
    expect((await told<{ items: object[] }>(control("GET", HOOKS))).items).toMatchObject([{ description: "changed" }]);
  });

  it("one can be deleted: the list forgets it when somebody finds nobody there", async () => {
    const hooked = await hook();
    {
      using _ = ledgerDown();
      expect((await control("DELETE", `${HOOKS}/${hooked.id}`)).status).toBe(204);
    }
    expect((await told<{ items: object[] }>(control("GET", HOOKS))).items.length).toBe(1);
    await issue();
    await tick();
    expect((await told<{ items: object[] }>(control("GET", HOOKS))).items).toEqual([]);
  });
});

describe("a ledger that was restored to an earlier state", () => {
  it("makes nothing that arrives afterwards go missing, though its numbers were there before", async () => {
    const hooked = await hook();
    const [first] = [await issue(), await issue(), await issue()];
    await ring(hooked);
    expect(internet.sent.length).toBe(3);
    // As of the first arrival; what happens next gets the number that the second one had.
    await env.DB.batch([
      env.DB.prepare("DELETE FROM stream WHERE key_id <> ?").bind(first.record.id),
      env.DB.prepare("UPDATE sqlite_sequence SET seq = (SELECT max(arrival) FROM stream) WHERE name = 'stream'"),
    ]);
    const afterwards: Issued[] = [];
    for (let count = 0; count < 4; count++) afterwards.push(await issue());
    await evictDurableObject(hooked.stub);
    await ring(hooked);
    const heard = bodies().map(({ data }) => data.keyId);
    expect(heard.slice(3)).toEqual(afterwards.map(({ record }) => record.id));
  });

  it("hears of a webhook again that it has no row of", async () => {
    const hooked = await hook();
    await env.DB.prepare("DELETE FROM webhooks").run();
    await ringOnTime(hooked);
    expect((await told<{ items: WebhookJson[] }>(control("GET", HOOKS))).items.map(({ id }) => id)).toEqual([
      hooked.id,
    ]);
  });
});

describe("bounds", () => {
  it("an owner has twenty webhooks, and others have theirs", async () => {
    for (let count = 0; count < 20; count++) await hook({ owner: "acme" });
    const another = control("POST", HOOKS, { body: { url: URL_OF, owner: "acme" } });
    expect(await told(another, 409)).toMatchObject({ code: "conflict" });
    await hook({ owner: "globex" });
    await hook();
    const { items } = await told<{ items: WebhookJson[] }>(control("GET", `${HOOKS}?owner=acme&limit=200`));
    expect(items.length).toBe(20);
  });

  it("what has arrived is forgotten after a week", async () => {
    const hooked = await hook();
    await issue();
    await ring(hooked);
    const after = async (ms: number) => {
      await evictDurableObject(hooked.stub);
      vi.setSystemTime(began + ms);
      await ring(hooked);
      return (await deliveries(hooked)).length;
    };
    expect(await after(7 * 24 * HOUR)).toBe(1);
    expect(await after(7 * 24 * HOUR + 1)).toBe(0);
  });

  it("the order of arrival is kept for 30 days, and its newest place for ever", async () => {
    await hook();
    for (let count = 0; count < 3; count++) await issue();
    const rows = async () => (await env.DB.prepare("SELECT arrival FROM stream ORDER BY arrival").all()).results.length;
    const before = await rows();
    await doChores(env, epochMs(Date.now() - 100 * HOUR));
    expect(await rows()).toBe(before);
    await doChores(env, epochMs(Date.now() + 30 * 24 * HOUR));
    expect(await rows()).toBe(1);
  });

  it("as long as there is no webhook, nothing is kept for any", async () => {
    const rows = async () =>
      (await env.DB.prepare("SELECT count(*) AS rows FROM stream").first<{ rows: number }>())!.rows;
    const before = await rows();
    await issue();
    expect(await rows()).toBe(before);
  });
});

describe("pages", () => {
  it("of webhooks and of deliveries go on where the one before ended", async () => {
    const hooked = [await hook(), await hook(), await hook()];
    type Page = { readonly items: readonly { readonly id: string }[]; readonly nextCursor: string | null };
    const all = async (path: string) => {
      const seen: string[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const page: Page = await told<Page>(control("GET", `${path}?limit=2${cursor && `&cursor=${cursor}`}`));
        seen.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      }
      return seen;
    };
    expect((await all(HOOKS)).toSorted()).toEqual(hooked.map(({ id }) => id).toSorted());
    for (let count = 0; count < 5; count++) await control("POST", `${HOOKS}/${hooked[0]!.id}/test`);
    const listed = await all(`${HOOKS}/${hooked[0]!.id}/deliveries`);
    expect([listed.length, new Set(listed).size]).toEqual([5, 5]);
  });
});

describe("of too many messages that need not be sent any more", () => {
  it("the oldest are forgotten, and the newest stay", async () => {
    const { stub } = await hook();
    const left = await runInDurableObject(stub, (_object, { storage }) => {
      const now = epochMs(Date.now());
      for (let nth = 0; nth < 1_005; nth++) {
        storage.sql.exec(
          "INSERT INTO message VALUES (?, NULL, 'test', '{}', 'delivered', ?, 1, ?, NULL)",
          `msg_${String(nth).padStart(16, "0")}`,
          now - 2_000 + nth,
          now - 2_000 + nth,
        );
      }
      new WebhookBook(storage).prune(now);
      return storage.sql.exec<{ id: string }>("SELECT id FROM message ORDER BY due_at_ms").toArray();
    });
    expect([left.length, left[0]!.id, left.at(-1)!.id]).toEqual([
      1_000,
      "msg_0000000000000005",
      "msg_0000000000001004",
    ]);
  });
});
