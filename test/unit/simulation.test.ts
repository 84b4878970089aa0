/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on what the dice chose to do */
import { expect, test } from "vitest";
import type { Circumstance } from "../../src/key/change.ts";
import { resume, revoke, suspend } from "../../src/key/standing.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import type { Key } from "../../src/key/key.ts";
import { BOUNDS } from "../../src/key/policy.ts";
import { epochMs, ForwardClock } from "../../src/key/time.ts";
import {
  admin,
  admitWith,
  aProfile,
  aQuota,
  aRequest,
  aWindow,
  createWith,
  rotateWith,
  secretOf,
} from "../support/a-key.ts";
import { dice, type Dice } from "../support/dice.ts";

const firstSeed = Number(process.env["SEED"] ?? 1);
const runs = Number(process.env["RUNS"] ?? 300);
const STEPS = 80;

const HOUR = 60 * 60 * 1000;
const START = Date.UTC(2026, 11, 31, 21);

const secret = (version: number) => secretOf(`secret of version ${version}`);

/**
 * What ought to be true of a key, said once more in numbers that can be checked by eye, and by other means than the
 * code's: a list of the secrets' ends, hours counted since 1970, the instants of the present window's admissions.
 */
class Model {
  newest = 1;
  /** When the secret of a version stops being valid; the newest has no entry. */
  readonly ends = new Map<number, number>();
  suspended = false;
  revoked = false;
  events = 1;
  admitted = 0;
  #hour = -1;
  #spent = 0;
  #window: number[] = [];
  readonly rules: { quota: number; pace: number; windowMs: number; expiresAt: number | null };

  constructor(rules: Model["rules"]) {
    this.rules = rules;
  }

  expired = (now: number): boolean => this.rules.expiresAt !== null && now >= this.rules.expiresAt;

  /** What a use must hear. An admission is counted. */
  use(version: number, cost: number, now: number): string {
    if (version > this.newest || version < this.newest - BOUNDS.retiredSecrets) return "wrong-secret";
    if (version < this.newest && now >= this.ends.get(version)!) return "key-rotated";
    if (this.revoked) return "key-revoked";
    if (this.suspended) return "key-suspended";
    if (this.expired(now)) return "key-expired";
    const window = now - (this.#window[0] ?? -Infinity) > this.rules.windowMs ? [] : this.#window;
    if (window.length === this.rules.pace) return "rate-limited";
    const spent = this.#hour === Math.floor(now / HOUR) ? this.#spent : 0;
    if (cost > this.rules.quota) return "cost-exceeds-limit";
    if (cost > 0 && spent + cost > this.rules.quota) return "quota-exceeded";
    this.#window = [...window, now];
    this.#hour = Math.floor(now / HOUR);
    this.#spent = spent + cost;
    this.admitted += 1;
    return `admitted, ${this.rules.quota - this.#spent} left`;
  }

  rotate(expected: number | null, graceMs: number, now: number): string {
    if (this.revoked) return "key-revoked";
    if (this.expired(now)) return "key-expired";
    if (expected !== null && expected !== this.newest) return "version-conflict";
    const grace = this.suspended ? 0 : graceMs;
    if (grace === 0) this.endGraces(now);
    this.ends.set(this.newest, Math.min(now + grace, this.rules.expiresAt ?? Infinity));
    this.newest += 1;
    this.events += 1;
    return "rotated";
  }

  endGraces(now: number) {
    for (const [version, end] of this.ends) this.ends.set(version, Math.min(end, now));
  }

  /** How many secrets are valid now. */
  valid = (now: number): number =>
    this.revoked || this.suspended || this.expired(now)
      ? 0
      : 1 + [...this.ends.values()].filter((end) => end > now).length;
}

/**
 * Promise: over any order of uses, rotations, suspensions and revocations, whatever the clock does and however often
 * the object loses its memory,
 *   1. every request hears exactly what the model says: who, standing, pace, allowance, in this order,
 *   2. a rotation that names a stale version changes nothing,
 *   3. rotation resets no counter,
 *   4. events are numbered without a gap.
 */
test.each(Array.from({ length: runs }, (_, run) => firstSeed + run))("SEED=%i RUNS=1 repeats this schedule", (seed) => {
  const roll = dice(seed);
  const rules = {
    quota: 1 + roll.below(20),
    pace: 1 + roll.below(6),
    windowMs: 1000 * roll.pick([1, 60, 600]),
    expiresAt: roll.onceIn(3) ? START + roll.below(8 * HOUR) : null,
  };
  const model = new Model(rules);
  let machine = START;
  let clock = new ForwardClock(epochMs(0), () => machine);
  const profile = aProfile({
    quota: aQuota(rules.quota, "hour"),
    rateLimits: [aWindow(rules.pace, rules.windowMs / 1000)],
  });
  const expiresAt = rules.expiresAt === null ? null : epochMs(rules.expiresAt);
  const created = createWith(profile, expiresAt, secret(1), { now: clock.now(), by: admin, reason: null });
  let key = created.key;
  const events: KeyEvent[] = [...created.events];

  for (let step = 0; step < STEPS; step++) {
    // Mostly a little, sometimes hours, sometimes back.
    machine += roll.pick([0, 1, roll.below(1000), roll.below(90_000), roll.below(HOUR / 2), -roll.below(HOUR)]);
    if (roll.onceIn(10)) {
      key = JSON.parse(JSON.stringify(key)) as Key;
      clock = new ForwardClock(key.use.newest, () => machine);
    }
    const now = clock.now();
    const circumstance: Circumstance = { now, by: admin, reason: null };
    const before = key;
    const apply = (next: { key: Key; events: readonly KeyEvent[] }) => {
      key = next.key;
      events.push(...next.events);
    };

    switch (roll.pick(["use", "use", "use", "use", "rotate", "suspend", "resume", "resume", "revoke rarely"])) {
      case "use": {
        const version = aVersion(roll, model.newest);
        const cost = roll.pick([1, 1, 1, 0, 2, 25]);
        const taken = admitWith(key, aRequest(secret(version), { cost }), now);
        apply(taken);
        const { answer } = taken;
        const heard = answer.admitted ? `admitted, ${answer.allowance.quota?.remaining} left` : answer.refusal.reason;
        expect(heard, `use of version ${version} at cost ${cost}`).toBe(model.use(version, cost, now));
        if (!answer.admitted) expect(key, "a refusal changed the key").toBe(before);
        break;
      }
      case "rotate": {
        const expected = roll.pick([model.newest, model.newest - 1, null]);
        const graceSeconds = roll.pick([0, 0, 60, 3600]);
        const rotated = rotateWith(
          key,
          { expectedVersion: expected, graceSeconds },
          secret(model.newest + 1),
          circumstance,
        );
        apply(rotated);
        const heard = rotated.answer.done ? "rotated" : rotated.answer.because;
        expect(heard, `rotation from ${expected}`).toBe(model.rotate(expected, graceSeconds * 1000, now));
        if (!rotated.answer.done) expect(key, "a lost rotation changed the key").toBe(before);
        break;
      }
      case "suspend":
        apply(suspend(key, circumstance));
        if (model.revoked || model.suspended) break;
        model.suspended = true;
        model.events += 1;
        model.endGraces(now);
        break;
      case "resume":
        apply(resume(key, circumstance));
        if (model.revoked || !model.suspended) break;
        model.suspended = false;
        model.events += 1;
        break;
      case "revoke rarely":
        if (!roll.onceIn(8)) break;
        apply(revoke(key, circumstance));
        if (!model.revoked) model.events += 1;
        model.revoked = true;
        model.endGraces(now);
    }

    expect(key.standing.version, "version").toBe(model.newest);
    expect(key.use.admitted, "admissions").toBe(model.admitted);
    expect(events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: model.events }, (_, at) => at + 1));
    const valid = Array.from({ length: model.newest + 1 }, (_, at) => at + 1).filter((version) => {
      const { answer } = admitWith(unlimited(key), aRequest(secret(version), { dryRun: true }), now);
      return answer.admitted;
    });
    expect(valid.length, "how many secrets are valid").toBe(model.valid(now));
  }
});

/** Mostly the newest secret; sometimes an earlier one, sometimes one that was never issued. */
const aVersion = (roll: Dice, newest: number): number =>
  roll.pick([newest, newest, newest, 1 + roll.below(newest + 1)]);

/** The same key without limits: who it lets in is then a matter of secret and standing alone. */
const unlimited = (key: Key): Key => ({ ...key, profile: { ...key.profile, quota: null, rateLimits: [] } });
