import { spawn } from "node:child_process";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { EndlessAnswers, openStream, type OpenStream } from "../support/open-streams.ts";

/*
 * P14: what was admitted under a key ends with it. "Within a second" is counted from the instant before the call that
 * ended the key was made, or from the instant at which the key ended by itself.
 */

const SOON_MS = 1_000;
const EVENTS = { "content-type": "text/event-stream" };

let gateway: Gateway;
let answers: EndlessAnswers;
beforeAll(async () => {
  gateway = await startGateway({ faultyLedger: true });
});
beforeEach(() => {
  answers = new EndlessAnswers();
  gateway.origin.on("/events", answers.route(EVENTS, "data: first\n\n"));
  gateway.origin.on("/download", answers.route({ "content-length": "1000000" }, "first"));
  gateway.origin.on("/chunks", answers.route({ "content-type": "application/json" }, "first"));
  gateway.origin.on("/trickle", answers.route({ "content-length": "10" }, "first"));
});
afterAll(() => gateway[Symbol.asyncDispose]());

const cutsOf = async ({ id }: IssuedKey): Promise<readonly number[]> => {
  const { items } = (await gateway.control("GET", `/keys/${id}/events`)) as {
    items: { type: string; detail: { count: number } }[];
  };
  return items.filter(({ type }) => type === "key.exchanges-cut").map(({ detail }) => detail.count);
};

const change = ({ id }: IssuedKey, verb: string, body: object = {}) =>
  gateway.control("POST", `/keys/${id}/${verb}`, body);

/** Longer than an answer may flow before it is attached. */
const goesOn = () => new Promise((resolve) => setTimeout(resolve, 400));

/** A stream that was cut, and not a moment too early or too late. */
async function expectCut({ ended }: OpenStream, since: number): Promise<void> {
  const { how, at } = await ended;
  expect(how).toBe("broken");
  expect(at - since).toBeLessThan(SOON_MS);
  expect(at).toBeGreaterThanOrEqual(since);
}

describe("a stream of events is cut within a second, as a connection that is lost, and its origin is told,", () => {
  const byCall: readonly (readonly [string, object, (key: IssuedKey) => Promise<unknown>])[] = [
    ["when its key is rotated without grace", {}, (key) => change(key, "rotate")],
    ["when its key is revoked", {}, (key) => change(key, "revoke")],
    ["when its key is suspended", {}, (key) => change(key, "suspend")],
    ["when its key's owner is suspended", { owner: "one" }, () => gateway.control("POST", "/owners/one/suspend")],
    ["when its key's owner is revoked", { owner: "two" }, () => gateway.control("POST", "/owners/two/revoke")],
    ["when its key ends itself", {}, ({ key }) => gateway.use(key, "/_rekey/v1/self/revoke", { method: "POST" })],
    [
      "when its key is given an end that is past",
      {},
      ({ id }) => gateway.control("PATCH", `/keys/${id}`, { expiresAt: new Date(Date.now() - 1).toISOString() }),
    ],
    [
      "when the grace of its secret is cut short by another rotation",
      {},
      async (key) => {
        await change(key, "rotate", { graceSeconds: 3600 });
        await change(key, "rotate");
      },
    ],
  ];

  it.each(byCall)("%s", async (_name, properties, end) => {
    const key = await gateway.issue(properties);
    const stream = await openStream(gateway, key.key, "/events");
    await expect.poll(stream.text).toBe("data: first\n\n");
    const before = Date.now();
    await end(key);
    await expectCut(stream, before);
    await expect.poll(() => answers.givenUp).toBe(1);
    expect(await cutsOf(key)).toEqual([1]);
  });

  it("when its key expires", async () => {
    const key = await gateway.issue({ expiresAt: new Date(Date.now() + 1_500).toISOString() });
    const stream = await openStream(gateway, key.key, "/events");
    const { expiresAt } = (await gateway.control("GET", `/keys/${key.id}`)) as { expiresAt: string };
    await expectCut(stream, Date.parse(expiresAt));
    expect(await cutsOf(key)).toEqual([1]);
  });

  it("when its key has not been used for too long", async () => {
    const key = await gateway.issue({ idleSeconds: 1 });
    const stream = await openStream(gateway, key.key, "/events");
    const { lastUsedAt } = (await gateway.control("GET", `/keys/${key.id}`)) as { lastUsedAt: string };
    await expectCut(stream, Date.parse(lastUsedAt) + 1_000);
    expect(await cutsOf(key)).toEqual([1]);
  });

  it("when the grace it was admitted under ends, and one of the new secret goes on", async () => {
    const key = await gateway.issue();
    const old = await openStream(gateway, key.key, "/events");
    const rotated = (await change(key, "rotate", { graceSeconds: 1 })) as {
      key: string;
      retired: { validUntil: string };
    };
    const fresh = await openStream(gateway, rotated.key, "/events");
    await expectCut(old, Date.parse(rotated.retired.validUntil));
    answers.say("data: second\n\n");
    await expect.poll(fresh.text).toBe("data: first\n\ndata: second\n\n");
    expect(await cutsOf(key)).toEqual([1]);
    fresh.leave();
  });

  it("and one of another key goes on", async () => {
    const [key, other] = [await gateway.issue(), await gateway.issue()];
    const streams = [await openStream(gateway, key.key, "/events"), await openStream(gateway, other.key, "/events")];
    await change(key, "revoke");
    expect((await streams[0]!.ended).how).toBe("broken");
    answers.say("data: second\n\n");
    await expect.poll(streams[1]!.text).toBe("data: first\n\ndata: second\n\n");
    answers.end();
    expect((await streams[1]!.ended).how).toBe("whole");
    expect(await cutsOf(other)).toEqual([]);
  });
});

describe("any other answer that still flows", () => {
  it.each([
    ["of a known length", "/download"],
    ["of an unknown length", "/chunks"],
    ["of ten bytes that trickle", "/trickle"],
  ])("%s is cut", async (_name, path) => {
    const key = await gateway.issue();
    const stream = await openStream(gateway, key.key, path);
    await expect.poll(stream.text).toBe("first");
    await goesOn();
    const before = Date.now();
    await change(key, "revoke");
    await expectCut(stream, before);
    await expect.poll(() => answers.givenUp).toBe(1);
    expect(await cutsOf(key)).toEqual([1]);
  });

  it("is cut too if its key ended before it was attached", async () => {
    const key = await gateway.issue();
    const stream = await openStream(gateway, key.key, "/chunks");
    const before = Date.now();
    await change(key, "revoke");
    await expectCut(stream, before);
    expect(await cutsOf(key)).toEqual([]);
  });

  it("an upload that still flows is cut as well, and its client is told why", async () => {
    const key = await gateway.issue();
    const taken = Promise.withResolvers<"whole" | "broken">();
    gateway.origin.on("/upload", (request) => {
      request
        .resume()
        .on("end", () => taken.resolve("whole"))
        .on("error", () => taken.resolve("broken"));
    });
    const upload = httpRequest(`${gateway.rekey.url}/upload`, {
      method: "POST",
      headers: { authorization: `Bearer ${key.key}` },
    });
    upload.on("error", () => {}).write("first");
    await goesOn();
    const answered = once(upload, "response");
    await change(key, "revoke");
    const [response] = (await answered) as [{ statusCode: number }];
    expect(response.statusCode).toBe(401);
    expect(await taken.promise).toBe("broken");
    upload.destroy();
  });
});

describe("a stream goes on", () => {
  it("when its object sleeps, which still cuts it", async () => {
    const key = await gateway.issue();
    const stream = await openStream(gateway, key.key, "/events");
    expect(await gateway.rekey.evict(key.id)).toBe(true);
    answers.say("data: second\n\n");
    await expect.poll(stream.text).toBe("data: first\n\ndata: second\n\n");
    const before = Date.now();
    await change(key, "revoke");
    await expectCut(stream, before);
  });

  it("when its object is reset: the line is taken up again, and still cuts it", async () => {
    const key = await gateway.issue();
    const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(gateway, key.key, "/events")));
    const arm = (body: object) =>
      fetch(`${gateway.rekey.url}/_abort-point`, { method: "POST", body: JSON.stringify(body) });
    await arm({ key: key.id, point: "after the sync" });
    expect((await gateway.use(key.key)).status).toBe(503);
    answers.say("data: second\n\n");
    for (const { text } of streams) await expect.poll(text).toBe("data: first\n\ndata: second\n\n");
    // Whoever asks meets an object that counts them all again.
    await goesOn();
    const before = Date.now();
    await change(key, "revoke");
    for (const stream of streams) await expectCut(stream, before);
    expect(await cutsOf(key)).toEqual([20]);
  });

  it("runs in another process than the object, and is cut from there", async () => {
    await using two = await startGateway();
    two.origin.on("/events", answers.route(EVENTS, "data: first\n\n"));
    const door = await two.rekey.addProcess();
    const key = await two.issue();
    const elsewhere: Gateway = {
      ...two,
      use: (credential, path, init) =>
        fetch(door + path!, { ...init, headers: { authorization: `Bearer ${credential}` } }),
    };
    const stream = await openStream(elsewhere, key.key, "/events");
    await expect.poll(stream.text).toBe("data: first\n\n");
    const before = Date.now();
    await two.control("POST", `/keys/${key.id}/revoke`);
    await expectCut(stream, before);
  });

  it("a client that goes away takes the origin's answer with it, and is not counted at the end", async () => {
    const key = await gateway.issue();
    const [gone, stays] = [
      await openStream(gateway, key.key, "/events"),
      await openStream(gateway, key.key, "/events"),
    ];
    gone.leave();
    await expect
      .poll(() => {
        answers.say("data: more\n\n");
        return answers.givenUp;
      })
      .toBe(1);
    await change(key, "revoke");
    expect((await stays.ended).how).toBe("broken");
    expect(await cutsOf(key)).toEqual([1]);
  });
});

describe("as curl sees it", () => {
  it("events one by one, and an end that is an error", async () => {
    const key = await gateway.issue();
    const curl = spawn("curl", ["-sN", "-H", `Authorization: Bearer ${key.key}`, `${gateway.rekey.url}/events`]);
    let heard = "";
    curl.stdout.on("data", (chunk) => (heard += String(chunk)));
    await expect.poll(() => heard).toBe("data: first\n\n");
    answers.say("data: second\n\n");
    await expect.poll(() => heard).toBe("data: first\n\ndata: second\n\n");
    const exited = once(curl, "exit");
    await change(key, "rotate");
    // "Transferred a partial file": the last chunk never came.
    expect(await exited).toEqual([18, null]);
  });
});
