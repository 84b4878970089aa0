import { describe, expect, it } from "vitest";
import { revoke } from "../../src/key/standing.ts";
import { nextExpiryNotice, noticeExpiry } from "../../src/key/expiry-notice.ts";
import { aKey, at, t } from "../support/a-key.ts";

const DAY = 24 * 60 * 60;
const ending = (days: number) => aKey({ expiresAt: t(days * DAY) });

describe("people are told that a key will end", () => {
  it.each([
    [40, 0, 10],
    [40, 10, 33],
    [40, 33, 39],
    [40, 39, null],
    [30, 0, 23],
    [5, 0, 4],
    [1, 0, null],
    [0.5, 0, null],
  ])("of a life of %d days, after day %d: on day %s", (life, now, next) => {
    expect(nextExpiryNotice(ending(life), t(now * DAY))).toBe(next === null ? null : t(next * DAY));
  });

  it.each([
    [10, 30],
    [32.9, 30],
    [33, 7],
    [39, 1],
    [39.999, 1],
  ])("on day %d of 40: that it is no more than %i", (day, days) => {
    expect(noticeExpiry(ending(40), at(t(day * DAY)))).toMatchObject({
      events: [{ type: "key.expires-soon", detail: { days, expiresAt: "2026-02-10T00:00:00.000Z" } }],
      key: { standing: { sequence: 2, revision: 1 } },
    });
  });

  it("not of one that never ends, has ended, or was revoked", () => {
    expect(nextExpiryNotice(aKey(), t(0))).toBeNull();
    expect(noticeExpiry(aKey(), at(t(0)))).toBeNull();
    expect(noticeExpiry(ending(40), at(t(40 * DAY)))).toBeNull();
    const { key } = revoke(ending(40), at(t(0)));
    expect([nextExpiryNotice(key, t(0)), noticeExpiry(key, at(t(39 * DAY)))]).toEqual([null, null]);
  });
});
