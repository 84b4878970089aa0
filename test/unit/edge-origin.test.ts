import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { awaitFirstByte } from "../../src/edge/first-byte.ts";
import { hasBeenHere, hopMark } from "../../src/edge/hop.ts";
import { destinationOf } from "../../src/edge/origin.ts";
import { configOf, type Config, type Env } from "../../src/env.ts";
import { testSecrets } from "../support/settings.ts";

const binding = { fetch: async () => new Response() } as unknown as Fetcher;

function configWith(settings: Record<string, string> = {}): Config {
  const reading = configOf({ ...testSecrets, ROUTES: "[]", ...settings } as unknown as Env);
  if (!reading.ok) throw new Error(JSON.stringify(reading.problems));
  return reading.config;
}

const asked = { scheme: "https", host: "api.example", path: "/v1/x", query: "?a=b" };

function destination(settings: { ORIGIN_URL?: string; ORIGIN?: Fetcher }, call: Partial<typeof asked> = {}) {
  const { ORIGIN, ...vars } = settings;
  const env = (ORIGIN === undefined ? {} : { ORIGIN }) as Env;
  const reading = destinationOf({ ...asked, ...call }, env, configWith(vars));
  return reading.ok ? reading.destination.url : reading.code;
}

describe("where a request goes", () => {
  it.each([
    ["https://origin.example", "https://origin.example/v1/x?a=b"],
    ["https://origin.example/", "https://origin.example/v1/x?a=b"],
    ["https://origin.example/base", "https://origin.example/base/v1/x?a=b"],
    ["https://origin.example/base/", "https://origin.example/base/v1/x?a=b"],
    ["https://origin.example:8443/a/b", "https://origin.example:8443/a/b/v1/x?a=b"],
    ["http://127.0.0.1:9000", "http://127.0.0.1:9000/v1/x?a=b"],
    ["http://[::1]:9000", "http://[::1]:9000/v1/x?a=b"],
  ])("ORIGIN_URL %s: %s", (ORIGIN_URL, url) => expect(destination({ ORIGIN_URL })).toBe(url));

  it("without a setting, the zone's own origin", () => expect(destination({})).toBe("https://api.example/v1/x?a=b"));

  it("the service binding, under the client's own URL, before any ORIGIN_URL", () => {
    expect(destination({ ORIGIN: binding })).toBe("https://api.example/v1/x?a=b");
    expect(destination({ ORIGIN: binding, ORIGIN_URL: "https://origin.example" })).toBe("https://api.example/v1/x?a=b");
  });
});

describe("A10: never to a host that the path talked us into", () => {
  // None of these passes as a path; this is what holds if one ever did.
  it.each(["/\\evil.example/x", "@evil.example/x", ".evil.example/x", ":99/x", "/a/../b", "/a\tb"])("%j", (path) =>
    expect(destination({ ORIGIN_URL: "https://origin.example" }, { path })).toBe("invalid-path"),
  );
});

describe("never to ourselves", () => {
  it.each([
    ["https://api.example", "api.example"],
    ["https://api.example/other", "API.example"],
    ["http://127.0.0.1:8787", "127.0.0.1:8787"],
  ])("ORIGIN_URL %s asked at %s", (ORIGIN_URL, host) =>
    expect(destination({ ORIGIN_URL }, { host })).toBe("misconfigured"),
  );

  it("another port is another server", () => {
    expect(destination({ ORIGIN_URL: "http://127.0.0.1:9000" }, { host: "127.0.0.1:8787" })).toBe(
      "http://127.0.0.1:9000/v1/x?a=b",
    );
  });

  it("a request that carries this deployment's mark has been here", () => {
    const config = configWith();
    expect(hasBeenHere(new Headers({ "rekey-hop": hopMark(config) }), config)).toBe(true);
    expect(hasBeenHere(new Headers(), config)).toBe(false);
  });

  it("a mark that somebody made up means nothing", () => {
    const others = configWith({ REKEY_PEPPERS: "a:another-pepper-of-256-bits_9876543210zyxwvutsrq" });
    for (const mark of ["", "0".repeat(32), hopMark(others)]) {
      expect(hasBeenHere(new Headers({ "rekey-hop": mark }), configWith())).toBe(false);
    }
  });

  it("the mark tells nothing of the pepper and is the same everywhere", () => {
    expect(hopMark(configWith())).toMatch(/^[0-9a-f]{32}$/);
    expect(hopMark(configWith())).toBe(hopMark(configWith()));
  });
});

describe("the origin may be silent for so long and no longer", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** An origin that answers after so many milliseconds, or when it is told to stop. */
  const answersAfter = (ms: number) => (signal: AbortSignal) =>
    new Promise<Response>((resolve, reject) => {
      setTimeout(() => resolve(new Response("late")), ms);
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });

  it("an answer in time is the answer, and nothing is left behind", async () => {
    const answer = awaitFirstByte(1_000, null, answersAfter(999));
    await vi.advanceTimersByTimeAsync(999);
    expect(await answer).toMatchObject({ arrived: true });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("silence ends in a timeout", async () => {
    const answer = awaitFirstByte(1_000, null, answersAfter(1_001));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await answer).toMatchObject({ arrived: false, because: "timeout" });
  });

  it("the clock starts when the body is sent: a slow upload is no silence", async () => {
    const body = Promise.withResolvers<void>();
    const answer = awaitFirstByte(1_000, body.promise, answersAfter(60_500));
    await vi.advanceTimersByTimeAsync(60_000);
    body.resolve();
    await vi.advanceTimersByTimeAsync(500);
    expect(await answer).toMatchObject({ arrived: true });
  });

  it("a body that breaks off takes the fetch with it, at once", async () => {
    const answer = awaitFirstByte(1_000, Promise.reject(new Error("cut")), answersAfter(5_000));
    await vi.advanceTimersByTimeAsync(0);
    expect(await answer).toMatchObject({ arrived: false, because: "body-broken" });
  });

  it("but not when the answer has begun: it is the origin's to end", async () => {
    const body = Promise.withResolvers<void>();
    let aborted = false;
    const answer = awaitFirstByte(1_000, body.promise, async (signal) => {
      signal.addEventListener("abort", () => (aborted = true));
      return new Response("early");
    });
    expect(await answer).toMatchObject({ arrived: true });
    body.reject(new Error("the origin stopped reading"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(aborted).toBe(false);
  });

  it("an answer before the body is sent starts no clock at all", async () => {
    const body = Promise.withResolvers<void>();
    const answer = awaitFirstByte(1_000, body.promise, answersAfter(1));
    await vi.advanceTimersByTimeAsync(1);
    expect(await answer).toMatchObject({ arrived: true });
    body.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("a connection that fails is told apart from silence", async () => {
    const cause = new Error("Network connection lost.");
    const answer = awaitFirstByte(1_000, null, () => Promise.reject(cause));
    expect(await answer).toEqual({ arrived: false, because: "unreachable", cause });
  });
});
