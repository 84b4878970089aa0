import { Book, type Page } from "../../../src/key-object/book.ts";
import { admit, type Verdict } from "../../../src/key/admit.ts";
import { amend, credit } from "../../../src/key/amend.ts";
import { obey, resume, revoke, suspend, type Circumstance } from "../../../src/key/change.ts";
import { create, createAfterPurge, createAgain } from "../../../src/key/create.ts";
import type { KeyId } from "../../../src/key/credential.ts";
import { digestOf, type Digest } from "../../../src/key/digest.ts";
import type { KeyEvent } from "../../../src/key/event.ts";
import type { Key, Profile, Step } from "../../../src/key/key.ts";
import { purge } from "../../../src/key/purge.ts";
import { recordOf, type KeyRecord } from "../../../src/key/record.ts";
import { rotate, rotateSelf } from "../../../src/key/rotate.ts";
import { readSelf, revokeSelf } from "../../../src/key/self.ts";
import { epochMs, ForwardClock, type EpochMs } from "../../../src/key/time.ts";
import { awaitedOrder, withAwaited } from "../../../src/key/vacancy.ts";
import type { Answer, Call, Rules } from "../model/call.ts";
import { Killed, type SqliteStorage } from "./sqlite-storage.ts";

const ID = "key_0000000000000000" as KeyId;
const OWNER = "acme";
const NOTHING: Page = { key: null, vacancy: null, boot: 0, delivered: 0, epoch: null, agenda: new Map() };
const ADMIN = { actor: "admin", requestId: "req_1", ip: null, userAgent: null, country: null };

/**
 * The core of a key and its book, wired as the key's object wires them, without the platform: decide on the page in
 * memory, replace it, write it later. Speaks the language of the model. A secret is its name.
 */
export class CoreUnderTest {
  readonly #book: Book;
  readonly #clock: ForwardClock;
  #page: Page | null;
  #events: KeyEvent[] = [];

  /** Wakes on what storage holds. */
  constructor(storage: SqliteStorage, readClock: () => number) {
    this.#book = new Book(storage as unknown as DurableObjectStorage);
    this.#page = this.#book.written;
    this.#clock = new ForwardClock(this.#page?.key?.use.newest ?? epochMs(0), readClock);
  }

  now = (): EpochMs => this.#clock.now();

  /** Sequences of all events that storage holds, and of the last change that memory knows of. */
  get history(): { readonly sequences: readonly number[]; readonly last: number | null } {
    const sequences = this.#book.eventsAfter(0, Number.MAX_SAFE_INTEGER).map(({ sequence }) => sequence);
    return { sequences, last: this.#page?.key?.standing.sequence ?? null };
  }

  /** Makes durable what was decided. False: the process was killed in the middle of it. */
  commit(): boolean {
    if (this.#page === null) return true;
    try {
      this.#book.write(this.#page, this.#events.splice(0));
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
    const { key } = page;
    if (call.do === "create") return this.#create(page, call, circumstance);
    if (call.do === "obey") return this.#obey(page, call, circumstance);
    if (call.do === "purge") return this.#purge(page, circumstance);
    if (key === null) return { code: "secret" in call ? "invalid-key" : "not-found" };
    return this.#step(key, call, circumstance);
  }

  #step(key: Key, call: Exclude<Call, { do: "create" | "obey" | "purge" }>, circumstance: Circumstance): Answer {
    const { now } = circumstance;
    switch (call.do) {
      case "use": {
        const { answer } = this.#apply(admit(key, admissionOf(call), now, { mint: () => freshOf("unasked"), random }));
        return verdictFacts(answer);
      }
      case "read":
        return recordFacts("record", recordOf(key, now));
      case "read-self":
        return this.#plain(readSelf(key, digestOf(call.secret), call.ip ?? null, now), "record", now);
      case "revoke-self":
        return this.#plain(revokeSelf(key, digestOf(call.secret), circumstance), "revoked", now);
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
      const again = createAgain(page.key, idempotency, now);
      if (!again.done) return { code: again.because };
      return { ...recordFacts("created", recordOf(page.key, now)), secret: again.credential };
    }
    if (page.vacancy?.kind === "purged") return { code: createAfterPurge(page.vacancy, idempotency, now).because };
    const ownerOrder = awaitedOrder(page.vacancy, OWNER);
    if (ownerOrder?.standing === "revoked") return { code: "owner-revoked" };
    const options = { expiresAt: call.rules.expiresAt as EpochMs | null, ownerOrder, idempotency };
    const step = create(profileOf(call.rules, now), options, freshOf(call.mints), circumstance);
    this.#replace({ key: step.key, vacancy: null, boot: 1, delivered: 0, epoch: null, agenda: new Map() }, step.events);
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
const codeOf = (reason: string): string => CODES[reason] ?? reason;

function verdictFacts(verdict: Verdict): Answer {
  const code = verdict.admitted ? "valid" : codeOf(verdict.refusal.reason);
  const version = verdict.identity?.version ?? null;
  return { code, version, ...(verdict.allowance !== null && allowanceFacts(verdict.allowance)) };
}

const allowanceFacts = ({ quota, rateLimits }: KeyRecord["allowance"]) => ({
  used: quota?.used ?? null,
  remaining: quota?.remaining ?? null,
  room: rateLimits.map(({ remaining }) => remaining),
});

const recordFacts = (code: string, record: KeyRecord): Answer => ({
  code,
  version: record.version,
  revision: record.revision,
  status: record.status,
  ownerSuspended: record.ownerSuspended,
  expiresAt: record.expiresAt,
  ...allowanceFacts(record.allowance),
});

const admissionOf = (call: Extract<Call, { do: "use" }>) => ({
  presented: digestOf(call.secret),
  cost: call.cost,
  scopes: call.scope === undefined ? [] : [call.scope],
  anyScope: [],
  ip: call.ip ?? null,
  dryRun: call.dry ?? false,
});

const idempotencyOf = (actor: string, header: string | null, asked: unknown) =>
  header === null ? null : { actor, header, request: digestOf(JSON.stringify(asked)) };

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

const freshOf = (name: string) => ({
  credential: name,
  secret: { digest: digestOf(name), hint: "…", pepper: "a" } satisfies { digest: Digest; hint: string; pepper: string },
  random,
});

const quotaOf = (quota: Rules["quota"]): Profile["quota"] =>
  quota === null ? null : { ...quota, timezone: "UTC", refill: "reset", cap: null };

const paceOf = (pace: Rules["pace"]): Profile["rateLimits"] =>
  pace.map(({ name, limit, windowMs }) => ({
    name,
    limit,
    windowSeconds: windowMs / 1000,
    algorithm: "window",
    unit: "request",
  }));

const profileOf = ({ scopes, ips, quota, pace, selfRotate }: Rules, now: EpochMs): Profile => ({
  id: ID,
  name: "a key",
  owner: OWNER,
  kind: "token",
  environment: "live",
  prefix: "rk_test",
  createdAt: now,
  scopes,
  allowedIps: ips,
  quota: quotaOf(quota),
  rateLimits: paceOf(pace),
  lifetimeSeconds: null,
  maxLifetimeSeconds: null,
  idleSeconds: null,
  rotation: null,
  maxConcurrent: null,
  reserveSeconds: 300,
  onReservationTimeout: "charge",
  selfRotate,
  metadata: {},
});

const amendmentOf = ({ expiresAt, scopes, ips, quota, pace, selfRotate }: Partial<Rules>) => ({
  ...(expiresAt !== undefined && { expiresAt: expiresAt as EpochMs | null }),
  ...(scopes !== undefined && { scopes }),
  ...(ips !== undefined && { allowedIps: ips }),
  ...(quota !== undefined && { quota: quotaOf(quota) }),
  ...(pace !== undefined && { rateLimits: paceOf(pace) }),
  ...(selfRotate !== undefined && { selfRotate }),
});
