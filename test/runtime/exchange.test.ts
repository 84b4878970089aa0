import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { Attachment, type Keyholder } from "../../src/edge/attachment.ts";
import { requireConfig } from "../../src/env.ts";
import type { Admission } from "../../src/key/admission.ts";
import { USUAL_SUSPICION } from "../../src/key/suspicion-policy.ts";
import { aQuota } from "../support/a-key.ts";
import {
  asked,
  atRest,
  hears,
  openKey,
  rotated,
  storeUsed,
  withCredential,
  type OpenKey,
  type Stub,
} from "../support/open-key.ts";
import { anEndlessAnswer, outcomeOf, throughGateway } from "../support/through-gateway.ts";

/** How many slots of a key are taken, as its object counts them. */
const slotsOf = (stub: Stub): Promise<number> =>
  runInDurableObject(stub, (_object, state) => state.getWebSockets("slot").length);

/** An exchange that goes on until one of its sides ends it. */
async function open(credential: string) {
  const origin = anEndlessAnswer();
  const response = await throughGateway(credential, { origin: () => origin.response });
  const reader = response.body!.getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  return { origin, first, reader, status: response.status };
}

const openSome = (credential: string, count: number) =>
  Promise.all(Array.from({ length: count }, () => open(credential)));

/** The types of a key's events, oldest first. */
async function history(stub: Stub): Promise<readonly string[]> {
  const told = await stub.events({ authority: asked.authority, before: null, limit: 50 });
  return told.reached ? told.events.map(({ type }) => type).toReversed() : [];
}

const admittedBy = async (stub: Stub): Promise<number | undefined> => {
  const told = await stub.read({ authority: asked.authority });
  return told.reached ? told.record.allowance.quota?.used : undefined;
};

describe("a key that may have 3 exchanges open", () => {
  const three = { maxConcurrent: 3, quota: aQuota(100) };

  it("lets in 3 of 10 that come together, and counts the others for nothing", async () => {
    const { stub, credential } = await openKey(three);
    const heard = await openSome(credential, 10);
    expect(heard.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(heard.filter(({ status }) => status === 429)).toHaveLength(7);
    expect([await slotsOf(stub), await admittedBy(stub)]).toEqual([3, 3]);
  });

  it("tells the fourth why, with its limits and without a time to wait", async () => {
    const { credential } = await openKey(three);
    await openSome(credential, 3);
    const refused = await throughGateway(credential);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, null]);
    expect(refused.headers.get("ratelimit")).toMatch(/^"quota";r=97;t=/);
    expect(await outcomeOf(refused)).toBe("concurrency-exceeded");
  });

  it("does not count what is verified: nobody says when that is over", async () => {
    const { stub, credential } = await openKey(three);
    await openSome(credential, 3);
    expect(await hears(stub, credential)).toBe("admitted");
    expect(await slotsOf(stub)).toBe(3);
  });

  it("counts the open ones while its object sleeps", async () => {
    const { stub, credential } = await openKey(three);
    const [first] = await openSome(credential, 3);
    await evictDurableObject(stub);
    expect(await outcomeOf(await throughGateway(credential))).toBe("concurrency-exceeded");
    await evictDurableObject(stub);
    first!.origin.end();
    expect((await first!.reader.read()).done).toBe(true);
    expect(await slotsOf(stub)).toBe(2);
    await evictDurableObject(stub);
    expect((await open(credential)).status).toBe(200);
    expect(await outcomeOf(await throughGateway(credential))).toBe("concurrency-exceeded");
  });

  it("counts them again after a reset of its object: the exchanges go on, and attach again", async () => {
    const { stub, credential } = await openKey(three);
    const exchanges = await openSome(credential, 3);
    await abortAllDurableObjects();
    await expect.poll(() => slotsOf(stub)).toBe(3);
    expect(await outcomeOf(await throughGateway(credential))).toBe("concurrency-exceeded");
    for (const { origin, reader } of exchanges) {
      origin.say("second");
      expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");
      origin.end();
      expect((await reader.read()).done).toBe(true);
    }
    expect(await slotsOf(stub)).toBe(0);
    expect(await admittedBy(stub)).toBe(3);
  });
});

describe("the one slot of a key", () => {
  const one = { maxConcurrent: 1 };

  it.each<[string, () => Response, string]>([
    ["a body of known length", () => new Response("answer"), "answer"],
    ["a body of unknown length", () => anAnswerInTwoParts(), "answer"],
    ["a body in two parts of known length", () => anAnswerInTwoParts({ "content-length": "6" }), "answer"],
    ["an empty body", () => new Response(""), ""],
    ["no body", () => new Response(null, { status: 204 }), ""],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "/" } }), ""],
    ["an impossible answer", () => ({ status: 999, body: null, headers: new Headers() }) as unknown as Response, ""],
  ])("is free before the client has seen the end of %s", async (_name, origin, text) => {
    const { stub, credential } = await openKey(one);
    for (let time = 0; time < 5; time++) {
      const response = await throughGateway(credential, { origin });
      expect(response.status).not.toBe(429);
      expect(await response.text()).toContain(text);
    }
    expect(await slotsOf(stub)).toBe(0);
  });

  it("is free after an answer to HEAD, whatever length it tells", async () => {
    const { stub, credential } = await openKey(one);
    const origin = () => new Response(null, { headers: { "content-length": "1000" } });
    for (let time = 0; time < 3; time++) {
      expect((await throughGateway(credential, { method: "HEAD", origin })).status).toBe(200);
    }
    expect(await slotsOf(stub)).toBe(0);
  });

  it("is free at the origin's next word when the client has gone away, and the origin is told", async () => {
    const { stub, credential } = await openKey(one);
    const { reader, origin } = await open(credential);
    await reader.cancel("gone");
    origin.say("second");
    await expect.poll(() => slotsOf(stub)).toBe(0);
    await expect.poll(() => origin.givenUp()).not.toBeNull();
  });

  it("is free when the origin breaks off, and the client sees no whole answer", async () => {
    const { stub, credential } = await openKey(one);
    const { reader, origin } = await open(credential);
    origin.breakOff();
    await expect(reader.read()).rejects.toThrow("broke off");
    await expect.poll(() => slotsOf(stub)).toBe(0);
  });

  it.each<[string, () => Response, number, string]>([
    [
      "cannot be reached",
      () => {
        throw new Error("refused");
      },
      502,
      "origin-unreachable",
    ],
    ["is silent", () => new Promise<Response>(() => {}) as unknown as Response, 504, "origin-timeout"],
  ])("is free when the origin %s", async (_name, origin, status, code) => {
    const { stub, credential } = await openKey(one);
    const response = await throughGateway(credential, { origin, config: { originTimeoutMs: 50 } });
    expect([response.status, await outcomeOf(response)]).toEqual([status, code]);
    expect(await slotsOf(stub)).toBe(0);
  });

  it("is not taken by a request that is refused for something else", async () => {
    const { stub, credential } = await openKey({ ...one, scopes: ["a"] });
    expect(await outcomeOf(await throughGateway(credential, { rule: { scopes: ["b"] } }))).toBe("insufficient-scope");
    expect(await slotsOf(stub)).toBe(0);
  });
});

describe("an open exchange", () => {
  const bounded = { maxConcurrent: 5 };

  it.each<[string, (key: OpenKey) => Promise<unknown>]>([
    ["is revoked", ({ stub }) => stub.revoke(asked)],
    ["is suspended", ({ stub }) => stub.suspend(asked)],
    ["is rotated without grace", ({ stub }) => rotated(stub)],
    [
      "is given an end that is past",
      ({ stub }) => stub.amend({ ...asked, amendment: { expiresAt: past }, expectedRevision: null }),
    ],
  ])("is cut when its key %s: the client sees it break off, the origin is told", async (_name, end) => {
    const key = await openKey(bounded);
    const exchanges = await openSome(key.credential, 3);
    await end(key);
    for (const { reader, origin } of exchanges) {
      await expect(reader.read()).rejects.toThrow("the exchange was cut");
      await expect.poll(() => origin.givenUp()).toContain("the exchange was cut");
    }
    expect(await slotsOf(key.stub)).toBe(0);
    expect((await history(key.stub)).at(-1)).toBe("key.exchanges-cut");
  });

  it("is cut when an alert suspends its key at the settlement of a reservation, which nobody takes for a change", async () => {
    const suspicion = {
      "counter-above-limit": { ...USUAL_SUSPICION["counter-above-limit"], action: "suspend" },
    } as const;
    const { stub, credential } = await openKey({ ...bounded, quota: aQuota(50), suspicion });
    const held = await stub.admit(withCredential(credential, { reserve: true }));
    const { reader, origin } = await open(credential);
    await atRest(stub, ["close-reservations"]);
    await storeUsed(stub, 60);
    await evictDurableObject(stub);
    const { id } = held.admitted ? held.reservation! : { id: null! };
    expect((await stub.settle({ id, used: 1, onlyOwner: null })).done).toBe(true);
    await expect(reader.read()).rejects.toThrow("the exchange was cut");
    await expect.poll(() => origin.givenUp()).toContain("the exchange was cut");
    expect(await hears(stub, credential)).toBe("key-suspended");
  });

  it("goes on through a change that leaves its key as it is, and through a rotation with grace", async () => {
    const { stub, credential } = await openKey(bounded);
    const { origin, reader } = await open(credential);
    await stub.amend({ ...asked, amendment: { name: "new" }, expectedRevision: null });
    await rotated(stub, 1, 3600);
    origin.say("second");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");
    expect(await slotsOf(stub)).toBe(1);
  });

  it("is cut when the grace it was admitted under ends", async () => {
    const { stub, credential } = await openKey(bounded);
    const { reader } = await open(credential);
    await rotated(stub, 1, 1);
    await expect(reader.read()).rejects.toThrow("the exchange was cut");
    expect(await slotsOf(stub)).toBe(0);
  });

  it("is cut when its key ends by itself", async () => {
    const { stub, credential } = await openKey(bounded, { afterSeconds: 1 });
    const { reader } = await open(credential);
    await expect(reader.read()).rejects.toThrow("the exchange was cut");
    expect(await history(stub)).toContain("key.exchanges-cut");
  });

  it("is cut after a reset of the object too, if the key ended meanwhile", async () => {
    const { stub, credential } = await openKey(bounded);
    const { reader } = await open(credential);
    await runInDurableObject(stub, (_object, { storage }) => {
      // As a revocation would leave it whose instance died before it could tell anybody.
      storage.sql.exec("UPDATE part SET json = json_set(json, '$.revokedAt', 1) WHERE name = 'standing'");
    });
    await abortAllDurableObjects();
    await expect(reader.read()).rejects.toThrow("the exchange was cut");
  });

  it("is refused as its key now is, if the origin had not answered yet", async () => {
    const { stub, credential } = await openKey(bounded);
    const answered = throughGateway(credential, { origin: () => new Promise<Response>(() => {}) });
    await expect.poll(() => slotsOf(stub)).toBe(1);
    await stub.revoke(asked);
    const response = await answered;
    expect([response.status, await outcomeOf(response)]).toEqual([401, "key-revoked"]);
    expect(await slotsOf(stub)).toBe(0);
  });
});

describe("a key without a bound on its open exchanges", () => {
  /** The key's namespace, and what was asked of the object through it. */
  function overheard({ stub }: OpenKey) {
    const questions: string[] = [];
    const KEYS = {
      getByName: () => ({
        admit: (admission: Admission) => {
          questions.push("admit");
          return stub.admit(admission);
        },
        fetch: (url: string, init: RequestInit) => {
          questions.push("fetch");
          return stub.fetch(url, init);
        },
      }),
    } as unknown as typeof env.KEYS;
    return { questions, env: { KEYS } };
  }
  const events = { "content-type": "text/event-stream" };

  it.each<[string, () => Response, string]>([
    ["a short answer", () => new Response("answer"), "answer"],
    ["an answer of known length", () => anAnswerInTwoParts({ "content-length": "6" }), "answer"],
    ["an answer that comes in two parts", () => anAnswerInTwoParts(), "answer"],
    ["an answer of a megabyte", () => new Response("a".repeat(1 << 20)), "a".repeat(1 << 20)],
    ["no body", () => new Response(null, { status: 304 }), ""],
  ])("asks its object nothing more for %s, which passes as it is", async (_name, origin, text) => {
    const key = await openKey();
    const { questions, ...ask } = overheard(key);
    const response = await throughGateway(key.credential, { origin, ...ask });
    expect(await response.text()).toBe(text);
    await scheduler.wait(300);
    expect(questions).toEqual(["admit"]);
  });

  it("nor for an answer that takes its time, but less than a quarter of a second", async () => {
    const key = await openKey();
    const { questions, ...ask } = overheard(key);
    const origin = anEndlessAnswer();
    const response = await throughGateway(key.credential, { origin: () => origin.response, ...ask });
    await scheduler.wait(100);
    origin.end();
    expect(await response.text()).toBe("first");
    await scheduler.wait(300);
    expect(questions).toEqual(["admit"]);
  });

  it("asks once more for one that goes on, and never again", async () => {
    const key = await openKey();
    const { questions, ...ask } = overheard(key);
    const origin = anEndlessAnswer();
    const response = await throughGateway(key.credential, { origin: () => origin.response, ...ask });
    expect(questions).toEqual(["admit"]);
    await expect.poll(() => questions).toEqual(["admit", "fetch"]);
    await scheduler.wait(300);
    origin.end();
    expect(await response.text()).toBe("first");
    expect(questions).toEqual(["admit", "fetch"]);
  });

  it("asks once more for a stream of events before anybody sees it", async () => {
    const key = await openKey();
    const { questions, ...ask } = overheard(key);
    const origin = anEndlessAnswer({ headers: events });
    const response = await throughGateway(key.credential, { origin: () => origin.response, ...ask });
    expect(questions).toEqual(["admit", "fetch"]);
    await response.body!.cancel();
  });

  it("a stream of events does not begin if its key has ended meanwhile: it is refused as its key now is", async () => {
    const { stub, credential } = await openKey();
    const origin = anEndlessAnswer({ headers: events });
    const response = await throughGateway(credential, {
      origin: async () => {
        await rotated(stub);
        return origin.response;
      },
    });
    expect([response.status, await outcomeOf(response)]).toEqual([401, "key-rotated"]);
    await expect.poll(() => origin.givenUp()).toContain("key-rotated");
  });

  it("nor if nobody can be asked whether its key still holds: 503", async () => {
    const key = await openKey();
    const { env: real } = overheard(key);
    const origin = anEndlessAnswer({ headers: events });
    const deaf = {
      admit: (admission: Admission) => key.stub.admit(admission),
      fetch: () => Promise.reject(new Error("gone")),
    };
    let questions = 0;
    const KEYS = {
      getByName: () => (++questions === 1 ? real.KEYS.getByName("") : { ...deaf, admit: deaf.fetch }),
    } as unknown as typeof env.KEYS;
    const response = await throughGateway(key.credential, { origin: () => origin.response, env: { KEYS } });
    expect([response.status, await outcomeOf(response)]).toEqual([503, "unavailable"]);
    expect(origin.givenUp()).toContain("unavailable");
  });
});

describe("an exchange that is watched without a slot", () => {
  const holderOf = ({ id }: OpenKey) => ({ env, config: requireConfig(env), keyId: id });

  function watchOver(holder: Keyholder, version: number) {
    const ending = new AbortController();
    return { ending, ...Attachment.watch(holder, version, ending) };
  }

  it("is told when its key ends, and not before", async () => {
    const key = await openKey();
    const { ending, held } = watchOver(holderOf(key), 1);
    expect(await held).toBe(true);
    await key.stub.amend({ ...asked, amendment: { name: "new" }, expectedRevision: null });
    expect(ending.signal.aborted).toBe(false);
    await key.stub.revoke(asked);
    await expect.poll(() => String(ending.signal.reason)).toContain("key-revoked");
  });

  it("cannot begin under a secret that is dead already", async () => {
    const key = await openKey();
    await rotated(key.stub);
    const late = watchOver(holderOf(key), 1);
    expect(await late.held).toBe(false);
    expect(String(late.ending.signal.reason)).toContain("key-rotated");
    expect(await watchOver(holderOf(key), 2).held).toBe(true);
  });

  it("is cut when nobody can be asked for too long whether its key still holds", async () => {
    const key = await openKey();
    const KEYS = {
      getByName: () => ({ fetch: () => Promise.reject(new Error("gone")) }),
    } as unknown as typeof env.KEYS;
    const holder = { ...holderOf(key), env: { ...env } };
    const { ending, held } = watchOver(holder, 1);
    await held;
    holder.env.KEYS = KEYS;
    const before = Date.now();
    await abortAllDurableObjects();
    await expect.poll(() => ending.signal.aborted, { timeout: 10_000 }).toBe(true);
    expect(String(ending.signal.reason)).toContain("unavailable");
    expect(Date.now() - before).toBeGreaterThanOrEqual(5_000);
  });
});

const past = (Date.now() - 1) as never;

function anAnswerInTwoParts(headers: Record<string, string> = {}): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of ["ans", "wer"]) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  return new Response(body, { headers });
}
