import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Exchange } from "../../src/edge/exchange.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An exchange, and how often the key's object was asked to hold it. */
function anExchange() {
  const asked = vi.fn<() => Promise<Response>>(() => new Promise<Response>(() => {}));
  const env = { KEYS: { getByName: () => ({ fetch: asked }) } };
  const holder = { env, config: { decisionTimeoutMs: 5_000 }, keyId: "key_0000000000000000" } as never;
  return { exchange: new Exchange(holder, 1, new AbortController(), null), asked };
}

it.each([
  ["has been sent", (flowing: PromiseWithResolvers<void>) => flowing.resolve()],
  ["broke off", (flowing: PromiseWithResolvers<void>) => flowing.reject(new Error("broke off"))],
])("a body that %s is not held to its key afterwards", async (_how, end) => {
  const { exchange, asked } = anExchange();
  const flowing = Promise.withResolvers<void>();
  flowing.promise.catch(() => {});
  exchange.attachUnlessBrief(flowing.promise);
  end(flowing);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).not.toHaveBeenCalled();
});

it("control: a body that goes on is held to its key", async () => {
  const { exchange, asked } = anExchange();
  exchange.attachUnlessBrief(new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toHaveBeenCalled();
});
