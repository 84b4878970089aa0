import { describe, expect, it } from "vitest";
import { amendBody } from "../../src/control/schema/amend.ts";
import { createBody } from "../../src/control/schema/create.ts";
import { shapeOf } from "../support/bad-input.ts";
import { control, issue, keyPath, told, verify, type Issued } from "../support/control.ts";

/*
 * How far a control key with a boundary reaches: every field of a key, on every route that could widen one. The
 * expectations are this file's own words for the rule, not the product's functions.
 */

const DAY = 86_400;
const pace = { name: "pace", algorithm: "bucket", limit: 10, windowSeconds: 60, burst: 10 };
const BOUNDARY = {
  grantable: ["orders:*", "rekey:keys:write"],
  environments: ["test"],
  quota: { limit: 100, period: "day" },
  rateLimits: [pace],
  maxConcurrent: 2,
  lifetimeSeconds: 10 * DAY,
};
/** A key at the very edge of the boundary in every field. */
const edge = () => ({
  name: "at the edge",
  environment: "test",
  scopes: ["orders:*"],
  quota: { limit: 100, period: "day" } as object,
  rateLimits: [{ ...pace, name: "of-another-name" }],
  maxConcurrent: 2,
  lifetimeSeconds: 10 * DAY,
});
const inDays = (days: number): string => new Date(Date.now() + days * DAY * 1000).toISOString();
const CONTROL = ["rekey:keys:write"];

type Field = {
  /** What is within; anything, for a field without a ceiling. */
  readonly within: readonly object[];
  /** What lies beyond, where there is a ceiling. */
  readonly beyond: readonly object[];
  /** How the answer calls it, where it is not the field. */
  readonly as?: string;
};
const free = (...values: readonly object[]): Field => ({ within: values, beyond: [] });

/** Every field of a create, and so of an amendment. */
const FIELDS: Readonly<Record<string, Field>> = {
  name: free({ name: "another" }),
  owner: free({ owner: "acme" }),
  kind: free({ kind: "session", lifetimeSeconds: DAY, maxLifetimeSeconds: 10 * DAY }),
  environment: { within: [{ environment: "test" }], beyond: [{ environment: "live" }] },
  prefix: free({ prefix: "other" }),
  region: free({ region: "weur" }),
  lifetimeSeconds: {
    within: [{ lifetimeSeconds: 10 * DAY }],
    beyond: [{ lifetimeSeconds: 10 * DAY + 1 }, { lifetimeSeconds: undefined }],
    as: "expiresAt",
  },
  expiresAt: {
    within: [{ lifetimeSeconds: undefined, expiresAt: inDays(9) }],
    beyond: [
      { lifetimeSeconds: undefined, expiresAt: inDays(10.1) },
      { lifetimeSeconds: undefined, expiresAt: null },
    ],
  },
  maxLifetimeSeconds: {
    within: [{ kind: "session", lifetimeSeconds: DAY, maxLifetimeSeconds: 10 * DAY }],
    beyond: [
      { kind: "session", lifetimeSeconds: DAY, maxLifetimeSeconds: 10 * DAY + 1 },
      { kind: "session", lifetimeSeconds: DAY, maxLifetimeSeconds: null },
    ],
  },
  idleSeconds: free({ idleSeconds: 60 }),
  scopes: {
    within: [{ scopes: [] }, { scopes: ["orders:read", "orders:*"] }],
    beyond: [{ scopes: ["*"] }, { scopes: ["orders:read", "admin"] }, { scopes: ["orders"] }],
  },
  allowedIps: free({ allowedIps: ["203.0.113.0/24"] }, { allowedIps: null }),
  quota: {
    within: [
      { quota: { limit: 100, period: "week" } },
      { quota: { limit: 100, period: "none" } },
      { quota: { limit: 50, period: "day", refill: "add", cap: 100 } },
      { quota: { limit: 100, period: { everySeconds: DAY + 3600, anchor: "2026-01-01T00:00:00Z" } } },
    ],
    beyond: [
      { quota: null },
      { quota: { limit: 101, period: "day" } },
      { quota: { limit: 100, period: "hour" } },
      { quota: { limit: 50, period: "day", refill: "add", cap: 101 } },
      // A day on which clocks are put back is longer.
      { quota: { limit: 100, period: { everySeconds: DAY, anchor: "2026-01-01T00:00:00Z" } } },
    ],
  },
  rateLimits: {
    within: [{ rateLimits: [{ ...pace, limit: 9, burst: 9, windowSeconds: 61 }] }],
    beyond: [
      { rateLimits: [] },
      { rateLimits: [{ ...pace, limit: 11 }] },
      { rateLimits: [{ ...pace, burst: 11 }] },
      { rateLimits: [{ ...pace, windowSeconds: 59 }] },
      { rateLimits: [{ ...pace, unit: "cost" }] },
      { rateLimits: [{ name: "pace", algorithm: "window", limit: 10, windowSeconds: 60 }] },
    ],
  },
  rotation: free({ rotation: { afterUses: 5 } }, { rotation: null }),
  maxConcurrent: { within: [{ maxConcurrent: 1 }], beyond: [{ maxConcurrent: 3 }, { maxConcurrent: null }] },
  reserveSeconds: free({ reserveSeconds: 60 }),
  onReservationTimeout: free({ onReservationTimeout: "release" }),
  selfRotate: free({ selfRotate: false }, { selfRotate: true }),
  suspicion: free({ suspicion: { "unknown-secret": { threshold: 3 } } }, { suspicion: null }),
  metadata: free({ metadata: { plan: "pro" } }),
  boundary: {
    within: [{ boundary: null }, { boundary: BOUNDARY }, { boundary: { ...BOUNDARY, grantable: ["orders:read"] } }],
    beyond: [
      { boundary: { ...BOUNDARY, grantable: ["*"] } },
      { boundary: { ...BOUNDARY, environments: null } },
      { boundary: { ...BOUNDARY, environments: ["test", "live"] } },
      { boundary: { ...BOUNDARY, quota: null } },
      { boundary: { ...BOUNDARY, quota: { limit: 100, period: "hour" } } },
      { boundary: { ...BOUNDARY, rateLimits: [] } },
      { boundary: { ...BOUNDARY, maxConcurrent: 3 } },
      { boundary: { ...BOUNDARY, lifetimeSeconds: null } },
    ],
  },
};

const fieldsOf = (body: Parameters<typeof shapeOf>[0]): readonly string[] => Object.keys(shapeOf(body).properties!);

/** A control key that has the boundary, and is not an equal of what it makes. */
const bounded = async () => {
  const scopes = ["rekey:keys:*"];
  return { authorization: `Bearer ${(await issue({ scopes, boundary: BOUNDARY })).key}` };
};
const forbidden = (field: string) => ({
  code: "forbidden",
  detail: expect.stringMatching(new RegExp(`boundary.*: (.*; )?${field} must be `)) as unknown,
});
const recordOf = (target: Issued) => told(control("GET", keyPath(target)));

it("every field of a create and of an amendment has a row", () => {
  expect(Object.keys(FIELDS).toSorted()).toEqual([...fieldsOf(createBody)].toSorted());
  expect(fieldsOf(createBody)).toEqual(expect.arrayContaining([...fieldsOf(amendBody)]));
});

describe.each(Object.entries(FIELDS))("%s", (field, { within, beyond, as = field }) => {
  it("is created up to the boundary, and not beyond", async () => {
    const call = await bounded();
    const create = (values: object) => control("POST", "/_rekey/v1/keys", { ...call, body: { ...edge(), ...values } });
    for (const values of within) await told(create(values), 201);
    for (const values of beyond)
      expect([values, await told(create(values), 403)]).toMatchObject([values, forbidden(as)]);
  });

  it.runIf(fieldsOf(amendBody).includes(field))("is amended up to the boundary, and not beyond", async () => {
    const call = await bounded();
    // Its own: the end that an operator gave a key it moves no later anyway.
    const target = await told<Issued>(control("POST", "/_rekey/v1/keys", { ...call, body: edge() }), 201);
    const amend = ({ lifetimeSeconds: _none, ...body }: Record<string, unknown>) =>
      control("PATCH", keyPath(target), { ...call, body });
    for (const values of within) await told(amend(values as Record<string, unknown>));
    const before = await recordOf(target);
    for (const values of beyond) {
      const answer = await told(amend(values as Record<string, unknown>), 403);
      expect([values, answer]).toMatchObject([values, forbidden(as)]);
    }
    expect(await recordOf(target)).toEqual(before);
  });

  it.each(beyond)("of a key that an operator made with %j: it is not amended, credited or rotated", async (values) => {
    const call = await bounded();
    const balance = { ...edge(), quota: { limit: 5, period: "none" } };
    // A boundary that is too wide is a matter of the key that has it.
    const target = await issue({ ...balance, ...values });
    const before = await recordOf(target);
    const ways = [
      ["PATCH", "", { name: "renamed" }],
      ["POST", "/rotate", {}],
      ...(field === "quota" ? [] : [["POST", "/credits", { add: 1 }] as const]),
    ] as const;
    for (const [method, path, body] of ways) {
      const answer = await told(control(method, keyPath(target, path), { ...call, body }), 403);
      expect([path, answer]).toMatchObject([path, forbidden(as)]);
    }
    expect(await recordOf(target)).toEqual(before);
    expect(await verify(target.key)).toMatchObject({ valid: true });
    // To stop it needs no boundary, and neither does taking that back.
    await told(control("POST", keyPath(target, "/suspend"), call));
    await told(control("POST", keyPath(target, "/resume"), call));
  });
});

describe("a control key with a boundary", () => {
  it("credits a balance up to the ceiling", async () => {
    const call = await bounded();
    const target = await issue({ ...edge(), quota: { limit: 5, period: "none" } });
    const credit = (body: object) => control("POST", keyPath(target, "/credits"), { ...call, body });
    await told(credit({ add: 95 }));
    for (const body of [{ add: 1 }, { set: 101 }]) {
      expect(await told(credit(body), 403)).toMatchObject(forbidden("quota"));
    }
    expect(await recordOf(target)).toMatchObject({ quota: { limit: 100 } });
  });

  it("makes no control key without one, by a create or by an amendment", async () => {
    const call = await bounded();
    const made = { ...edge(), scopes: CONTROL };
    const create = (body: object) => control("POST", "/_rekey/v1/keys", { ...call, body });
    expect(await told(create(made), 403)).toMatchObject(forbidden("boundary"));
    await told(create({ ...made, boundary: BOUNDARY }), 201);

    const target = await issue(edge());
    const amend = (body: object) => control("PATCH", keyPath(target), { ...call, body });
    expect(await told(amend({ scopes: CONTROL }), 403)).toMatchObject(forbidden("boundary"));
    await told(amend({ scopes: CONTROL, boundary: BOUNDARY }));
    expect(await told(amend({ boundary: null }), 403)).toMatchObject(forbidden("boundary"));
  });

  it("names everything that lies beyond at once, and rotates what is within", async () => {
    const call = await bounded();
    const answer = await told(control("POST", "/_rekey/v1/keys", { ...call, body: { name: "plain" } }), 403);
    for (const field of ["environment", "quota", "rateLimits", "maxConcurrent", "expiresAt"]) {
      expect(answer).toMatchObject(forbidden(field));
    }
    await told(control("POST", keyPath(await issue(edge()), "/rotate"), { ...call, body: {} }));
  });

  it("is bound by it as it is now, and an operator's keys are not", async () => {
    const maker = await issue({ scopes: CONTROL, boundary: BOUNDARY });
    const create = () => control("POST", "/_rekey/v1/keys", { authorization: `Bearer ${maker.key}`, body: edge() });
    await told(create(), 201);
    await told(control("PATCH", keyPath(maker), { body: { boundary: { ...BOUNDARY, maxConcurrent: 1 } } }));
    expect(await told(create(), 403)).toMatchObject(forbidden("maxConcurrent"));
    await told(control("PATCH", keyPath(maker), { body: { boundary: null } }));
    await told(create(), 201);
  });
});
