import { describe, expect, it } from "vitest";
import { amend } from "../../src/key/amend.ts";
import { obey, revoke, suspend } from "../../src/key/standing.ts";
import type { Key, Profile, Secret } from "../../src/key/key.ts";
import type { Idempotency } from "../../src/key/receipt.ts";
import { rotateSelf } from "../../src/key/rotate.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { aCall } from "../support/a-call.ts";
import {
  admitWith,
  aKey,
  aQuota,
  aRequest,
  at,
  aWindow,
  FIRST,
  freshly,
  NOBODYS,
  rotateWith,
  SECOND,
  secretOf,
  t,
  THIRD,
} from "../support/a-key.ts";

const HOME = "203.0.113.7";
const CALL = aCall("header-of-a-lost-call", "rotate me", "key_0000000000000000");

type Ask = { readonly presented?: Secret; readonly idempotency?: Idempotency | null; readonly ip?: string | null };

/** The holder of a secret, by default the first, rotates the key to the secret `fresh`. */
const rotateBy = (
  key: Key,
  fresh: Secret,
  now: EpochMs,
  { presented = FIRST, idempotency = null, ip = HOME }: Ask = {},
) =>
  rotateSelf(
    key,
    { presented: presented.digest, ip, idempotency },
    freshly(fresh, `the one of ${fresh.hint}`),
    at(now),
  );

const heard = (key: Key, secret: Secret, now: EpochMs): string => {
  const { answer } = admitWith(key, aRequest(secret), now);
  return answer.admitted ? "admitted" : answer.refusal.reason;
};

const refusalOf = ({ answer }: ReturnType<typeof rotateBy>) => (answer.done ? "rotated" : answer.refusal.reason);

describe("a key that rotates itself", () => {
  it("gets the next secret, and its old one is dead at the very next step", () => {
    const { key, events, answer } = rotateBy(aKey(), SECOND, t(10));
    expect(answer).toEqual({
      done: true,
      credential: "the one of …cond",
      retired: { version: 1, validUntil: t(10) },
    });
    expect(heard(key, FIRST, t(10))).toBe("key-rotated");
    expect(heard(key, SECOND, t(10))).toBe("admitted");
    expect(events).toMatchObject([{ sequence: 2, type: "key.rotated", at: t(10) }]);
    expect(key.standing).toMatchObject({ version: 2, revision: 2 });
  });

  it("may do so with its quota spent and its windows full, and spends nothing of either", () => {
    const full = admitWith(aKey({ quota: aQuota(1), rateLimits: [aWindow(1, 3600)] }), aRequest(), t(0)).key;
    expect(heard(full, FIRST, t(1))).toBe("rate-limited");
    const { key } = rotateBy(full, SECOND, t(1));
    expect(key.use).toMatchObject({ quota: { used: 1 }, rateLimits: [{ openedAt: t(0), used: 1 }], admitted: 1 });
    expect(heard(key, SECOND, t(2))).toBe("rate-limited");
  });

  it("ends every grace that somebody has given", () => {
    const { key } = rotateWith(aKey(), { expectedVersion: null, graceSeconds: 3600 }, SECOND, at(t(1)));
    const { key: after, answer } = rotateBy(key, THIRD, t(2), { presented: SECOND });
    expect(answer).toMatchObject({ retired: { version: 2, validUntil: t(2) } });
    expect([FIRST, SECOND, THIRD].map((secret) => heard(after, secret, t(2)))).toEqual([
      "key-rotated",
      "key-rotated",
      "admitted",
    ]);
  });

  it("wins only once: of two who hold the same secret the second is told that it was replaced", () => {
    const first = rotateBy(aKey(), SECOND, t(1));
    const second = rotateBy(first.key, THIRD, t(1));
    expect(refusalOf(second)).toBe("key-rotated");
    expect(second.key).toBe(first.key);
  });

  it("may do so five times in a minute, the sixth when more than the minute has passed", () => {
    let key = aKey();
    for (let time = 1; time <= 5; time++) {
      const [presented, fresh] = [key.standing.secret, secretOf(`secret ${time}`)];
      key = rotateBy(key, fresh, t(time), { presented }).key;
    }
    expect(key.standing.version).toBe(6);
    const presented = key.standing.secret;
    const sixth = rotateBy(key, NOBODYS, t(61), { presented });
    expect(sixth.answer).toEqual({
      done: false,
      refusal: { reason: "rate-limited", limit: "self-rotate", retryAt: t(61.001) },
    });
    expect(sixth.key).toBe(key);
    expect(rotateBy(key, SECOND, t(61.001), { presented }).answer.done).toBe(true);
  });

  it("is not slowed down by rotations that others order, nor slows those down", () => {
    let key = aKey();
    for (let time = 1; time <= 9; time++) {
      key = rotateWith(key, { expectedVersion: null, graceSeconds: 0 }, secretOf(`secret ${time}`), at(t(1))).key;
    }
    const step = rotateBy(key, SECOND, t(1), { presented: secretOf("secret 9") });
    expect(step.answer.done).toBe(true);
    expect(step.key.use.selfRotations).toEqual({ algorithm: "window", openedAt: t(1), used: 1 });
  });
});

// Everything that may stand against it, in the order in which it is said.
const FAULTS: readonly {
  readonly reason: string;
  readonly profile?: Partial<Profile> & { expiresAt?: EpochMs };
  readonly change?: (key: Key) => Key;
  readonly ask?: Ask;
}[] = [
  { reason: "wrong-secret", ask: { presented: NOBODYS } },
  // The first secret is the one presented.
  { reason: "key-rotated", change: (key) => rotateWith(key, plain, SECOND, at(t(1))).key },
  { reason: "key-revoked", change: (key) => revoke(key, at(t(4))).key },
  { reason: "key-suspended", change: (key) => suspend(key, at(t(2))).key },
  { reason: "owner-suspended", change: (key) => obey(key, { revision: 1, standing: "suspended" }, at(t(3))).key },
  { reason: "key-expired", profile: { expiresAt: t(10) } },
  { reason: "ip-not-allowed", ask: { ip: "198.51.100.1" } },
  { reason: "self-rotate-off", profile: { selfRotate: false } },
  { reason: "rate-limited", change: (key) => ({ ...key, use: { ...key.use, selfRotations: FULL } }) },
];
const plain = { expectedVersion: null, graceSeconds: 0 };
const FULL = { algorithm: "window", openedAt: t(0), used: 5 } as const;

/** A key and a holder's call with these faults and no others, the call coming 20 s after the key's creation. */
function withFaults(faults: typeof FAULTS) {
  const profile = Object.assign({ allowedIps: [HOME] }, ...faults.map((fault) => fault.profile)) as Partial<Profile>;
  // Revoked last: afterwards nothing could be changed.
  const changes = faults.map(({ change }) => change).filter((change) => change !== undefined);
  const key = changes.toSorted((a, b) => rank(a) - rank(b)).reduce((before, change) => change(before), aKey(profile));
  return { key, ask: Object.assign({}, ...faults.map(({ ask }) => ask)) as Ask };
}
const rank = (change: (key: Key) => Key): number => (change(aKey()).standing.revokedAt === null ? 0 : 1);

describe("a rotation by the key itself that is refused", () => {
  const named = FAULTS.map((fault) => [fault.reason, fault] as const);

  it.each(named)("changes nothing: %s", (reason, fault) => {
    const { key, ask } = withFaults([fault]);
    const step = rotateBy(key, THIRD, t(20), ask);
    expect(refusalOf(step)).toBe(reason);
    expect(step.key).toBe(key);
    expect(step.events).toEqual([]);
  });

  it.each(
    named.flatMap(([first, one], index) =>
      named.slice(index + 1).map(([second, other]) => [first, second, one, other]),
    ),
  )("hears %s before %s", (first, _second, one, other) => {
    const { key, ask } = withFaults([one, other] as typeof FAULTS);
    const step = rotateBy(key, THIRD, t(20), ask);
    expect(refusalOf(step)).toBe(first);
    expect(step.key).toBe(key);
  });

  it("from nowhere known is refused where only some places are allowed", () => {
    expect(refusalOf(rotateBy(aKey({ allowedIps: [HOME] }), SECOND, t(1), { ip: null }))).toBe("ip-not-allowed");
  });
});

describe("a secret in its grace", () => {
  const replaced = rotateWith(aKey(), { expectedVersion: null, graceSeconds: 3600 }, SECOND, at(t(1))).key;

  it("may rotate the key while nobody has used its successor: the successor's answer was lost", () => {
    const { key, answer } = rotateBy(replaced, THIRD, t(2));
    expect(answer).toEqual({ done: true, credential: "the one of …hird", retired: { version: 2, validUntil: t(2) } });
    expect([FIRST, SECOND, THIRD].map((secret) => heard(key, secret, t(2)))).toEqual([
      "key-rotated",
      "key-rotated",
      "admitted",
    ]);
  });

  it("may not any more once its successor was used: its holder may be a thief", () => {
    const used = admitWith(replaced, aRequest(SECOND), t(2)).key;
    const step = rotateBy(used, THIRD, t(3));
    expect(refusalOf(step)).toBe("key-rotated");
    expect(step.key).toBe(used);
    expect(heard(used, FIRST, t(3))).toBe("admitted");
  });

  it.each([
    [
      "a question whether it would be admitted",
      (key: Key) => admitWith(key, { ...aRequest(SECOND), dryRun: true }, t(2)).key,
    ],
    [
      "a use of its successor that was refused",
      (key: Key) => admitWith(key, { ...aRequest(SECOND), scopes: ["x"] }, t(2)).key,
    ],
    ["its own use", (key: Key) => admitWith(key, aRequest(FIRST), t(2)).key],
  ])("still may after %s", (_name, happens) => {
    expect(rotateBy(happens(replaced), THIRD, t(3)).answer.done).toBe(true);
  });

  it("may do so until the grace ends, not at its end", () => {
    expect(refusalOf(rotateBy(replaced, THIRD, t(3600.999)))).toBe("rotated");
    expect(refusalOf(rotateBy(replaced, THIRD, t(3601)))).toBe("key-rotated");
  });
});

describe("a rotation by the key itself whose answer was lost", () => {
  const lost = rotateBy(aKey(), SECOND, t(1), { idempotency: CALL });
  const again = (key: Key, presented: Secret, idempotency: Idempotency | null = CALL, now = t(2)) =>
    rotateBy(key, NOBODYS, now, { presented, idempotency });

  it.each([
    ["the secret that it retired", FIRST],
    ["the secret that it issued", SECOND],
  ])("is told again to %s, and not done again", (_name, presented) => {
    const step = again(lost.key, presented);
    expect(step.answer).toEqual(lost.answer);
    expect(step.key).toBe(lost.key);
  });

  it.each([
    ["a stranger with the right header", NOBODYS, CALL, "wrong-secret"],
    ["the retired secret without a header", FIRST, null, "key-rotated"],
    [
      "the retired secret with another header",
      FIRST,
      aCall("another-header-16", "rotate me", CALL.actor),
      "key-rotated",
    ],
    ["the retired secret with somebody else's header", FIRST, { ...CALL, actor: "admin" }, "key-rotated"],
  ])("is not told to %s", (_name, presented, idempotency, reason) => {
    const step = again(lost.key, presented, idempotency);
    expect(refusalOf(step)).toBe(reason);
    expect(step.key).toBe(lost.key);
  });

  it("is not told to an older secret, though it brings the right header", () => {
    const older = rotateWith(aKey(), plain, THIRD, at(t(0))).key;
    const { key } = rotateBy(older, SECOND, t(1), { presented: THIRD, idempotency: CALL });
    expect(refusalOf(again(key, FIRST))).toBe("key-rotated");
    expect(again(key, THIRD).answer.done).toBe(true);
  });

  it("is told from anywhere and in spite of a full limit: it was allowed when it was made", () => {
    const from = rotateBy(aKey({ allowedIps: [HOME] }), SECOND, t(1), { idempotency: CALL });
    const step = rotateBy(from.key, NOBODYS, t(2), { idempotency: CALL, ip: "198.51.100.1" });
    expect(step.answer).toEqual(from.answer);
    const full = { ...lost.key, use: { ...lost.key.use, selfRotations: FULL } };
    expect(again(full, FIRST).answer).toEqual(lost.answer);
  });

  it("is told though an amendment has ended the key meanwhile, before the call even", () => {
    const amendment = { expiresAt: t(0.5) };
    const { key } = amend(lost.key, { amendment, expectedRevision: null }, at(t(2)));
    for (const presented of [FIRST, SECOND]) {
      expect(again(key, presented).answer).toMatchObject({ done: true, credential: "the one of …cond" });
    }
  });

  it.each([
    ["the new secret was used", (key: Key) => admitWith(key, aRequest(SECOND), t(2)).key],
    ["the key was suspended", (key: Key) => suspend(key, at(t(2))).key],
    ["the key was revoked", (key: Key) => revoke(key, at(t(2))).key],
  ])("is not told any more when %s, and not done again", (_name, happens) => {
    const key = happens(lost.key);
    for (const presented of [FIRST, SECOND]) {
      const step = again(key, presented);
      expect(refusalOf(step)).toBe("idempotency-expired");
      expect(step.key).toBe(key);
    }
  });

  it("is not told any more after ten minutes", () => {
    expect(again(lost.key, FIRST, CALL, t(600.999)).answer).toEqual(lost.answer);
    expect(refusalOf(again(lost.key, FIRST, CALL, t(601)))).toBe("idempotency-expired");
    expect(refusalOf(again(lost.key, SECOND, CALL, t(601)))).toBe("idempotency-expired");
  });

  it("with another request is a mistake", () => {
    expect(refusalOf(again(lost.key, FIRST, { ...CALL, request: secretOf("another").digest }))).toBe(
      "idempotency-mismatch",
    );
  });

  it("is not done again by a secret of a later rotation that brings the same header", () => {
    const { key } = rotateWith(lost.key, plain, THIRD, at(t(2)));
    const step = again(key, THIRD, CALL, t(3));
    expect(refusalOf(step)).toBe("idempotency-expired");
    expect(step.key).toBe(key);
  });

  it("is told to a secret that made the call in its grace, which the call has ended", () => {
    const inGrace = rotateWith(aKey(), { expectedVersion: null, graceSeconds: 60 }, SECOND, at(t(1))).key;
    const repair = rotateBy(inGrace, THIRD, t(2), { idempotency: CALL });
    for (const presented of [FIRST, SECOND, THIRD]) {
      expect(again(repair.key, presented, CALL, t(3)).answer).toEqual(repair.answer);
    }
    // Not to one whose grace had been over before.
    const over = rotateWith(inGrace, plain, THIRD, at(t(1.5))).key;
    const later = rotateBy(over, secretOf("the fourth"), t(2), { presented: THIRD, idempotency: CALL });
    expect(refusalOf(again(later.key, FIRST, CALL, t(3)))).toBe("key-rotated");
  });
});
