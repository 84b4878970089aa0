import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  chained,
  forgotten,
  GENESIS,
  hashOf,
  isForgotten,
  linkOf,
  type EventHash,
  type Link,
} from "../../src/key/chain.ts";
import { epochMs } from "../../src/key/time.ts";
import { anEvent, idOf } from "../support/a-record.ts";

const link: Link = {
  keyId: "key_0000000000000001",
  sequence: 7,
  type: "key.rotated",
  at: epochMs(1_790_000_000_000),
  actor: "admin",
  requestId: "req_1",
  ip: "2001:db8::1",
  userAgent: 'curl/8 "x"',
  country: null,
  detail: '{"reason":"ü"}',
};
const before = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU" as EventHash;

describe("the hash of an event", () => {
  it("is SHA-256 over the JSON array that the documentation names", () => {
    const text =
      '["rekey-event-1","47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","key_0000000000000001",7,"key.rotated",' +
      '1790000000000,"admin","req_1","2001:db8::1","curl/8 \\"x\\"",null,"{\\"reason\\":\\"ü\\"}"]';
    expect(hashOf(before, link)).toBe(createHash("sha256").update(text, "utf8").digest("base64url"));
    expect(hashOf(before, link)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it("of a sighting holds a digest of what was seen, so that the rest can be proven without it", () => {
    const sighting: Link = { ...link, type: "key.refused" };
    const sha256 = (text: string) => createHash("sha256").update(text, "utf8").digest("base64url");
    const seen = sha256('["admin","req_1","2001:db8::1","curl/8 \\"x\\"",null,"{\\"reason\\":\\"ü\\"}"]');
    const hash = sha256(`["rekey-event-2","${before}","key_0000000000000001",7,"key.refused",1790000000000,"${seen}"]`);
    expect(hashOf(before, sighting)).toBe(hash);
    const detail = forgotten(sighting);
    expect(JSON.parse(detail)).toEqual({ forgotten: seen });
    const rest: Link = { ...sighting, actor: "", requestId: "", ip: null, userAgent: null, country: null, detail };
    expect(hashOf(before, rest)).toBe(hash);
    expect(forgotten(rest)).toBe(detail);
    expect([isForgotten(sighting), isForgotten(rest), isForgotten({ ...rest, type: "key.rotated" })]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it("is another one when anything in it is another, the event before it included", () => {
    const others: readonly Partial<Link>[] = [
      { keyId: "key_0000000000000002" },
      { sequence: 8 },
      { type: "key.revoked" },
      { at: epochMs(1_790_000_000_001) },
      { actor: "admin " },
      { requestId: "req_2" },
      { ip: null },
      { userAgent: null },
      { country: "DE" },
      { country: "" },
      { detail: '{ "reason":"ü"}' },
      // The same text, but divided otherwise among its fields.
      { actor: "admi", requestId: "nreq_1" },
    ];
    const hashes = [hashOf(GENESIS, link), ...others.map((other) => hashOf(before, { ...link, ...other }))];
    expect(new Set([hashOf(before, link), ...hashes]).size).toBe(others.length + 2);
  });

  it("does not depend on whether the event was in storage meanwhile", () => {
    const event = anEvent(1, "key.amended", { detail: { b: 1e21, "1": [-0.5, null], a: { "": "\ud800 \u0000" } } });
    const stored = JSON.parse(JSON.stringify(event)) as typeof event;
    expect(hashOf(GENESIS, linkOf(idOf(1), stored))).toBe(hashOf(GENESIS, linkOf(idOf(1), event)));
  });
});

it("a chain goes on where an earlier part of it ended", () => {
  const events = [anEvent(1, "key.created"), anEvent(2), anEvent(3)];
  const whole = chained(idOf(1), GENESIS, events);
  const [first, ...rest] = events;
  const begun = chained(idOf(1), GENESIS, [first!]);
  expect([...begun, ...chained(idOf(1), begun[0]!.hash, rest)]).toEqual(whole);
  expect(chained(idOf(1), before, [])).toEqual([]);
});
