import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../../support/gateway.ts";
import { EndlessAnswers, openRawStream } from "../../support/open-streams.ts";

const COUNT = 1_000;

/** From the answer that the key has ended to the end of the last of its streams, in milliseconds (P14). */
const SOON_MS = 1_000;

let gateway: Gateway;
const answers = new EndlessAnswers();
beforeAll(async () => {
  gateway = await startGateway();
  gateway.origin.on("/events", answers.route({ "content-type": "text/event-stream" }, "data: first\n\n"));
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe(`${COUNT} open streams of one key`, () => {
  it("are cut together: every one of them broken off within a second, and counted once", async () => {
    const { key, id } = await gateway.issue();
    const streams = await Promise.all(Array.from({ length: COUNT }, () => openRawStream(gateway, key, "/events")));
    expect(streams.filter(({ status }) => status === 200)).toHaveLength(COUNT);
    expect(answers.open).toBe(COUNT);

    await gateway.control("POST", `/keys/${id}/revoke`, {});
    const answered = Date.now();
    const ends = await Promise.all(streams.map(({ ended }) => ended));
    expect(ends.filter(({ how }) => how === "broken")).toHaveLength(COUNT);
    expect(ends.filter(({ at }) => at - answered < SOON_MS)).toHaveLength(COUNT);

    await expect.poll(() => answers.givenUp).toBe(COUNT);
    const { items } = await gateway.control("GET", `/keys/${id}/events`);
    expect(items).toMatchObject([{ type: "key.exchanges-cut", detail: { count: COUNT } }, {}, {}]);
  });
});
