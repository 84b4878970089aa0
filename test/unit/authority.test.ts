import { describe, expect, it } from "vitest";
import { ADMIN, judge, mayEndAt, mayGrant, mayLift, sees, stopperOf, type Authority } from "../../src/key/authority.ts";
import type { KeyId } from "../../src/key/credential.ts";
import { t } from "../support/a-key.ts";

const controlKey = (scopes: readonly string[], owner: string | null = null): Authority => ({
  kind: "control-key",
  keyId: "key_0000000000000009" as KeyId,
  owner,
  scopes,
});

describe("whose keys exist for the one who asks", () => {
  it.each([
    ["the admin", ADMIN, [true, true, true]],
    ["a control key without an owner", controlKey([]), [true, true, true]],
    ["a control key of acme", controlKey([], "acme"), [true, false, false]],
    ["a control key of an owner whose name only begins alike", controlKey([], "acm"), [false, false, false]],
  ])("%s", (_name, authority, seen) => {
    expect(["acme", "globex", null].map((owner) => sees(authority, owner))).toEqual(seen);
  });
});

describe("scopes that may be granted, and taken over by changing a key that holds them", () => {
  const everything = controlKey(["rekey:*"]);
  const writer = controlKey(["rekey:keys:write"]);
  const keeper = controlKey(["rekey:verify", "rekey:keys:*"]);

  it.each([
    ["any, by the admin", ADMIN, ["rekey:*", "*", "orders:read"]],
    ["those of ordinary keys, by any control key", writer, ["orders:*", "*", "*:*"]],
    ["none, by anybody", controlKey([]), []],
    ["the very same", writer, ["rekey:keys:write"]],
    ["the very same, open end and all", everything, ["rekey:*"]],
    ["a narrower one", keeper, ["rekey:keys:write"]],
    ["several, each covered by another", keeper, ["rekey:keys:read", "orders:read", "rekey:verify"]],
    ["a name that only looks like a control scope", controlKey([]), ["rekeyed:keys", "Rekey:keys"]],
  ])("are %s", (_name, authority, scopes) => {
    expect(mayGrant(authority, scopes)).toBe(true);
  });

  it.each([
    ["a control scope, by a key with every scope but those", controlKey(["*", "*:*", "orders:read"]), ["rekey:verify"]],
    ["a wider one", writer, ["rekey:keys:*"]],
    ["another one", writer, ["rekey:verify"]],
    ["one that is covered with one that is not", writer, ["rekey:keys:write", "rekey:verify"]],
    ["the bare name of the namespace, which no route asks for", everything, ["rekey"]],
  ])("are not %s", (_name, authority, scopes) => {
    expect(mayGrant(authority, scopes)).toBe(false);
  });
});

describe("a change of a key", () => {
  const writer = controlKey(["rekey:keys:write"]);
  const writerOfAcme = controlKey(["rekey:keys:write"], "acme");
  const ordinary = ["orders:*"];
  const stronger = ["orders:*", "rekey:keys:write", "rekey:keys:rotate"];

  it.each([
    ["the admin", "nobody", "allowed", ADMIN, null, stronger],
    ["the admin", "acme", "allowed", ADMIN, "acme", ordinary],
    ["a control key", "nobody", "allowed", writer, null, ordinary],
    ["a control key", "acme, and as strong, but for its owner", "allowed", writer, "acme", ["rekey:keys:write"]],
    ["a control key", "acme, but stronger", "forbidden", writer, "acme", stronger],
    ["acme's control key", "acme", "allowed", writerOfAcme, "acme", ordinary],
    ["acme's control key", "acme, but stronger", "forbidden", writerOfAcme, "acme", stronger],
    // What is out of sight is not found, whatever it holds: nobody learns that it exists.
    ["acme's control key", "another", "not-found", writerOfAcme, "globex", ordinary],
    ["acme's control key", "another, and stronger", "not-found", writerOfAcme, "globex", stronger],
    ["acme's control key", "nobody", "not-found", writerOfAcme, null, ordinary],
  ] as const)("by %s of one that belongs to %s is %s", (_who, _whose, judgement, authority, owner, scopes) => {
    const target = { id: "key_0000000000000001" as KeyId, owner, scopes };
    expect([judge(authority, target, "change"), judge(authority, target, "stop")]).toEqual([judgement, judgement]);
  });
});

describe("a control key itself", () => {
  const self = controlKey(["rekey:*"], "acme");
  const target = { id: "key_0000000000000009" as KeyId, owner: "acme", scopes: ["rekey:*"] };

  it("may be stopped by itself", () => {
    expect(judge(self, target, "stop")).toBe("allowed");
  });

  it("is changed by others only, however weak it is", () => {
    expect(judge(self, target, "change")).toBe("forbidden");
    expect(judge(self, { ...target, scopes: [] }, "change")).toBe("forbidden");
    expect(judge(ADMIN, target, "change")).toBe("allowed");
  });
});

describe("what was stopped", () => {
  it("by an operator, or by nobody knows whom, only an operator lifts", () => {
    const stoppers = [stopperOf(ADMIN), stopperOf(controlKey([])), "policy", null, undefined] as const;
    expect(stoppers.map((stopper) => mayLift(controlKey(["rekey:*"]), stopper))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
    expect(stoppers.map((stopper) => mayLift(ADMIN, stopper))).toEqual([true, true, true, true, true]);
  });

  it.each([
    ["as it is", undefined, true],
    ["sooner", t(4), true],
    ["at the same instant", t(5), true],
    ["a millisecond later", t(5.001), false],
    ["never", null, false],
  ])("by an end that an operator gave it, ends %s by a control key", (_name, end, allowed) => {
    expect(mayEndAt(controlKey(["rekey:*"]), { operatorsEnd: t(5) }, end)).toBe(allowed);
    expect(mayEndAt(controlKey(["rekey:*"]), { operatorsEnd: null }, end)).toBe(true);
    expect(mayEndAt(ADMIN, { operatorsEnd: t(5) }, end)).toBe(true);
  });
});

describe("a control key and its equals", () => {
  const target = (owner: string | null, ...scopes: string[]) => ({
    id: "key_0000000000000001" as KeyId,
    owner,
    scopes,
  });
  const caller = controlKey(["orders:read", "rekey:keys:*"], "acme");
  const deeds = (of: Parameters<typeof judge>[1]) => [judge(caller, of, "change"), judge(caller, of, "stop")];

  it("stop each other, and neither changes the other: also not the one that the other made", () => {
    expect(deeds(target("acme", "rekey:keys:*"))).toEqual(["forbidden", "allowed"]);
    expect(deeds(target("acme", "rekey:keys:*", "admin"))).toEqual(["forbidden", "allowed"]);
  });

  it("are not those who hold less", () => {
    expect(deeds(target("acme", "rekey:keys:write", "rekey:keys:rotate"))).toEqual(["allowed", "allowed"]);
    expect(deeds(target("acme", "*"))).toEqual(["allowed", "allowed"]);
  });
});
