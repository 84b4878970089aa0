import type { Random } from "../../src/key/base62.ts";
import { describe, expect, it } from "vitest";
import { isOfCreation, NO_RECEIPTS, recall, remember, withoutRepeat, type Receipts } from "../../src/key/receipt.ts";
import { aCall } from "../support/a-call.ts";
import { PEPPERS, t } from "../support/a-key.ts";

const random: Random = (bytes) => crypto.getRandomValues(bytes);
const SEALING = { random, peppers: PEPPERS };
const HEADER = "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e";
const CREDENTIAL = "rk_live_1a".padEnd(75, "x");
const MINUTE = 60;
const DAY = 24 * 3600;

/** Remembers a call that issued a secret of this version at this second. */
const issued = (receipts: Receipts, call = aCall(), version = 2, seconds = 0): Receipts =>
  remember(receipts, call, { credential: `credential ${version}`, version }, t(seconds), SEALING);

describe("a call that comes again", () => {
  it("finds the credential that it issued", () => {
    expect(recall(issued(NO_RECEIPTS), aCall(), t(1), PEPPERS)).toMatchObject({
      found: true,
      receipt: { version: 2, at: t(0) },
      credential: "credential 2",
    });
  });

  it.each([
    ["with another header", aCall("another-header-16")],
    ["from somebody else", aCall("header-of-a-call", "do it", "key_0000000000000009")],
  ])("%s is another call", (_name, call) => {
    expect(recall(issued(NO_RECEIPTS), call, t(1), PEPPERS)).toEqual({ found: false });
  });

  it("with another request is a mistake, however old the call is", () => {
    const receipts = issued(NO_RECEIPTS);
    for (const now of [t(1), t(11 * MINUTE)]) {
      expect(recall(receipts, aCall("header-of-a-call", "do another thing"), now, PEPPERS)).toMatchObject({
        found: true,
        because: "idempotency-mismatch",
      });
    }
  });

  it.each([
    ["1 ms before ten minutes are over", 10 * MINUTE - 0.001, { credential: "credential 2" }],
    ["after ten minutes", 10 * MINUTE, { because: "idempotency-expired" }],
    ["after six days", 6 * DAY, { because: "idempotency-expired" }],
  ])("%s", (_name, seconds, heard) => {
    const recalled = recall(issued(NO_RECEIPTS), aCall(), t(seconds), PEPPERS);
    expect(recalled).toMatchObject({ found: true, ...heard });
    expect("credential" in recalled).toBe("credential" in heard);
  });

  it("after the next secret was issued is too late, with a header of its own or without", () => {
    for (const next of [aCall("another-header-16"), null]) {
      const after = remember(issued(NO_RECEIPTS), next, { credential: "credential 3", version: 3 }, t(1), SEALING);
      expect(recall(after, aCall(), t(2), PEPPERS)).toMatchObject({ found: true, because: "idempotency-expired" });
    }
  });

  it("after the secret was used is too late, and that it was made is still known", () => {
    const used = withoutRepeat(issued(NO_RECEIPTS));
    expect(recall(used, aCall(), t(1), PEPPERS)).toMatchObject({ found: true, because: "idempotency-expired" });
    expect(used.repeat).toBeNull();
    expect(withoutRepeat(used)).toBe(used);
  });

  it("does not find the answer of somebody else, though both have taken the same header", () => {
    const [mine, theirs] = [aCall(), aCall("header-of-a-call", "do it", "key_0000000000000009")];
    const receipts = issued(issued(NO_RECEIPTS, mine, 2), theirs, 3, 1);
    expect(recall(receipts, theirs, t(2), PEPPERS)).toMatchObject({ credential: "credential 3" });
    expect(recall(receipts, mine, t(2), PEPPERS)).toMatchObject({ because: "idempotency-expired" });
  });

  it("finds nothing where the header does not open what is kept", () => {
    const receipts = issued(NO_RECEIPTS);
    const broken = { ...receipts, repeat: { ...receipts.repeat!, sealed: "not a seal" } };
    expect(recall(broken, aCall(), t(1), PEPPERS)).toMatchObject({ found: true, because: "idempotency-expired" });
  });
});

describe("what is kept of a call", () => {
  it("is digests and a seal: neither header nor credential", () => {
    const kept = JSON.stringify(
      remember(NO_RECEIPTS, aCall(HEADER), { credential: CREDENTIAL, version: 2 }, t(0), SEALING),
    );
    expect(kept).not.toContain(HEADER);
    expect(kept).not.toContain(CREDENTIAL);
  });

  it("is nothing of a call without a header", () => {
    expect(remember(NO_RECEIPTS, null, { credential: CREDENTIAL, version: 2 }, t(0), SEALING)).toBe(NO_RECEIPTS);
  });

  it.each([
    ["1 ms less than seven days", 7 * DAY - 0.001, [3, 2]],
    ["seven days", 7 * DAY, [3]],
  ])("is a receipt, for seven days: after %s", (_name, seconds, versions) => {
    const receipts = issued(issued(NO_RECEIPTS), aCall("another-header-16"), 3, seconds);
    expect(receipts.seen.map(({ version }) => version)).toEqual(versions);
  });

  it("is also forgotten after seven days when the next call has no header", () => {
    const receipts = remember(issued(NO_RECEIPTS), null, { credential: "", version: 3 }, t(7 * DAY), SEALING);
    expect(receipts).toEqual(NO_RECEIPTS);
  });

  it("of a creation is kept for ever: its id exists, and a late retry must not make another", () => {
    const created = issued(NO_RECEIPTS, aCall("header-of-the-creation"), 1);
    const later = issued(created, aCall(), 2, 4000 * DAY);
    expect(later.seen.map(({ version }) => version)).toEqual([2, 1]);
    expect(later.seen.filter(isOfCreation)).toEqual(created.seen);
    expect(recall(later, aCall("header-of-the-creation"), t(4000 * DAY), PEPPERS)).toMatchObject({
      because: "idempotency-expired",
    });
  });

  /** So many calls a second apart, the first of which issued this version. */
  const many = (count: number, first: number): Receipts => {
    let receipts = NO_RECEIPTS;
    for (let call = 0; call < count; call++) {
      receipts = issued(receipts, aCall(`header-number-${call}`), first + call, call);
    }
    return receipts;
  };

  it("is the newest 256, newest first", () => {
    const versions = many(300, 2).seen.map(({ version }) => version);
    expect(versions).toEqual(Array.from({ length: 256 }, (_, at) => 301 - at));
  });

  it("is the newest 255 and the creation of a key whose creation carried a header", () => {
    const versions = many(300, 1).seen.map(({ version }) => version);
    expect(versions).toEqual([...Array.from({ length: 255 }, (_, at) => 300 - at), 1]);
  });
});
