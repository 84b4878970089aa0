import { Book, NOTHING, type Page } from "../../../src/key-object/book.ts";
import { admit, type Verdict } from "../../../src/key/admit.ts";
import { amend } from "../../../src/key/amend.ts";
import { credit } from "../../../src/key/credit.ts";
import type { Circumstance } from "../../../src/key/change.ts";
import { obey, resume, revoke, suspend } from "../../../src/key/standing.ts";
import { create, createAfterPurge, createAgain } from "../../../src/key/create.ts";
import type { KeyId } from "../../../src/key/credential.ts";
import { digestOf, type Digest } from "../../../src/key/digest.ts";
import { endRest } from "../../../src/key/end-rest.ts";
import type { KeyEvent } from "../../../src/key/event.ts";
import { announceRotation } from "../../../src/key/follow-policy.ts";
import type { Key, Profile, Step } from "../../../src/key/key.ts";
import { purge } from "../../../src/key/purge.ts";
import { withoutRepeat } from "../../../src/key/receipt.ts";
import { recordOf, type KeyRecord } from "../../../src/key/record.ts";
import type { ReservationId } from "../../../src/key/reservation.ts";
import { rotate, rotateSelf } from "../../../src/key/rotate.ts";
import { dueSoonAt, isDueSoon } from "../../../src/key/rotation-policy.ts";
import { Asks } from "../../../src/key/self-asks.ts";
import { readSelf, revokeSelf } from "../../../src/key/self.ts";
import { closeExpired, settle } from "../../../src/key/settle.ts";
import { epochMs, ForwardClock, type EpochMs } from "../../../src/key/time.ts";
import { awaitedOrder, withAwaited } from "../../../src/key/vacancy.ts";
import type { Answer, Call, Rules } from "../model/call.ts";
import { Killed, type SqliteStorage } from "./sqlite-storage.ts";

export const ID = "key_0000000000000000" as KeyId;
export const OWNER = "acme";
export const ADMIN = { actor: "admin", requestId: "req_1", ip: null, userAgent: null, country: null };

/**
 * The core of a key and its book, wired as the key's object wires them, without the platform: decide on the page in
 * memory, replace it, write it later. Speaks the language of the model. A secret is its name; a reservation has the name
 * under which it was asked for.
 */
export class CoreUnderTest {
  readonly #book: Book;
  readonly #clock: ForwardClock;
  readonly #reservations: Map<string, ReservationId>;
  #page: Page | null;
  #events: KeyEvent[] = [];

  /** Wakes on what storage holds. `reservations`: the ids behind their names, which those who were told them keep. */
  constructor(storage: SqliteStorage, readClock: () => number, reservations: Map<string, ReservationId>) {
    this.#reservations = reservations;
    this.#book = new Book(storage as unknown as DurableObjectStorage);
    this.#page = this.#book.written;
    this.#clock = new ForwardClock(this.#page?.key?.use.newest ?? epochMs(0), readClock);
  }

  now = (): EpochMs => this.#clock.now();

  /** Sequences of all events that storage holds, and of the last change that memory knows of. */
  get history(): { readonly sequences: readonly number[]; readonly last: number | null } {
    const sequences = this.#book
      .eventsAfter(0, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      .map(({ sequence }) => sequence);
    return { sequences, last: this.#page?.key?.standing.sequence ?? null };
  }

  /** Makes durable what was decided. False: the process was killed in the middle of it. */
  commit(): boolean {
    if (this.#page === null) return true;
    try {
      this.#book.write(this.#page, this.#events.splice(0), []);
      return true;
    } catch (cause) {
      if (cause instanceof Killed) return false;
      throw cause;
    }
  }

  decide(call: Call): Answer {
    const now = this.#clock.now();
    const circumstance: Circumstance = { now, by: ADMIN, reason: null };
    const page = this.#page ?? NOTHING;
    if (call.do === "create") return this.#create(page, call, circumstance);
    if (call.do === "obey") return this.#obey(page, call, circumstance);
    if (call.do === "purge") return this.#purge(page, circumstance);
    if (call.do === "ring") return this.#ring(circumstance);
    this.#present(circumstance);
    if (this.#page === null || this.#page.key === null) return { code: "secret" in call ? "invalid-key" : "not-found" };
    return this.#step(this.#page.key, call, circumstance);
  }

  /** What was due has happened before anything is decided. */
  #present(circumstance: Circumstance): void {
    const key = this.#page?.key ?? null;
    if (key === null) return;
    const timely = closeExpired(key, circumstance.now);
    const { key: next, events } = endRest(timely, circumstance) ?? { key: timely, events: [] };
    this.#apply({ key: next, events, answer: null });
  }

  /** The alarm of the key's object. */
  #ring(circumstance: Circumstance): Answer {
    const { now } = circumstance;
    const key = this.#page?.key ?? null;
    if (key === null) return { code: "rung" };
    if ((key.receipts.repeat?.validUntil ?? Infinity) <= now) {
      this.#apply({ key: { ...key, receipts: withoutRepeat(key.receipts) }, events: [], answer: null });
    }
    this.#present(circumstance);
    const present = this.#page!.key!;
    const soon = dueSoonAt(present);
    if (soon !== null && now >= soon && isDueSoon(present, now)) {
      this.#apply({ ...announceRotation(present, circumstance), answer: null });
    }
    return { code: "rung" };
  }

  #step(
    key: Key,
    call: Exclude<Call, { do: "create" | "obey" | "purge" | "ring" }>,
    circumstance: Circumstance,
  ): Answer {
    const { now } = circumstance;
    switch (call.do) {
      case "use": {
        const mint = () => freshOf(call.mints!);
        const { answer } = this.#apply(admit(key, admissionOf(call), now, { mint, random }));
        const held = answer.admitted ? answer.reservation : null;
        if (held === null) return verdictFacts(answer);
        this.#reservations.set(call.opens!, held.id);
        return { ...verdictFacts(answer), reservation: call.opens, holdsUntil: held.expiresAt };
      }
      case "settle": {
        const id = this.#reservations.get(call.reservation) ?? ("res_unheard-of" as ReservationId);
        const { answer } = this.#apply(settle(key, id, call.used, now));
        if (!answer.done) return { code: answer.because };
        const { units, closed } = answer.reservation;
        return { code: "settled", units, charged: closed!.charged, overrun: closed!.overrun };
      }
      case "read": {
        const record = recordOf(key, now);
        const { quota, rateLimits } = record.allowance;
        const resets = [quota?.resetsAt ?? null, ...rateLimits.map(({ resetsAt }) => resetsAt)];
        return { ...recordFacts("record", record), resets };
      }
      case "read-self":
        return this.#plain(readSelf(key, digestOf(call.secret), call.ip ?? null, new Asks(), now), "record", now);
      case "revoke-self":
        return this.#plain(revokeSelf(key, digestOf(call.secret), new Asks(), circumstance), "revoked", now);
      case "rotate": {
        const idempotency = idempotencyOf("admin", call.header, ["rotate", call.expected, call.graceMs]);
        const command = { expectedVersion: call.expected, graceSeconds: call.graceMs / 1000, idempotency };
        return this.#rotated(rotate(key, command, freshOf(call.mints), circumstance), now);
      }
      case "rotate-self": {
        const idempotency = idempotencyOf(ID, call.header, ["rotate-self"]);
        const command = { presented: digestOf(call.secret), ip: call.ip ?? null, idempotency };
        return this.#rotated(rotateSelf(key, command, freshOf(call.mints), circumstance), now);
      }
      case "revoke":
        return this.#plain(revoke(key, circumstance), "revoked", now);
      case "suspend":
        return this.#plain(suspend(key, circumstance), "suspended", now);
      case "resume":
        return this.#plain(resume(key, circumstance), "resumed", now);
      case "amend": {
        const command = { amendment: amendmentOf(call.change), expectedRevision: call.ifMatch };
        return this.#plain(amend(key, command, circumstance), "amended", now);
      }
      case "credit": {
        const given = call.add === undefined ? { set: call.set! } : { add: call.add };
        const command = { credit: given, expectedRevision: call.ifMatch };
        return this.#plain(credit(key, command, circumstance), "credited", now);
      }
    }
  }

  #create(page: Page, call: Extract<Call, { do: "create" }>, circumstance: Circumstance): Answer {
    const { now } = circumstance;
    const idempotency = idempotencyOf("admin", call.header, ["create", call.rules]);
    if (page.key !== null) {
      const again = createAgain(page.key, idempotency, now, PEPPERS);
      if (!again.done) return { code: again.because };
      return { ...recordFacts("created", recordOf(page.key, now)), secret: again.credential };
    }
    if (page.vacancy?.kind === "purged") return { code: createAfterPurge(page.vacancy, idempotency, now).because };
    const ownerOrder = awaitedOrder(page.vacancy, OWNER);
    if (ownerOrder?.standing === "revoked") return { code: "owner-revoked" };
    const { expiresAt, session } = call.rules;
    const end = (session === null ? expiresAt : now + session.lifetimeMs) as EpochMs | null;
    const options = { expiresAt: end, ownerOrder, idempotency };
    const step = create(profileOf(call.rules, now), options, freshOf(call.mints), circumstance);
    this.#replace({ ...NOTHING, key: step.key, boot: 1 }, step.events);
    return { ...recordFacts("created", recordOf(step.key, now)), secret: call.mints };
  }

  #obey(page: Page, call: Extract<Call, { do: "obey" }>, circumstance: Circumstance): Answer {
    const order = { revision: call.order, standing: call.standing };
    const { key, vacancy } = page;
    if (key !== null) this.#apply(obey(key, order, circumstance));
    else if (withAwaited(vacancy, OWNER, order) !== vacancy) {
      this.#replace({ ...page, vacancy: withAwaited(vacancy, OWNER, order) }, []);
    }
    return { code: "obeyed" };
  }

  #purge(page: Page, circumstance: Circumstance): Answer {
    const { key, vacancy, ...rest } = page;
    if (key === null) return { code: vacancy?.kind === "purged" ? "purged" : "not-found" };
    const tombstone = purge(key, circumstance);
    if (tombstone === null) return { code: "conflict" };
    this.#events.length = 0;
    this.#replace({ ...rest, key: null, vacancy: tombstone.vacancy }, [tombstone.event]);
    return { code: "purged" };
  }

  #apply<A>(step: Step<A>): Step<A> {
    if (step.key !== this.#page!.key) this.#replace({ ...this.#page!, key: step.key }, step.events);
    return step;
  }

  #replace(page: Page, events: readonly KeyEvent[]): void {
    this.#page = page;
    this.#events.push(...events);
  }

  #plain(step: Step<Plain>, code: string, now: EpochMs): Answer {
    const { answer, key } = this.#apply(step);
    if (answer.done) return recordFacts(code, recordOf(key, now));
    return { code: codeOf("because" in answer ? answer.because : answer.refusal.reason) };
  }

  #rotated(step: ReturnType<typeof rotate> | ReturnType<typeof rotateSelf>, now: EpochMs): Answer {
    const { answer, key } = this.#apply<ReturnType<typeof rotate | typeof rotateSelf>["answer"]>(step);
    if (answer.done) {
      const { credential, retired } = answer;
      const facts = { secret: credential, retired: retired.version, validUntil: retired.validUntil };
      return { ...recordFacts("rotated", recordOf(key, now)), ...facts };
    }
    if ("refusal" in answer) return { code: codeOf(answer.refusal.reason) };
    const { because, currentVersion } = answer;
    return because === "version-conflict" ? { code: because, currentVersion } : { code: because };
  }
}

type Plain = { readonly done: true } | ({ readonly done: false } & (Because | Refused));
type Because = { readonly because: string };
type Refused = { readonly refusal: { readonly reason: string } };

/** What the contract calls a reason of the core, where it does not call it the same. */
const CODES: { readonly [reason: string]: string } = {
  "wrong-secret": "invalid-key",
  "unknown-key": "invalid-key",
  "self-rotate-off": "forbidden",
  "no-balance": "conflict",
};
export const codeOf = (reason: string): string => CODES[reason] ?? reason;

export function verdictFacts(verdict: Verdict): Answer {
  const code = verdict.admitted ? "valid" : codeOf(verdict.refusal.reason);
  const facts = {
    code,
    version: verdict.identity?.version ?? null,
    ...(verdict.allowance !== null && allowanceFacts(verdict.allowance)),
  };
  if (verdict.admitted) {
    const expiresAt = verdict.identity.details!.expiresAt;
    return { ...facts, expiresAt, ...(verdict.newKey !== null && { secret: verdict.newKey }) };
  }
  const { refusal } = verdict;
  return {
    ...facts,
    ...("limit" in refusal && { limit: refusal.limit }),
    ...("retryAt" in refusal && { retryAt: refusal.retryAt }),
  };
}

const allowanceFacts = ({ quota, rateLimits }: KeyRecord["allowance"]) => ({
  used: quota?.used ?? null,
  remaining: quota?.remaining ?? null,
  room: rateLimits.map(({ remaining }) => remaining),
});

export const recordFacts = (code: string, record: KeyRecord): Answer => ({
  code,
  version: record.version,
  revision: record.revision,
  status: record.status,
  ownerSuspended: record.ownerSuspended,
  expiresAt: record.expiresAt,
  dueAt: record.rotationDueAt,
  lastUsedAt: record.lastUsedAt,
  ...allowanceFacts(record.allowance),
});

export const admissionOf = (call: Extract<Call, { do: "use" }>) => ({
  presented: digestOf(call.secret),
  cost: call.cost,
  scopes: call.scope === undefined ? [] : [call.scope],
  anyScope: [],
  ip: call.ip ?? null,
  dryRun: call.dry ?? false,
  reserve: call.reserve ?? false,
});

export const idempotencyOf = (actor: string, header: string | null, asked: unknown) =>
  header === null ? null : { actor, header, request: digestOf(JSON.stringify(asked)) };

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

const PEPPER = { id: "a", secret: new TextEncoder().encode("a pepper of the proof") };
const PEPPERS = { signing: PEPPER, all: [PEPPER] };

const freshOf = (name: string) => ({
  credential: name,
  secret: { digest: digestOf(name), hint: "…", pepper: "a" } satisfies { digest: Digest; hint: string; pepper: string },
  sealing: { random, peppers: PEPPERS },
});

const secondsOf = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

function quotaOf(quota: Rules["quota"]): Profile["quota"] {
  if (quota === null) return null;
  const { limit, period: of, zone = "UTC", cap } = quota;
  const period = typeof of === "object" ? { everySeconds: of.everyMs / 1000, anchor: epochMs(of.anchor) } : of;
  return {
    limit,
    period,
    timezone: zone,
    ...(cap === undefined ? { refill: "reset", cap: null } : { refill: "add", cap }),
  };
}

const paceOf = (pace: Rules["pace"]): Profile["rateLimits"] =>
  pace.map(({ name, limit, windowMs, algorithm = "window", burst = limit, unit = "request" }) => {
    const rate = { name, limit, windowSeconds: windowMs / 1000, unit };
    return algorithm === "bucket" ? { ...rate, algorithm, burst } : { ...rate, algorithm };
  });

function rotationOf(rotation: Rules["rotation"]): Profile["rotation"] {
  if (rotation === null) return null;
  const { afterUses, afterMs, mode, graceMs } = rotation;
  return { afterUses, afterSeconds: secondsOf(afterMs), mode, graceSeconds: graceMs / 1000 };
}

export const profileOf = (rules: Rules, now: EpochMs): Profile => ({
  id: ID,
  name: "a key",
  owner: OWNER,
  kind: rules.session === null ? "token" : "session",
  environment: "live",
  prefix: "rk_test",
  createdAt: now,
  scopes: rules.scopes,
  allowedIps: rules.ips,
  quota: quotaOf(rules.quota),
  rateLimits: paceOf(rules.pace),
  lifetimeSeconds: secondsOf(rules.session?.lifetimeMs ?? null),
  maxLifetimeSeconds: secondsOf(rules.session?.capMs ?? null),
  idleSeconds: secondsOf(rules.idleMs),
  rotation: rotationOf(rules.rotation),
  maxConcurrent: null,
  reserveSeconds: rules.reserveMs / 1000,
  onReservationTimeout: rules.onTimeout,
  selfRotate: rules.selfRotate,
  suspicion: null,
  metadata: {},
  boundary: null,
});

export const amendmentOf = ({ expiresAt, scopes, ips, quota, pace, rotation, selfRotate }: Partial<Rules>) => ({
  ...(expiresAt !== undefined && { expiresAt: expiresAt as EpochMs | null }),
  ...(scopes !== undefined && { scopes }),
  ...(ips !== undefined && { allowedIps: ips }),
  ...(quota !== undefined && { quota: quotaOf(quota) }),
  ...(pace !== undefined && { rateLimits: paceOf(pace) }),
  ...(rotation !== undefined && { rotation: rotationOf(rotation) }),
  ...(selfRotate !== undefined && { selfRotate }),
});
