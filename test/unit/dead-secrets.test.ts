import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ASKED_AGAIN_MS, DeadSecrets } from "../../src/http/dead-secrets.ts";
import type { Admission } from "../../src/key/admission.ts";
import type { Verdict } from "../../src/key/admit.ts";
import { digestOf } from "../../src/key/digest.ts";
import type { Reason } from "../../src/key/refusal.ts";
import { epochMs } from "../../src/key/time.ts";

const asking = (secret: string): Admission => ({
  presented: digestOf(secret),
  cost: 1,
  scopes: [],
  anyScope: [],
  ip: null,
  dryRun: false,
});
const refused = (reason: Reason): Verdict =>
  ({ admitted: false, at: epochMs(0), refusal: { reason }, identity: null, allowance: null }) as Verdict;

describe("a secret that its object has called dead", () => {
  it("is refused without the object, which is asked again once a second and hears how many it was", () => {
    const dead = new DeadSecrets();
    const admission = asking("old");
    expect(dead.recall(admission, 0)).toBeNull();
    dead.note(admission, refused("key-rotated"), 0);
    for (let time = 1; time < ASKED_AGAIN_MS; time++) expect(dead.recall(admission, time)).not.toBeNull();
    expect(dead.recall(admission, ASKED_AGAIN_MS)).toBeNull();
    expect(dead.withCount(admission, ASKED_AGAIN_MS).alsoRefused).toBe(ASKED_AGAIN_MS - 1);
    // While that question is on its way, nobody else asks.
    expect(dead.recall(admission, ASKED_AGAIN_MS + 1)).not.toBeNull();
  });

  it("is counted by no dry run, which waits its turn like any other", () => {
    const dead = new DeadSecrets();
    const dry = { ...asking("old"), dryRun: true };
    dead.note(asking("old"), refused("key-rotated"), 0);
    for (let time = 1; time <= 5; time++) expect(dead.recall(dry, time)).not.toBeNull();
    expect(dead.recall(asking("old"), 6)).not.toBeNull();
    expect(dead.recall(dry, ASKED_AGAIN_MS)).toBeNull();
    expect(dead.withCount(dry, ASKED_AGAIN_MS).alsoRefused).toBeUndefined();
    expect(dead.recall(dry, ASKED_AGAIN_MS + 1)).not.toBeNull();
    expect(dead.withCount(asking("old"), 2 * ASKED_AGAIN_MS).alsoRefused).toBe(1);
  });

  it("is told with the next question how many it was, if this one was not answered", () => {
    const dead = new DeadSecrets();
    dead.note(asking("old"), refused("key-rotated"), 0);
    for (let time = 1; time <= 100; time++) dead.recall(asking("old"), time);
    dead.unanswered(dead.withCount(asking("old"), ASKED_AGAIN_MS));
    expect(dead.withCount(asking("old"), 2 * ASKED_AGAIN_MS).alsoRefused).toBe(100);
  });

  it("is forgotten after a minute, and when the clock steps back", () => {
    const dead = new DeadSecrets();
    dead.note(asking("old"), refused("key-revoked"), 1_000);
    expect(dead.recall(asking("old"), 999)).toBeNull();
    dead.note(asking("old"), refused("key-revoked"), 1_000);
    expect(dead.recall(asking("old"), 61_000)).toBeNull();
    expect(dead.withCount(asking("old"), 61_000).alsoRefused).toBeUndefined();
  });

  it("is not told to whom its key does not exist, nor explained from memory", () => {
    const dead = new DeadSecrets();
    dead.note(asking("old"), refused("key-rotated"), 0);
    expect(dead.recall({ ...asking("old"), onlyOwner: "acme" }, 1)).toBeNull();
    expect(dead.recall({ ...asking("old"), explain: true }, 1)).toBeNull();
  });

  it.each<Reason>(["key-suspended", "owner-suspended", "key-expired", "unknown-key", "wrong-secret", "quota-exceeded"])(
    "%s is not dead: it can be undone",
    (reason) => {
      const dead = new DeadSecrets();
      dead.note(asking("one"), refused(reason), 0);
      expect(dead.recall(asking("one"), 1)).toBeNull();
    },
  );

  it("makes room for others: what is remembered is bounded, and the first to go is the first that came", () => {
    const dead = new DeadSecrets();
    for (let each = 0; each <= 4_096; each++) dead.note(asking(`secret ${each}`), refused("key-rotated"), each % 100);
    expect(dead.recall(asking("secret 0"), 100)).toBeNull();
    expect(dead.recall(asking("secret 1"), 100)).not.toBeNull();
  });
});

/** A key as far as it matters here: which secret holds, which are in their grace, and whether it stands. */
class Model {
  current = 0;
  graced = new Set<number>();
  suspended = false;
  revoked = false;

  reasonFor(secret: number): Reason | null {
    if (secret !== this.current && !this.graced.has(secret)) return "key-rotated";
    if (this.revoked) return "key-revoked";
    return this.suspended ? "key-suspended" : null;
  }
}

it("no isolate ever refuses a secret that its key's object would admit, whatever happens to the key", () => {
  const step = fc.constantFrom(
    "use",
    "use",
    "use",
    "rotate",
    "rotate with grace",
    "end graces",
    "suspend",
    "resume",
    "revoke",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat(6), fc.nat(1_500)), { maxLength: 60 }), (steps) => {
      const dead = new DeadSecrets();
      const model = new Model();
      let now = 0;
      const wrong: string[] = [];
      for (const [what, secret, later] of steps) {
        now += later;
        if (what.startsWith("rotate") && !model.revoked) {
          if (what === "rotate") model.graced.clear();
          else model.graced.add(model.current);
          model.current += 1;
        } else if (what === "end graces" || what === "suspend") {
          model.graced.clear();
          model.suspended ||= what === "suspend";
        } else if (what === "resume") model.suspended = false;
        else if (what === "revoke") model.revoked = true;
        else {
          const admission = asking(`secret ${secret}`);
          const reason = secret > model.current ? "wrong-secret" : model.reasonFor(secret);
          const recalled = dead.recall(admission, now);
          if (recalled !== null && reason !== recalled.refusal.reason) wrong.push(`${secret}: ${reason}`);
          if (recalled === null)
            dead.note(dead.withCount(admission, now), reason === null ? ADMITTED : refused(reason), now);
        }
      }
      expect(wrong).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

const ADMITTED = { admitted: true } as Verdict;
