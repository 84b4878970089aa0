import { enter, roomOf, spend, usedOf, type Spent, type Window } from "./allowance.ts";
import type { Answer, Call, Creation, Rotation, Rules, SelfRotation } from "./call.ts";

/**
 * What a key ought to do, said a second time: written from the promises (P1 to P12) and the HTTP contract by reading
 * them, in one file that can be checked against them by eye. It shares no line with the product and imports nothing of
 * it, so that the two agree only where both are right.
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
  /** Earlier secrets, newest first; the newest 32 are known as such. */
  readonly former: readonly { readonly secret: string; readonly version: number; readonly deadAt: number }[];
  /** The newest version of which a secret was ever admitted; 0 before the first. */
  readonly newestProven: number;
  readonly revoked: boolean;
  readonly suspended: boolean;
  readonly order: Order | null;
  readonly rules: Rules;
  readonly spent: Spent | null;
  readonly windows: readonly Window[];
  /** The key's rotations by itself: a small limit of their own. */
  readonly ownRotations: readonly Window[];
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
const OWN_ROTATIONS = { name: "self-rotate", limit: 5, windowMs: 60_000 };

/** One step of the model. The state is the same object if nothing changed. */
export function step(state: State, call: Call, now: number): { readonly state: State; readonly answer: Answer } {
  const [after, answer] = answerOf(state, call, now);
  return { state: after, answer };
}

type Outcome = readonly [State, Answer];

function answerOf(state: State, call: Call, now: number): Outcome {
  if (call.do === "create") return create(state, call, now);
  if (call.do === "obey") return obey(state, { number: call.order, standing: call.standing }, now);
  if (state.is === "gone") return [state, { code: call.do === "purge" ? "purged" : unknownTo(call) }];
  if (state.is === "absent") return [state, { code: unknownTo(call) }];
  switch (call.do) {
    case "use":
      return use(state, call, now);
    case "read":
      return [state, recordOf("record", state, now)];
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
    case "purge":
      if (!state.revoked && !isExpired(state, now)) return [state, { code: "conflict" }];
      return [
        { is: "gone", creation: state.done.find(({ version }) => version === 1)?.header ?? null },
        { code: "purged" },
      ];
  }
}

/** Whoever asks with a secret hears what any stranger hears; whoever asks as the operator hears that nothing is there. */
const unknownTo = (call: Call): string => ("secret" in call ? "invalid-key" : "not-found");

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
    former: [],
    newestProven: 0,
    revoked: false,
    suspended: false,
    order: state.order,
    rules,
    spent: null,
    windows: [],
    ownRotations: [],
    done: named === null ? [] : [{ header: named, asked, at: now, version: 1, answer: mints }],
  };
  return [key, { ...recordOf("created", key, now), secret: mints }];
}

/** The order of a decision is a promise: identity, standing, reach, pace, and allowance last. All is charged or none. */
function use(key: Key, call: Extract<Call, { do: "use" }>, now: number): Outcome {
  const { rules } = key;
  const refusal =
    identityRefusal(key, call.secret, now) ??
    standingRefusal(key, now) ??
    (call.scope === undefined || rules.scopes.includes(call.scope) ? null : { code: "insufficient-scope" }) ??
    placeRefusal(key, call);
  if (refusal !== null) return [key, { ...refusal, version: versionOf(key, call.secret) }];
  const refuse = (code: string): Outcome => [
    key,
    { code, version: versionOf(key, call.secret), ...allowanceOf(key, now) },
  ];
  if (rules.pace.some((rule) => roomOf(rule, key.windows, now) < 1)) return refuse("rate-limited");
  const { quota } = rules;
  if (quota !== null && call.cost > 0) {
    if (quota.period !== "none" && call.cost > quota.limit) return refuse("cost-exceeds-limit");
    if (usedOf(quota, key.spent, now) + call.cost > quota.limit) return refuse("quota-exceeded");
  }
  const isNewest = call.secret === key.secret;
  const after: Key = {
    ...key,
    newestProven: Math.max(key.newestProven, versionOf(key, call.secret)!),
    spent: quota === null ? null : spend(quota, key.spent, call.cost, now),
    windows: enter(rules.pace, key.windows, now),
    done: isNewest ? untold(key.done) : key.done,
  };
  const answer = { code: "valid", version: versionOf(key, call.secret), ...allowanceOf(after, now) };
  return [call.dry ? key : after, answer];
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
    (roomOf(OWN_ROTATIONS, key.ownRotations, now) < 1 ? { code: "rate-limited" } : null);
  if (refusal !== null) return [key, refusal];
  const [after, answer] = install(key, call.mints, 0, header, asked, now);
  return [{ ...after, ownRotations: enter([OWN_ROTATIONS], key.ownRotations, now) }, answer];
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
  const deadAt = Math.min(now + graceMs, key.rules.expiresAt ?? Infinity);
  const former = graceMs === 0 ? dead(key.former, now) : key.former;
  const version = key.version + 1;
  const told = header === null ? [] : [{ header, asked, at: now, version, answer: mints }];
  const after = changed({
    ...key,
    secret: mints,
    version,
    former: [{ secret: key.secret, version: key.version, deadAt }, ...former].slice(0, KNOWN_FORMER),
    done: [...told, ...untold(key.done)],
  });
  return [after, rotated(after, mints, now)];
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
  const samePeriod = rules.quota?.period === key.rules.quota?.period;
  // A grace ends with the key's end at the latest, and no later end brings it back.
  const ended = isExpired(key, now) ? Math.min(key.rules.expiresAt!, rules.expiresAt ?? Infinity) : rules.expiresAt;
  const after = changed({
    ...key,
    rules,
    spent: samePeriod ? key.spent : null,
    windows: key.windows.filter(({ name, windowMs }) =>
      rules.pace.some((rule) => rule.name === name && rule.windowMs === windowMs),
    ),
    former: ended === null ? key.former : dead(key.former, ended),
  });
  return [after, recordOf("amended", after, now)];
}

function credit(key: Key, { add, set, ifMatch }: Extract<Call, { do: "credit" }>, now: number): Outcome {
  if (ifMatch !== null && ifMatch !== key.revision) return [key, { code: "precondition-failed" }];
  if (key.revoked) return [key, { code: "key-revoked" }];
  const { quota } = key.rules;
  if (quota?.period !== "none") return [key, { code: "conflict" }];
  const used = usedOf(quota, key.spent, now);
  // What remains rises by what is added, even if more was used than the limit, once lowered, allows.
  const remaining = Math.max(0, quota.limit - used);
  const limit = used + (add === undefined ? set! : remaining + add);
  const after = changed({ ...key, rules: { ...key.rules, quota: { ...quota, limit } } });
  return [after, recordOf("credited", after, now)];
}

const isExpired = ({ rules }: Key, now: number): boolean => rules.expiresAt !== null && now >= rules.expiresAt;
const isOwnerSuspended = ({ order }: Key): boolean => order?.standing === "suspended";

const changed = (key: Key): Key => ({ ...key, revision: key.revision + 1 });

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

function allowanceOf({ rules, spent, windows }: Key, now: number) {
  const { quota, pace } = rules;
  const used = quota === null ? null : usedOf(quota, spent, now);
  return {
    used,
    remaining: quota === null ? null : Math.max(0, quota.limit - used!),
    room: pace.map((rule) => roomOf(rule, windows, now)),
  };
}

const recordOf = (code: string, key: Key, now: number): Answer => ({
  code,
  version: key.version,
  revision: key.revision,
  status: key.revoked ? "revoked" : key.suspended ? "suspended" : isExpired(key, now) ? "expired" : "active",
  ownerSuspended: isOwnerSuspended(key),
  expiresAt: key.rules.expiresAt,
  ...allowanceOf(key, now),
});

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
