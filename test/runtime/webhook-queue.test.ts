import {
  createExecutionContext,
  createMessageBatch,
  evictDurableObject,
  getQueueResult,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { DeliveryJson, WebhookJson } from "../../src/control/schema/webhook.ts";
import type { Env } from "../../src/env.ts";
import worker from "../../src/index.ts";
import type { Errand } from "../../src/webhook-object/errand.ts";
import { RETRY_AFTER_MS } from "../../src/webhook/retry.ts";
import { control, issue, keyPath, told } from "../support/control.ts";
import { stubInternet, type Internet } from "../support/stub-receiver.ts";
import { deliveries, hook, HOOKS, read, URL_OF, type Hook } from "../support/webhooks.ts";

/*
 * Webhooks whose messages go through a queue. The queue is the test's: it loses, doubles, delays and refuses as it is
 * told, which the platform's does only when nobody looks. What came out of it goes through the Worker's own handler.
 */

const HOUR = 3600 * 1000;
const ERRAND_MS = 5 * 60_000;

let internet: Internet;
/** What was handed over and not taken out yet. */
let queued: Errand[];
let takes: boolean;
/** What happens between its taking something and its saying so. */
let meanwhile: () => Promise<void>;

beforeEach(() => {
  internet = stubInternet();
  queued = [];
  takes = true;
  meanwhile = () => Promise.resolve();
  vi.spyOn(Math, "random").mockReturnValue(0);
  // A clock of our own, ahead of the platform's: no alarm rings before the test lets it.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 100 * HOUR);
});

afterEach(async () => {
  const { items } = await told<{ items: WebhookJson[] }>(control("GET", `${HOOKS}?limit=200`));
  for (const { id } of items) await control("DELETE", `${HOOKS}/${id}`);
  internet[Symbol.dispose]();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const queue = {
  sendBatch(messages: Iterable<MessageSendRequest<Errand>>) {
    if (!takes) return Promise.reject(new Error("Queue sendBatch failed: injected"));
    queued.push(...[...messages].map(({ body }) => body));
    return meanwhile();
  },
} as unknown as Queue;

/** Lets the alarm ring, now, in an object that has the binding. */
async function ring({ stub }: Hook): Promise<void> {
  await runInDurableObject(stub, (object) => {
    const bound = object as unknown as { env: Env };
    bound.env = { ...bound.env, WEBHOOK_QUEUE: queue };
  });
  await runDurableObjectAlarm(stub);
}

const alarmOf = ({ stub }: Hook) => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());

/** Goes to the instant of the alarm and lets it ring. What the object had in memory is gone before. */
async function ringOnTime(hooked: Hook): Promise<void> {
  await evictDurableObject(hooked.stub);
  vi.setSystemTime((await alarmOf(hooked))!);
  await ring(hooked);
}

/** What becomes of a batch of whatever: the places in it that are done, and after how many seconds others come again. */
async function consume(bodies: readonly unknown[]): Promise<{ done: number[]; again: [number, number][] }> {
  const messages = bodies.map((body, at) => ({ id: String(at), timestamp: new Date(), attempts: 1, body }));
  const batch = createMessageBatch("rekey-webhooks", messages);
  const retries = batch.messages.map((message) => vi.spyOn(message, "retry"));
  await worker.queue(batch, env);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, createExecutionContext());
  return {
    done: explicitAcks.map(Number).toSorted((a, b) => a - b),
    again: retryMessages.map(({ msgId }) => [Number(msgId), retries[Number(msgId)]!.mock.lastCall![0]!.delaySeconds!]),
  };
}

/** Takes all out and does it. */
const consumeAll = () => consume(queued.splice(0));

const ids = (): string[] => internet.sent.map(({ headers }) => headers.get("webhook-id")!);
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
const answering = (status: number) => () => new Response(null, { status });

it("what is due goes to the queue by name only, and is sent when the queue calls for it, signed and once", async () => {
  const hooked = await hook();
  const { record } = await issue();
  await ring(hooked);
  const messageId = `evt_${record.id.slice(4)}_1`;
  expect(queued).toEqual([{ webhookId: hooked.id, messageId, attempt: 1 }]);
  expect(internet.sent).toEqual([]);
  // The object may be gone meanwhile, with all that it had in memory.
  await evictDurableObject(hooked.stub);
  expect(await consumeAll()).toEqual({ done: [0], again: [] });
  expect(internet.sent).toMatchObject([{ url: URL_OF, redirect: "manual" }]);
  expect(ids()).toEqual([messageId]);
  expect(await deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 1, nextAttemptAt: null }]);
  await ringOnTime(hooked);
  expect(queued).toEqual([]);
});

it("an errand that comes twice changes nothing: not at once, not later, not after a failure", async () => {
  const hooked = await hook();
  await issue();
  await ring(hooked);
  const [errand] = queued.splice(0);
  internet.answers = answering(500);
  expect(await consume([errand, errand, errand])).toEqual({ done: [0, 1, 2], again: [] });
  expect(await consume([errand])).toEqual({ done: [0], again: [] });
  expect(internet.sent.length).toBe(1);
  expect(await deliveries(hooked)).toMatchObject([{ state: "pending", attempts: 1 }]);
  internet.answers = answering(204);
  await ringOnTime(hooked);
  const [second] = queued.splice(0);
  expect(await consume([errand, second, second])).toEqual({ done: [0, 1, 2], again: [] });
  expect(await consume([errand, second])).toEqual({ done: [0, 1], again: [] });
  expect(internet.sent.length).toBe(2);
  expect(await deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 2 }]);
});

it("a message that fails is handed over anew after 5 s, 30 s …, under one id, and is dead after the twelfth", async () => {
  const hooked = await hook();
  await issue();
  // Others arrive, so the webhook is not given up.
  internet.answers = ({ body }) => new Response(null, { status: body.includes("key.created") ? 422 : 204 });
  await ring(hooked);
  await consumeAll();
  for (const wait of RETRY_AFTER_MS) {
    const now = Date.now();
    const failing = (await deliveries(hooked)).find(({ type }) => type === "key.created")!;
    expect(Date.parse(failing.nextAttemptAt!) - now).toBe(wait);
    expect((await alarmOf(hooked))! - now).toBe(Math.min(wait, ERRAND_MS));
    await told(control("POST", `${HOOKS}/${hooked.id}/test`), 202);
    await ring(hooked);
    await consumeAll();
    vi.setSystemTime(now + wait);
    await ring(hooked);
    expect(queued.length).toBe(1);
    await consumeAll();
  }
  const attempts = internet.sent.filter(({ body }) => body.includes("key.created"));
  expect(attempts.length).toBe(12);
  expect(new Set(attempts.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  expect(await read(hooked)).toMatchObject({ status: "active", pending: 0, dead: 1 });
});

it("an errand that the queue lost is handed over anew after five minutes, and its late twin changes nothing", async () => {
  const log = vi.spyOn(console, "warn").mockReturnValue();
  const hooked = await hook();
  await issue();
  await ring(hooked);
  const [lost] = queued.splice(0);
  expect((await alarmOf(hooked))! - Date.now()).toBe(ERRAND_MS);
  vi.setSystemTime(Date.now() + ERRAND_MS - 1);
  await ring(hooked);
  expect(queued).toEqual([]);
  vi.setSystemTime(Date.now() + 1);
  await ring(hooked);
  expect(queued).toEqual([lost]);
  expect(log.mock.calls).toEqual([
    [{ message: "the queue did not deliver a message of a webhook in time", messageId: lost!.messageId }],
  ]);
  expect(await consume([lost])).toEqual({ done: [0], again: [] });
  expect(await consumeAll()).toEqual({ done: [0], again: [] });
  expect(internet.sent.length).toBe(1);
});

it("one that is lost while the object is evicted is found as well", async () => {
  const hooked = await hook();
  await issue();
  await ring(hooked);
  queued.splice(0);
  await ringOnTime(hooked);
  await consumeAll();
  expect(await deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

it("without the binding, once it is taken away, the object sends what the queue had, and leaves nothing to it", async () => {
  const hooked = await hook();
  await issue();
  await ring(hooked);
  await evictDurableObject(hooked.stub);
  vi.setSystemTime((await alarmOf(hooked))!);
  await runDurableObjectAlarm(hooked.stub);
  expect(internet.sent.length).toBe(1);
  expect(await consumeAll()).toEqual({ done: [0], again: [] });
  expect(internet.sent.length).toBe(1);
  expect(await deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

it("a queue that takes nothing is asked again after ten seconds, and nothing is lost", async () => {
  vi.spyOn(console, "warn").mockReturnValue();
  const hooked = await hook();
  // As many as it may have: what it did not take must not count.
  for (let count = 0; count < 8; count++) await issue();
  takes = false;
  await ring(hooked);
  expect((await alarmOf(hooked))! - Date.now()).toBe(10_000);
  takes = true;
  vi.setSystemTime(Date.now() + 10_000);
  await ring(hooked);
  await consumeAll();
  expect(internet.sent.length).toBe(8);
  expect(await read(hooked)).toMatchObject({ pending: 0, failingSince: null });
});

it("no more than eight are with the queue or under way at once, and each that ends makes room for another", async () => {
  const hooked = await hook();
  for (let count = 0; count < 20; count++) await issue();
  await ring(hooked);
  expect(queued.length).toBe(8);
  // No room: it waits for an errand that ends, or is lost.
  expect((await alarmOf(hooked))! - Date.now()).toBe(ERRAND_MS);
  let underWay = 0;
  let most = 0;
  let released = false;
  internet.answers = async () => {
    most = Math.max(most, (underWay += 1));
    while (!released) await pause();
    underWay -= 1;
    return new Response();
  };
  // The consumer does not wait until they end: others have errands too.
  expect((await consumeAll()).done.length).toBe(8);
  expect(underWay).toBe(8);
  // What an evicted object no longer knew to be with the queue, or a person wanted at once.
  await told(control("POST", `${HOOKS}/${hooked.id}/resume`));
  const { items } = await told<{ items: DeliveryJson[] }>(control("GET", `${HOOKS}/${hooked.id}/deliveries`));
  const another = items.map(({ id }) => id).find((id) => !ids().includes(id));
  expect(await consume([{ webhookId: hooked.id, messageId: another, attempt: 1 }])).toEqual({
    done: [],
    again: [[0, 10]],
  });
  released = true;
  while ((await read(hooked)).pending > 12) await pause();
  for (const sent of [16, 20]) {
    expect(await alarmOf(hooked)).toBe(Date.now());
    await ring(hooked);
    await consumeAll();
    expect(internet.sent.length).toBe(sent);
  }
  expect([most, new Set(ids()).size]).toEqual([8, 20]);
  expect(await read(hooked)).toMatchObject({ pending: 0 });
});

it("a receiver that fails five times in a row is asked with one message, each half a minute", async () => {
  const hooked = await hook();
  internet.answers = answering(500);
  for (let count = 0; count < 20; count++) await issue();
  await ring(hooked);
  await consumeAll();
  expect(internet.sent.length).toBe(8);
  // Rung by the first that failed.
  await ring(hooked);
  expect(queued).toEqual([]);
  for (const sent of [9, 10]) {
    expect((await alarmOf(hooked))! - Date.now()).toBe(30_000);
    vi.setSystemTime(Date.now() + 30_000);
    await ring(hooked);
    await consumeAll();
    expect(internet.sent.length).toBe(sent);
  }
});

it("with 410, or deleted, or of a key that was purged: errands that are left find nothing to do and leave nothing", async () => {
  const gone = await hook();
  await issue();
  await ring(gone);
  const [errand] = queued.splice(0);
  internet.answers = answering(410);
  await consume([errand]);
  expect(await read(gone)).toMatchObject({ status: "disabled", disabledBecause: "gone" });
  await ring(gone);
  // It looks at what it keeps, and sends nothing.
  expect(await alarmOf(gone)).toBe(Date.now() + HOUR);
  expect(await consume([{ ...errand, attempt: 2 }])).toEqual({ done: [0], again: [] });
  expect((await control("DELETE", `${HOOKS}/${gone.id}`)).status).toBe(204);
  expect(await consume([errand, { ...errand, attempt: 2 }])).toEqual({ done: [0, 1], again: [] });
  const tables = await runInDurableObject(gone.stub, (_object, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
  );
  expect(tables).toEqual([]);

  const short = await hook();
  const log = vi.spyOn(console, "warn");
  await issue();
  meanwhile = async () => expect((await control("DELETE", `${HOOKS}/${short.id}`)).status).toBe(204);
  await ring(short);
  meanwhile = () => Promise.resolve();
  expect(await alarmOf(short)).toBeNull();
  expect(log.mock.calls).toEqual([]);
  expect(await consumeAll()).toEqual({ done: [0], again: [] });

  const hooked = await hook({ owner: "acme" });
  const target = await issue({ owner: "acme" });
  await ring(hooked);
  await told(control("POST", keyPath(target, "/revoke")));
  await control("DELETE", keyPath(target));
  await ring(hooked);
  expect((await consumeAll()).again).toEqual([]);
  expect(internet.sent.length).toBe(1);
});

it("messages that were forgotten while the queue had them make room for others", async () => {
  const hooked = await hook({ owner: "acme", events: ["key.created"] });
  const targets = [];
  for (let count = 0; count < 8; count++) targets.push(await issue({ owner: "acme" }));
  await ring(hooked);
  expect(queued.splice(0).length).toBe(8);
  for (const target of targets) {
    await told(control("POST", keyPath(target, "/revoke")));
    expect((await control("DELETE", keyPath(target))).status).toBe(204);
  }
  const { record } = await issue({ owner: "acme" });
  await ring(hooked);
  expect(queued).toMatchObject([{ messageId: `evt_${record.id.slice(4)}_1` }]);
});

it("an errand comes again whose object could not be called, and what is none is taken out", async () => {
  const log = vi.spyOn(console, "warn").mockReturnValue();
  const hooked = await hook();
  await issue();
  await ring(hooked);
  const [errand] = queued.splice(0);
  await runInDurableObject(hooked.stub, (object) => {
    const calls = object as unknown as { env: unknown };
    calls.env = { ...(calls.env as Env), REKEY_PEPPERS: "" };
  });
  const strange = [null, "text", {}, { ...errand, webhookId: "x" }, { ...errand, attempt: "1" }];
  expect(await consume([errand, ...strange])).toEqual({ done: [1, 2, 3, 4, 5], again: [[0, 10]] });
  expect(JSON.stringify(log.mock.calls)).not.toContain("whsec_");
  expect(internet.sent).toEqual([]);
  await evictDurableObject(hooked.stub);
  expect(await consume([errand])).toEqual({ done: [0], again: [] });
  expect(await deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 1 }]);
});
