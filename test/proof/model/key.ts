import type { Answer, Call, Creation, PaceRule, Rotation, Rules, SelfRotation, Use } from "./call.ts";
import * as lifetime from "./lifetime.ts";
import * as pace from "./pace.ts";
import * as quota from "./quota.ts";
import * as reservations from "./reservations.ts";
import * as succession from "./succession.ts";

/**
 * What a key ought to do, said a second time: written from the promises (P1 to P12) and the HTTP contract by reading
 * them, so that it can be checked against them by eye. It shares no line with the product and imports nothing of it, so
 * that the two agree only where both are right.
 *
 * Where the contract leaves a choice open, a comment here says which one is taken.
 */
export type State = Absent | Key | Gone;

/** Never created. An order of the owner may have come before the creation. */
export type Absent = { readonly is: "absent"; readonly order: Order | null };
/** Purged. Only the header of its creation is remembered. */
export type Gone = { readonly is: "gone"; readonly creation: string | null };

type Order = { readonly number: number; readonly standing: "active" | "suspended" | "revoked" };

export type Key = {
  readonly is: "key";
  readonly secret: string;
  readonly version: number;
  readonly revision: number;
  /** How many events there are: a change is one, and so is the word that a secret will be due. */
  readonly events: number;
  /** The newest instant at which the key changed: its clock never goes back behind it. */
  readonly newest: number;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  /** When the current secret was installed, how often it was admitted, and whether it was told that it will be due. */
  readonly installedAt: number;
  readonly uses: number;
  readonly announced: boolean;
  /** When somebody last set the end by hand. */
  readonly endSetAt: number | null;
  /** Earlier secrets, newest first; the newest 32 are known as such. */
  readonly former: readonly { readonly secret: string; readonly version: number; readonly deadAt: number }[];
  /** The newest version of which a secret was ever admitted; 0 before the first. */
  readonly newestProven: number;
  readonly revoked: boolean;
  readonly suspended: boolean;
  readonly order: Order | null;
  /** As they stand: of a session `expiresAt` is the end it has slid to. */
  readonly rules: Rules;
  readonly spent: quota.Spent | null;
  readonly traces: readonly pace.Trace[];
  /** The key's rotations by itself: a small limit of their own. */
  readonly ownRotations: pace.Trace;
  readonly held: readonly reservations.Reservation[];
  /** Calls with an Idempotency-Key that were carried out, newest first. */
  readonly done: readonly Done[];
};

/** `answer`: the secret it issued, while that may be told again. */
type Done = {
  readonly header: string;
  readonly asked: string;
  readonly at: number;
  readonly version: number;
  readonly answer: string | null;
};

export const ABSENT: Absent = { is: "absent", order: null };

const KNOWN_FORMER = 32;
const REPEATABLE_MS = 10 * 60_000;
const OWN_ROTATIONS: PaceRule = { name: "self-rotate", limit: 5, windowMs: 60_000 };

/** One step of the model. The state is the same object if nothing changed. */
export function step(state: State, call: Call, now: number): { readonly state: State; readonly answer: Answer } {
  const [after, answer] = answerOf(state, call, now);
  // What a key notes down for itself is nothing that its clock has to remember.
  const isChanged = after !== state && after.is === "key" && after.newest !== now && call.do !== "ring";
  return { state: isChanged ? { ...after, newest: now } : after, answer };
}

type Outcome = readonly [State, Answer];

function answerOf(state: State, call: Call, now: number): Outcome {
  if (call.do === "create") return create(state, call, now);
  if (call.do === "obey") return obey(state, { number: call.order, standing: call.standing }, now);
  if (state.is !== "key") return [state, { code: nothingThere(state, call) }];
  if (call.do === "purge") return purge(state, now);
  return ask(onTime(state, now), call, now);
}

/** What was due by the policy has happened by the time that anybody asks, at its own instant. */
function onTime(key: Key, now: number): Key {
  const closed = reservations.timeOut(key, now);
  const timely = closed === key ? key : { ...closed, newest: now };
  const end = lifetime.restEnd(timely);
  // The rest ends the key, which is an event; a key that has ended, or was ended, cannot end again.
  if (end === null || now < end || timely.revoked || (timely.rules.expiresAt ?? Infinity) <= end) return timely;
  return changed({ ...timely, newest: now, rules: { ...timely.rules, expiresAt: end } });
}

/** Whoever asks with a secret hears what any stranger hears; whoever asks as the operator hears that nothing is there. */
function nothingThere(state: Absent | Gone, call: Call): string {
  if (call.do === "ring") return "rung";
  if (call.do === "purge" && state.is === "gone") return "purged";
  return "secret" in call ? "invalid-key" : "not-found";
}

function ask(state: Key, call: Exclude<Call, { do: "create" | "obey" | "purge" }>, now: number): Outcome {
  switch (call.do) {
    case "use":
      return use(state, call, now);
    case "settle": {
      const { key, answer } = reservations.settle(state, call.reservation, call.used, now);
      return [key, answer];
    }
    case "ring":
      return [ring(state, now), { code: "rung" }];
    case "read":
      return [state, { ...recordOf("record", state, now), resets: resetsOf(state, now) }];
    case "read-self": {
      const refusal =
        identityRefusal(state, call.secret, now) ?? standingRefusal(state, now) ?? placeRefusal(state, call);
      return [state, refusal ?? recordOf("record", state, now)];
    }
    case "rotate":
      return rotate(state, call, now);
    case "rotate-self":
      return rotateSelf(state, call, now);
    case "revoke":
      return stop(state, { revoked: true }, "revoked", now);
    case "revoke-self": {
      const refusal = identityRefusal(state, call.secret, now);
      if (refusal === null && call.secret !== state.secret) return [state, { code: "key-rotated" }];
      return refusal === null ? stop(state, { revoked: true }, "revoked", now) : [state, refusal];
    }
    case "suspend":
      return state.revoked ? [state, { code: "key-revoked" }] : stop(state, { suspended: true }, "suspended", now);
    case "resume": {
      if (state.revoked) return [state, { code: "key-revoked" }];
      const after = state.suspended ? changed({ ...state, suspended: false }) : state;
      return [after, recordOf("resumed", after, now)];
    }
    case "amend":
      return amend(state, call, now);
    case "credit":
      return credit(state, call, now);
  }
}

function purge(key: Key, now: number): Outcome {
  if (!key.revoked && !isExpired(key, now)) return [key, { code: "conflict" }];
  const creation = key.done.find(({ version }) => version === 1)?.header ?? null;
  return [{ is: "gone", creation }, { code: "purged" }];
}

/** A secret will be due by its age, and nobody uses it: people are told all the same. */
function ring(key: Key, now: number): Key {
  const isSoon = succession.isSoonByAge(key, now) && !key.announced && !key.revoked;
  const quiet = key.done.some(({ answer, at }) => answer !== null && now >= at + REPEATABLE_MS)
    ? { ...key, done: untold(key.done) }
    : key;
  return isSoon ? announced(quiet) : quiet;
}

function create(state: State, { rules, mints, header }: Creation, now: number): Outcome {
  const named = headerOf("admin", header);
  const asked = JSON.stringify(["create", rules]);
  if (state.is === "gone") {
    return [state, { code: named !== null && named === state.creation ? "idempotency-expired" : "conflict" }];
  }
  if (state.is === "key") {
    const again = recall(state, named, asked, now);
    if (again === null) return [state, { code: "conflict" }];
    return [state, "refused" in again ? again.refused : { ...recordOf("created", state, now), secret: again.secret }];
  }
  if (state.order?.standing === "revoked") return [state, { code: "owner-revoked" }];
  const key: Key = {
    is: "key",
    secret: mints,
    version: 1,
    revision: 1,
    events: 1,
    newest: now,
    createdAt: now,
    lastUsedAt: null,
    installedAt: now,
    uses: 0,
    announced: false,
    endSetAt: null,
    former: [],
    newestProven: 0,
    revoked: false,
    suspended: false,
    order: state.order,
    rules: rules.session === null ? rules : { ...rules, expiresAt: now + rules.session.lifetimeMs },
    spent: rules.quota && quota.UNSPENT(now),
    traces: rules.pace.map(() => null),
    ownRotations: null,
    held: [],
    done: named === null ? [] : [{ header: named, asked, at: now, version: 1, answer: mints }],
  };
  return [key, { ...recordOf("created", key, now), secret: mints }];
}

/** The order of a decision is a promise: identity, standing, reach, pace, and allowance last. All is charged or none is. */
function use(key: Key, call: Use, now: number): Outcome {
  const { rules } = key;
  const version = versionOf(key, call.secret);
  const refusal =
    identityRefusal(key, call.secret, now) ??
    standingRefusal(key, now) ??
    // The key is due, so no secret of it is admitted, not even one in its grace.
    (rules.rotation?.mode === "require" && succession.isDue(key, now) ? { code: "rotation-required" } : null) ??
    (call.scope === undefined || rules.scopes.includes(call.scope) ? null : { code: "insufficient-scope" }) ??
    placeRefusal(key, call);
  if (refusal !== null) return [key, { ...refusal, version }];
  const short = shortOf(key, call.cost, now);
  if (short !== null) return [key, { ...short, version, ...allowanceOf(key, now) }];

  const isNewest = call.secret === key.secret;
  const charged: Key = {
    ...key,
    lastUsedAt: now,
    // A secret in its grace counts for nothing.
    uses: key.uses + (isNewest ? 1 : 0),
    newestProven: Math.max(key.newestProven, version!),
    spent: rules.quota && quota.spend(rules.quota, key.spent!, call.cost, now),
    traces: rules.pace.map((rule, at) => pace.enter(rule, key.traces[at]!, call.cost, now)),
    done: isNewest ? untold(key.done) : key.done,
  };
  const admitted = { code: "valid", version, ...allowanceOf(charged, now) };
  if (call.dry) return [key, { ...admitted, expiresAt: rules.expiresAt }];
  const holding = call.reserve ? reservations.open(charged, call.opens ?? "never heard", call.cost, now) : charged;
  const held = call.reserve ? { reservation: call.opens, holdsUntil: now + rules.reserveMs } : {};
  const [after, successor] = followed(holding, isNewest, call.mints, now);
  return [after, { ...admitted, ...held, ...successor, expiresAt: after.rules.expiresAt }];
}

/** Pace, then allowance. Of several limits that refuse, the one that takes longest is named, and the first of those. */
function shortOf(key: Key, cost: number, now: number): Answer | null {
  const { rules, traces, spent } = key;
  const full = rules.pace.map((rule, at) => ({ rule, trace: traces[at]! }));
  const never = full.find(({ rule }) => pace.amountOf(rule, cost) > pace.mostOf(rule));
  if (never !== undefined) return { code: "cost-exceeds-limit", limit: never.rule.name };
  const waits = full
    .filter(({ rule, trace }) => !pace.fits(rule, trace, cost, now))
    .map(({ rule, trace }) => ({ limit: rule.name, retryAt: pace.fitsAt(rule, trace, cost, now) }));
  const longest = waits.toSorted((a, b) => b.retryAt - a.retryAt)[0];
  if (longest !== undefined) return { code: "rate-limited", ...longest };
  // A cost of 0 needs no quota.
  if (rules.quota === null || cost === 0 || cost <= quota.left(rules.quota, spent!, now)) return null;
  if (cost > quota.mostOf(rules.quota)) return { code: "cost-exceeds-limit", limit: "quota" };
  return { code: "quota-exceeded", retryAt: quota.fitsAt(rules.quota, spent!, cost, now) };
}

/** What the policy makes of an admission: a session slides, a successor is handed out, or people hear that one is due soon. */
function followed(key: Key, isNewest: boolean, mints: string | undefined, now: number): readonly [Key, object] {
  const end = lifetime.slidEnd(key, now);
  const slid = end === null ? key : changed({ ...key, rules: { ...key.rules, expiresAt: end } });
  const { rotation } = slid.rules;
  if (!isNewest || rotation === null) return [slid, {}];
  if (rotation.mode === "issue" && succession.isDue(slid, now)) {
    const successor = mints ?? `never heard, of version ${slid.version + 1}`;
    return [replaced(slid, successor, rotation.graceMs, untold(slid.done), now), { secret: successor }];
  }
  return [!slid.announced && succession.isSoon(slid, now) ? announced(slid) : slid, {}];
}

function rotate(key: Key, call: Rotation, now: number): Outcome {
  const header = headerOf("admin", call.header);
  const asked = JSON.stringify(["rotate", call.expected, call.graceMs]);
  const again = recall(key, header, asked, now);
  if (again !== null) return [key, "refused" in again ? again.refused : rotated(key, again.secret, now)];
  if (key.revoked) return [key, { code: "key-revoked" }];
  if (isExpired(key, now)) return [key, { code: "key-expired" }];
  if (call.expected !== null && call.expected !== key.version) {
    return [key, { code: "version-conflict", currentVersion: key.version }];
  }
  // A suspension ends every grace, so none begins under one.
  const graceMs = key.suspended || isOwnerSuspended(key) ? 0 : call.graceMs;
  return install(key, call.mints, graceMs, header, asked, now);
}

function rotateSelf(key: Key, call: SelfRotation, now: number): Outcome {
  const header = headerOf("self", call.header);
  const asked = JSON.stringify(["rotate-self"]);
  const again = recall(key, header, asked, now);
  if (again !== null && (isAlive(key, call.secret, now) || isPartyTo(key, call.secret, again))) {
    return [key, "refused" in again ? again.refused : rotated(key, again.secret, now)];
  }
  const refusal =
    identityRefusal(key, call.secret, now) ??
    standingRefusal(key, now) ??
    (versionOf(key, call.secret)! < key.newestProven ? { code: "key-rotated" } : null) ??
    placeRefusal(key, call) ??
    (key.rules.selfRotate ? null : { code: "forbidden" }) ??
    (pace.fits(OWN_ROTATIONS, key.ownRotations, 1, now) ? null : { code: "rate-limited" });
  if (refusal !== null) return [key, refusal];
  // Grace comes from the policy, not from the holder.
  const [after, answer] = install(key, call.mints, key.rules.rotation?.graceMs ?? 0, header, asked, now);
  return [{ ...after, ownRotations: pace.enter(OWN_ROTATIONS, key.ownRotations, 1, now) }, answer];
}

/** A dead secret is only told of a call that concerned it: the one that issued it, replaced it, or ended its grace. */
const isPartyTo = (key: Key, secret: string, call: Recalled): boolean =>
  [call.issued, call.issued - 1].includes(versionOf(key, secret) ?? -1) ||
  key.former.some((each) => each.secret === secret && each.deadAt === call.at);

const isAlive = (key: Key, secret: string, now: number): boolean => identityRefusal(key, secret, now) === null;

/** The new secret in, the old one out, in one step. Nothing that was counted is touched. */
function install(
  key: Key,
  mints: string,
  graceMs: number,
  header: string | null,
  asked: string,
  now: number,
): readonly [Key, Answer] {
  const told = header === null ? [] : [{ header, asked, at: now, version: key.version + 1, answer: mints }];
  const after = replaced(key, mints, graceMs, [...told, ...untold(key.done)], now);
  return [after, rotated(after, mints, now)];
}

function replaced(key: Key, secret: string, graceMs: number, done: Key["done"], now: number): Key {
  const deadAt = Math.min(now + graceMs, key.rules.expiresAt ?? Infinity);
  const former = graceMs === 0 ? dead(key.former, now) : key.former;
  return changed({
    ...key,
    secret,
    version: key.version + 1,
    installedAt: now,
    uses: 0,
    announced: false,
    former: [{ secret: key.secret, version: key.version, deadAt }, ...former].slice(0, KNOWN_FORMER),
    done,
  });
}

const rotated = (key: Key, secret: string, now: number): Answer => {
  const [retired] = key.former;
  return { ...recordOf("rotated", key, now), secret, retired: retired!.version, validUntil: retired!.deadAt };
};

/** Revoke and suspend: idempotent, and every grace and every repeat ends with them for good. */
function stop(key: Key, how: { revoked?: true; suspended?: true }, code: string, now: number): Outcome {
  const already = how.revoked ? key.revoked : key.suspended;
  const after = already ? key : changed({ ...stopped(key, now), ...how });
  return [after, recordOf(code, after, now)];
}

function obey(state: State, order: Order, now: number): Outcome {
  const answer = { code: "obeyed" };
  if (state.is === "gone") return [state, answer];
  if (state.order !== null && state.order.number >= order.number) return [state, answer];
  if (state.is === "absent") return [{ is: "absent", order }, answer];
  if (state.revoked) return [state, answer];
  const key = order.standing === "active" ? state : stopped(state, now);
  return [changed({ ...key, order, revoked: order.standing === "revoked" }), answer];
}

function amend(key: Key, { change, ifMatch }: Extract<Call, { do: "amend" }>, now: number): Outcome {
  if (ifMatch !== null && ifMatch !== key.revision) return [key, { code: "precondition-failed" }];
  if (key.revoked) return [key, { code: "key-revoked" }];
  const rules = { ...key.rules, ...change };
  // What is set to what it was is no change.
  if (JSON.stringify(rules) === JSON.stringify(key.rules)) return [key, recordOf("amended", key, now)];
  // A grace ends with the key's end at the latest, and no later end brings it back.
  const ended = isExpired(key, now) ? Math.min(key.rules.expiresAt!, rules.expiresAt ?? Infinity) : rules.expiresAt;
  const after = changed({
    ...key,
    rules,
    endSetAt: change.expiresAt === undefined ? key.endSetAt : now,
    // Whoever was told of the old rule's day has not been told of the new one's.
    announced: key.announced && change.rotation === undefined,
    spent: quota.spentUnder(rules.quota, key.rules.quota, key.spent, now),
    traces: pace.tracesUnder(rules.pace, key.rules.pace, key.traces, now),
    held: reservations.heldUnder(key, rules.quota),
    former: ended === null ? key.former : dead(key.former, ended),
  });
  return [after, recordOf("amended", after, now)];
}

function credit(key: Key, { add, set, ifMatch }: Extract<Call, { do: "credit" }>, now: number): Outcome {
  if (ifMatch !== null && ifMatch !== key.revision) return [key, { code: "precondition-failed" }];
  if (key.revoked) return [key, { code: "key-revoked" }];
  const balance = key.rules.quota;
  if (balance?.period !== "none") return [key, { code: "conflict" }];
  const { used } = key.spent!;
  // What remains rises by what is added, even if more was used than the limit, once lowered, allows.
  const limit = used + (add === undefined ? set! : quota.left(balance, key.spent!, now) + add);
  const after = changed({ ...key, rules: { ...key.rules, quota: { ...balance, limit } } });
  return [after, recordOf("credited", after, now)];
}

const isExpired = (key: Key, now: number): boolean =>
  now >= (key.rules.expiresAt ?? Infinity) || now >= (lifetime.restEnd(key) ?? Infinity);
const isOwnerSuspended = ({ order }: Key): boolean => order?.standing === "suspended";

/** A change is an event, and its sequence is the revision. */
const changed = (key: Key): Key => ({ ...key, revision: key.events + 1, events: key.events + 1 });

/** People were told that the secret will be due: an event that changes nothing of the record. */
const announced = (key: Key): Key => ({ ...key, events: key.events + 1, announced: true });

const stopped = (key: Key, now: number): Key => ({ ...key, former: dead(key.former, now), done: untold(key.done) });

/** Every earlier secret is dead at this instant at the latest. */
const dead = (former: Key["former"], at: number): Key["former"] =>
  former.map((each) => (each.deadAt > at ? { ...each, deadAt: at } : each));

const untold = (done: readonly Done[]): readonly Done[] =>
  done.some(({ answer }) => answer !== null) ? done.map((each) => ({ ...each, answer: null })) : done;

/** Which version a secret is, or was; `null` for one that is nobody's. */
const versionOf = (key: Key, secret: string): number | null =>
  secret === key.secret ? key.version : (key.former.find((each) => each.secret === secret)?.version ?? null);

function identityRefusal(key: Key, secret: string, now: number): Answer | null {
  if (secret === key.secret) return null;
  const former = key.former.find((each) => each.secret === secret);
  if (former === undefined) return { code: "invalid-key" };
  return now < former.deadAt ? null : { code: "key-rotated" };
}

function standingRefusal(key: Key, now: number): Answer | null {
  if (key.revoked) return { code: "key-revoked" };
  if (key.suspended) return { code: "key-suspended" };
  if (isOwnerSuspended(key)) return { code: "owner-suspended" };
  return isExpired(key, now) ? { code: "key-expired" } : null;
}

const placeRefusal = ({ rules: { ips } }: Key, { ip }: { readonly ip?: string }): Answer | null =>
  ips === null || (ip !== undefined && ips.includes(ip)) ? null : { code: "ip-not-allowed" };

function allowanceOf({ rules, spent, traces }: Key, now: number) {
  const present = rules.quota && quota.spentAt(rules.quota, spent!, now);
  return {
    used: present && present.used,
    remaining: rules.quota && quota.left(rules.quota, present!, now),
    room: rules.pace.map((rule, at) => pace.roomOf(rule, traces[at]!, now)),
  };
}

const recordOf = (code: string, key: Key, now: number): Answer => ({
  code,
  version: key.version,
  revision: key.revision,
  status: key.revoked ? "revoked" : key.suspended ? "suspended" : isExpired(key, now) ? "expired" : "active",
  ownerSuspended: isOwnerSuspended(key),
  expiresAt: key.rules.expiresAt,
  dueAt: succession.dueByAge(key),
  lastUsedAt: key.lastUsedAt,
  ...allowanceOf(key, now),
});

/** When the quota is refilled and each limit has recovered. Found by trying, so only told to those who look. */
const resetsOf = ({ rules, traces }: Key, now: number): readonly (number | null)[] => [
  rules.quota && quota.resetOf(rules.quota, now),
  ...rules.pace.map((rule, at) => pace.comesBackAt(rule, traces[at]!, now)),
];

/** A header means something only together with who sent it. */
const headerOf = (actor: string, header: string | null): string | null =>
  header === null ? null : `${actor} ${header}`;

type Recalled = { readonly issued: number; readonly at: number } & (
  { readonly secret: string } | { readonly refused: Answer }
);

/** What is known of a header: `null` for a new one. */
function recall({ done }: Key, header: string | null, asked: string, now: number): Recalled | null {
  const call = done.find((each) => each.header === header);
  if (call === undefined) return null;
  const { version: issued, at } = call;
  if (call.asked !== asked) return { issued, at, refused: { code: "idempotency-mismatch" } };
  const isTold = call.answer !== null && now < at + REPEATABLE_MS;
  return isTold ? { issued, at, secret: call.answer } : { issued, at, refused: { code: "idempotency-expired" } };
}
