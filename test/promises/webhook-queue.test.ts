import { createServer } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { onLoopback, type OnLoopback } from "../support/on-loopback.ts";

/*
 * Webhooks that send through a queue, over real HTTP: the alarm of the object, the platform's queue, the Worker's
 * consumer. What a queue may do that this one does not is in test/runtime/webhook-queue.test.ts.
 */

type Got = { readonly id: string; readonly agent: string; readonly signature: string };

let gateway: Gateway;
const got: Got[] = [];
/** How many of the next messages are refused. */
let refusals = 0;
const hanging = createServer(() => {});
const receiver = createServer((request, response) => {
  const header = (name: string) => String(request.headers[name]);
  got.push({ id: header("webhook-id"), agent: header("user-agent"), signature: header("webhook-signature") });
  request.resume().on("end", () => response.writeHead(refusals-- > 0 ? 503 : 204).end());
});

let receivers: readonly OnLoopback[];
let [url, hangs] = ["", ""];

beforeAll(async () => {
  receivers = [await onLoopback(receiver), await onLoopback(hanging)];
  [url, hangs] = receivers.map((each) => `${each.url}/`) as [string, string];
  gateway = await startGateway({ webhookQueue: true, vars: { WEBHOOKS_TO_LOOPBACK: "allow" } });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const each of receivers) await each[Symbol.asyncDispose]();
});

it("every message arrives once, refused ones again and under their ids, and a receiver that hangs keeps no other waiting", async () => {
  const hung = (await gateway.control("POST", "/webhooks", { url: hangs }))["webhook"] as { id: string };
  const { webhook, secret } = await gateway.control("POST", "/webhooks", { url });
  refusals = 2;
  const keys: string[] = [];
  for (let count = 0; count < 20; count++) keys.push((await gateway.issue()).id);
  // What hangs is lent to the queue: an alarm that sends by itself lends nothing.
  const lent = async () => {
    const { items } = await gateway.control("GET", `/webhooks/${hung.id}/deliveries`);
    return (items as { attempts: number; nextAttemptAt: string | null }[]).some(
      ({ attempts, nextAttemptAt }) => attempts === 0 && Date.parse(nextAttemptAt!) > Date.now() + 60_000,
    );
  };
  await expect.poll(lent, { timeout: 5_000 }).toBe(true);
  const wanted = keys.map((id) => `evt_${id.slice(4)}_1`);
  await expect.poll(() => got.length, { timeout: 20_000 }).toBe(22);
  expect([...new Set(got.map(({ id }) => id))].toSorted()).toEqual(wanted.toSorted());
  expect(got.every(({ agent, signature }) => agent === "Rekey-Webhooks/1" && signature.startsWith("v1,"))).toBe(true);
  const { id } = webhook as { id: string };
  const read = () => gateway.control("GET", `/webhooks/${id}`);
  await expect.poll(read).toMatchObject({ status: "active", pending: 0, dead: 0, failingSince: null });
  expect(gateway.rekey.logs.join("\n")).not.toContain(String(secret));
});
