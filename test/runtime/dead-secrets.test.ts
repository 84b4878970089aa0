import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { requireConfig } from "../../src/env.ts";
import { decide } from "../../src/http/decide.ts";
import { aQuota } from "../support/a-key.ts";
import { asked, openKey, rotated, withCredential, type OpenKey } from "../support/open-key.ts";
import { ringTally } from "../support/tally-timer.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

/** What a Worker hears of a secret, and how often it asks the key's object for it. */
function aDoorTo({ id }: OpenKey) {
  let calls = 0;
  const KEYS = {
    getByName: (name: string) => {
      calls += 1;
      return env.KEYS.getByName(name);
    },
  } as unknown as typeof env.KEYS;
  const hears = async (credential: string): Promise<string> => {
    const answer = await decide({ ...env, KEYS }, requireConfig(env), id, withCredential(credential));
    if (!answer.answered) return "no answer";
    return answer.answer.admitted ? "admitted" : answer.answer.refusal.reason;
  };
  return { hears, calls: () => calls };
}

it("200 uses of a retired secret are two calls of the object, and the living secret asks for itself", async () => {
  const key = await openKey({ quota: aQuota(50) });
  const living = await rotated(key.stub);
  const door = aDoorTo(key);
  for (let time = 0; time < 200; time++) expect(await door.hears(key.credential)).toBe("key-rotated");
  later(1_000);
  expect(await door.hears(key.credential)).toBe("key-rotated");
  expect(door.calls()).toBe(2);
  for (let time = 0; time < 50; time++) expect(await door.hears(living)).toBe("admitted");
  expect(await door.hears(living)).toBe("quota-exceeded");
});

it("people hear of all of them: the flood is an alert, and the history has the number", async () => {
  const key = await openKey();
  await rotated(key.stub);
  const door = aDoorTo(key);
  for (let time = 0; time < 150; time++) await door.hears(key.credential);
  later(1_000);
  await door.hears(key.credential);
  // What was counted is written down, and told when its minute is over.
  await runInDurableObject(key.stub, ringTally);
  later(60_000);
  await runDurableObjectAlarm(key.stub);
  const events = async () => {
    const told = await key.stub.events({ authority: asked.authority, before: null, limit: 50 });
    return told.reached ? told.events : [];
  };
  const alerts = (await events()).filter(({ type }) => type === "key.alerted").map(({ detail }) => detail["alert"]);
  expect(alerts).toContain("refusal-burst");
  const counted = async () =>
    (await events())
      .filter(({ type }) => type === "key.refused")
      .reduce((sum, { detail }) => sum + Number(detail["count"]), 0);
  expect(await counted()).toBe(151);
});

it("a suspended key goes on as soon as it is resumed, at the door that refused it", async () => {
  const key = await openKey();
  const door = aDoorTo(key);
  await key.stub.suspend(asked);
  for (let time = 0; time < 5; time++) expect(await door.hears(key.credential)).toBe("key-suspended");
  await key.stub.resume(asked);
  expect(await door.hears(key.credential)).toBe("admitted");
});
