import { spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { guard } from "../../src/local/guarded.ts";
import { freePort } from "../support/checkout.ts";
import { startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { onLoopback, type OnLoopback } from "../support/on-loopback.ts";

/*
 * Webhooks over real HTTP, with real receivers: whatever a receiver does, its messages are not lost, and nobody but
 * itself waits for it. The schedule of retries, in a clock of its own, is in test/runtime/webhook.test.ts.
 */

const root = join(import.meta.dirname, "../..");

/** Where names lead, as the resolver of this file says it. */
const leads = new Map<string, readonly string[]>();
let resolver: Receiver;
let gateway: Gateway;

beforeAll(async () => {
  resolver = await startReceiver((request, response) => {
    const asked = new URL(request.url!, "http://resolver").searchParams;
    const type = Number(asked.get("type"));
    const addresses = leads.get(asked.get("name")!) ?? [];
    const Answer = addresses
      .map((data) => ({ type: data.includes(":") ? 28 : 1, data }))
      .filter((each) => each.type === type);
    response.end(JSON.stringify({ Status: 0, Answer }));
  });
  gateway = await startGateway({
    vars: { WEBHOOKS_TO_LOOPBACK: "allow", WEBHOOK_RESOLVER: `${resolver.url}/dns-query` },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await resolver[Symbol.asyncDispose]();
});

type Got = { readonly id: string; readonly type: string; readonly keyId: string | undefined; readonly at: number };
type Receiver = OnLoopback & { readonly got: Got[] };

/** A receiver that notes what it gets, and answers as it is told: 204 if nothing else. */
async function startReceiver(
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
    response.writeHead(204).end();
  },
): Promise<Receiver> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const id = request.headers["webhook-id"];
      if (typeof id === "string") {
        const { type, data } = JSON.parse(text) as { type: string; data: { keyId?: string } };
        got.push({ id, type, keyId: data.keyId, at: Date.now() });
      }
      answer(request, response);
    });
  });
  return { ...(await onLoopback(server)), got };
}

type Hook = { readonly id: string; readonly secret: string };
async function hook(url: string, body: object = {}): Promise<Hook> {
  const { webhook, secret } = await gateway.control("POST", "/webhooks", { url, ...body });
  return { id: (webhook as { id: string }).id, secret: secret as string };
}

type Delivery = { readonly state: string; readonly attempts: number; readonly lastAttempt: object | null };
const deliveries = async ({ id }: Hook): Promise<Delivery[]> =>
  (await gateway.control("GET", `/webhooks/${id}/deliveries`))["items"] as Delivery[];

afterEach(async () => {
  const { items } = await gateway.control("GET", "/webhooks?limit=200");
  for (const { id } of items as { id: string }[]) {
    await fetch(`${gateway.rekey.url}/_rekey/v1/webhooks/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${gateway.rekey.adminToken}` },
    });
  }
});

it("a change is told at once, by the change itself and not by the clock", async () => {
  await using receiver = await startReceiver();
  await hook(receiver.url);
  const { id } = await gateway.issue();
  await expect.poll(() => receiver.got.map(({ keyId }) => keyId), { timeout: 5_000 }).toEqual([id]);
});

it("a receiver that never answers keeps nobody waiting: no other webhook, no change, no request", async () => {
  const cut: Promise<unknown>[] = [];
  await using hanging = await startReceiver((request) => void cut.push(once(request.socket, "close")));
  await using receiver = await startReceiver();
  const [hung] = [await hook(hanging.url), await hook(receiver.url)];
  const keys: IssuedKey[] = [];
  for (let count = 0; count < 12; count++) keys.push(await gateway.issue());
  await expect.poll(() => new Set(receiver.got.map(({ keyId }) => keyId)).size, { timeout: 5_000 }).toBe(12);
  // No more than eight hang at once, and requests go on meanwhile.
  expect(hanging.got.length).toBeLessThanOrEqual(8);
  expect((await gateway.use(keys[0]!.key)).status).toBe(200);
  // They end after ten seconds, and are tried again.
  await Promise.all(cut.slice(0, 1));
  await expect
    .poll(async () => (await deliveries(hung)).some(({ lastAttempt }) => lastAttempt !== null), { timeout: 15_000 })
    .toBe(true);
  const failed = (await deliveries(hung)).filter(({ lastAttempt }) => lastAttempt !== null);
  expect(failed).toMatchObject(
    failed.map(() => ({ state: "pending", lastAttempt: { because: "timeout", status: null } })),
  );
  expect(new Set(receiver.got.map(({ id }) => id)).size).toBe(receiver.got.length);
});

it("a message whose answer was lost to a kill is sent again, under the same id", async () => {
  let answers = false;
  await using receiver = await startReceiver((_request, response) => {
    if (answers) response.writeHead(204).end();
  });
  const hooked = await hook(receiver.url);
  const { id } = await gateway.issue();
  await expect.poll(() => receiver.got.length, { timeout: 5_000 }).toBe(1);
  // The receiver has it; before it says so the whole process is gone.
  await gateway.rekey.kill();
  answers = true;
  await gateway.rekey.restart();
  await gateway.control("POST", `/webhooks/${hooked.id}/resume`);
  await expect.poll(() => receiver.got.length, { timeout: 10_000 }).toBe(2);
  expect(new Set(receiver.got.map((each) => each.id))).toEqual(new Set([`evt_${id.slice(4)}_1`]));
  await expect.poll(() => deliveries(hooked)).toMatchObject([{ state: "delivered", attempts: 1 }]);
});

it("a redirect is not followed, and of an endless answer nothing is read", async () => {
  await using elsewhere = await startReceiver();
  await using redirecting = await startReceiver((_request, response) => {
    response.writeHead(307, { location: elsewhere.url }).end();
  });
  let written = 0;
  await using endless = await startReceiver((_request, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
    };
    response.on("drain", more);
    more();
  });
  const [redirected, flooded] = [await hook(redirecting.url), await hook(endless.url)];
  await gateway.issue();
  await expect.poll(() => deliveries(flooded), { timeout: 5_000 }).toMatchObject([{ state: "delivered" }]);
  await expect
    .poll(() => deliveries(redirected), { timeout: 5_000 })
    .toMatchObject([{ state: "pending", lastAttempt: { status: 307, because: "redirect" } }]);
  expect(elsewhere.got).toEqual([]);
  expect(written).toBeLessThan(64 * 1024 * 1024);
});

it("a name that led to a public address when the webhook was made, and to this machine later, gets nothing", async () => {
  await using receiver = await startReceiver();
  const name = "rebound.example.com";
  leads.set(name, ["198.41.0.4"]);
  const hooked = await hook(`https://${name}:${new URL(receiver.url).port}/`);
  leads.set(name, ["198.41.0.4", "127.0.0.1"]);
  await gateway.issue();
  await expect
    .poll(() => deliveries(hooked), { timeout: 5_000 })
    .toMatchObject([{ state: "pending", lastAttempt: { status: null, because: "not-public" } }]);
  expect(receiver.got).toEqual([]);
});

describe("the receiver of docs/webhooks.md", () => {
  let home: string;
  let receiver: ChildProcess;
  let said: string;
  let hooked: Hook;
  let url: string;
  let stop: () => Promise<unknown>;

  beforeEach(async () => {
    const doc = await readFile(join(root, "docs/webhooks.md"), "utf8");
    home = await mkdtemp(join(tmpdir(), "rekey-receiver-"));
    await writeFile(join(home, "receiver.mjs"), /```js\n([\s\S]*?)```/.exec(doc)![1]!);
    const port = await freePort();
    url = `http://127.0.0.1:${port}/`;
    hooked = await hook(url, { events: ["key.revoked"] });
    said = "";
    receiver = spawn(process.execPath, ["receiver.mjs"], {
      cwd: home,
      env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: hooked.secret },
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    receiver.stdout!.on("data", (chunk) => (said += String(chunk)));
    stop = guard(receiver);
    // It listens when it refuses what is not signed.
    await vi.waitFor(() => fetch(url), 10_000);
  });
  afterEach(async () => {
    await stop();
    await rm(home, { recursive: true });
  });

  const post = async (headers: Record<string, string>, body: string) =>
    (await fetch(url, { method: "POST", headers, body })).status;
  const signed = (secret: string, id: string, seconds: number, body: string) => ({
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": `v1,${createHmac("sha256", Buffer.from(secret.slice(6), "base64"))
      .update(`${id}.${seconds}.${body}`)
      .digest("base64")}`,
  });

  it("believes Rekey, while a secret is replaced too, and takes a replayed message for what it is", async () => {
    const { id } = await gateway.issue();
    await gateway.control("POST", `/webhooks/${hooked.id}/rotate-secret`);
    await gateway.control("POST", `/keys/${id}/revoke`);
    await expect.poll(() => said, { timeout: 5_000 }).toBe(`key.revoked ${id}\n`);
    await expect.poll(() => deliveries(hooked)).toMatchObject([{ state: "delivered" }]);
    await gateway.control("POST", `/webhooks/${hooked.id}/deliveries/evt_${id.slice(4)}_2/replay`);
    await gateway.control("POST", `/webhooks/${hooked.id}/test`);
    await expect.poll(() => said, { timeout: 5_000 }).toBe(`key.revoked ${id}\nwebhook.test \n`);
    await expect.poll(() => deliveries(hooked)).toMatchObject([{ state: "delivered" }, { state: "delivered" }]);
  });

  it("believes nobody else: another secret, another body, an old message", async () => {
    const body = '{"type":"key.revoked","data":{"keyId":"key_1"}}';
    const now = Math.floor(Date.now() / 1000);
    const other = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
    expect(await post(signed(other, "evt_1", now, body), body)).toBe(401);
    expect(await post(signed(hooked.secret, "evt_1", now, body), body.replace("key_1", "key_2"))).toBe(401);
    expect(await post({ ...signed(hooked.secret, "evt_1", now, body), "webhook-id": "evt_2" }, body)).toBe(401);
    expect(await post(signed(hooked.secret, "evt_1", now - 301, body), body)).toBe(401);
    expect(await post({}, body)).toBe(401);
    expect(said).toBe("");
    expect(await post(signed(hooked.secret, "evt_1", now, body), body)).toBe(204);
    await expect.poll(() => said).toBe("key.revoked key_1\n");
  });
});
