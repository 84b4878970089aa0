import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Admission } from "../../src/key/admission.ts";
import { newKeyId, type KeyId } from "../../src/key/credential.ts";
import { digestOf } from "../../src/key/digest.ts";
import type { Profile } from "../../src/key/key.ts";
import type { KeyRecord } from "../../src/key/record.ts";
import { ADMIN } from "../../src/key/authority.ts";
import type { TaskName } from "../../src/key-object/agenda.ts";
import type { CreateCommand, KeyRpc } from "../../src/key-object/rpc.ts";
import { admin, aProfile } from "./a-key.ts";

export type Stub = DurableObjectStub & KeyRpc;

/** A key whose object runs beside the test, as both planes see it: through RPC alone. */
export type OpenKey = {
  readonly id: KeyId;
  readonly stub: Stub;
  readonly credential: string;
  readonly record: KeyRecord;
};

export const aKeyId = (): KeyId => newKeyId((bytes) => crypto.getRandomValues(bytes));

/** The object of an id; whether a key was ever created there is another matter. */
export const stubOf = (id: KeyId): Stub => env.KEYS.getByName(id) as unknown as Stub;

/** What a creation may bring along beside the key's properties. */
export type Opening = Partial<Pick<CreateCommand, "end" | "ownerOrder" | "idempotency">>;

/** Asks an object to create its key with these properties. */
export const createAt = (id: KeyId, profile: Partial<Profile> = {}, opening: Opening = {}) =>
  stubOf(id).create({
    profile: { ...aProfile(profile), id },
    end: null,
    by: admin,
    ownerOrder: null,
    idempotency: null,
    ...opening,
  });

/** Creates a key with these properties, and otherwise nothing special. */
export async function openKey(
  profile: Partial<Profile> = {},
  end: CreateCommand["end"] = null,
  opening: Opening = {},
): Promise<OpenKey> {
  const id = aKeyId();
  const created = await createAt(id, profile, { end, ...opening });
  if (!created.done) throw new Error(`not created: ${created.because}`);
  return { id, stub: stubOf(id), credential: created.credential, record: created.record };
}

/** Who asks for changes in these tests, and why. */
export const asked = { authority: ADMIN, by: admin, reason: null } as const;

/** A request with this credential: one unit, no demands. */
export const withCredential = (credential: string, request: Partial<Admission> = {}): Admission => ({
  presented: digestOf(credential),
  cost: 1,
  scopes: [],
  anyScope: [],
  ip: null,
  dryRun: false,
  ...request,
});

/** What the holder of the credential hears: `admitted`, or the reason why not. */
export async function hears(stub: Stub, credential: string, request: Partial<Admission> = {}): Promise<string> {
  const verdict = await stub.admit(withCredential(credential, request));
  return verdict.admitted ? "admitted" : verdict.refusal.reason;
}

/** Rotates and hands over the new credential. */
export async function rotated(stub: Stub, expectedVersion: number | null = null, graceSeconds = 0): Promise<string> {
  const answer = await stub.rotate({ expectedVersion, graceSeconds, idempotency: null, ...asked });
  if (!answer.reached || !answer.done) throw new Error("not rotated");
  return answer.credential;
}

/** What a step answered. Everything the object held in memory is gone afterwards; what it knows, it knows from storage. */
export async function forgetful<T>(stub: DurableObjectStub, step: Promise<T>): Promise<T> {
  const answer = await step;
  await evictDurableObject(stub);
  return answer;
}

/**
 * Waits until the object has nothing left to write by itself: everything is delivered, that is written down, and the
 * alarm stands where the agenda says. One that has just rung sets the next as its last thing.
 * @param planned what stays on its agenda all the same
 */
export async function atRest(stub: Stub, planned: readonly TaskName[] = []): Promise<void> {
  const look = () =>
    runInDurableObject(stub, async (_object, { storage }) => {
      const agenda = storage.sql
        .exec<{ task: string; due: number }>("SELECT task, due_at AS due FROM agenda")
        .toArray();
      const due = agenda.length === 0 ? null : Math.min(...agenda.map((each) => each.due));
      // Old events are let go of in a month.
      const tasks = agenda.map(({ task }) => task).filter((task) => task !== "prune-events");
      return { tasks, isArmed: (await storage.getAlarm()) === due };
    });
  await expect.poll(look, { timeout: 10_000 }).toEqual({ tasks: planned, isArmed: true });
}

/** Overwrites a counter in storage, as only a fault could. */
export const storeUsed = (stub: Stub, used: number) =>
  runInDurableObject(stub, (_object, { storage }) => {
    storage.sql.exec("UPDATE part SET json = json_set(json, '$.quota.used', ?) WHERE name = 'use'", used);
  });

/** `<boot>.<n>` as two numbers. */
export const decisionOf = (answer: { readonly decision: string | null }): readonly [boot: number, n: number] => {
  const [boot, n] = answer.decision!.split(".").map(Number);
  return [boot!, n!];
};
