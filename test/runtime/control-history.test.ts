import { expect, it } from "vitest";
import { control, issue, keyPath, told, type Issued } from "../support/control.ts";

type Event = { readonly type: string; readonly detail: Record<string, unknown> };
type Page = { readonly items: readonly (Event & Record<string, unknown>)[] };

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
const CALLER = { "cf-connecting-ip": "203.0.113.7", "user-agent": "curl/8.9" };

/** Every way in which people change a key, in an order in which all of them take place, and what its event must tell. */
const CHANGES: readonly (readonly [string, string, object, Event])[] = [
  ["POST", "/suspend", {}, { type: "key.suspended", detail: { status: { before: "active", after: "suspended" } } }],
  ["POST", "/resume", {}, { type: "key.resumed", detail: { status: { before: "suspended", after: "active" } } }],
  [
    "PATCH",
    "",
    { name: "new", scopes: ["orders:read"], metadata: { plan: "pro" }, maxConcurrent: 3 },
    {
      type: "key.amended",
      detail: {
        name: { before: "a key", after: "new" },
        scopes: { before: [], after: ["orders:read"] },
        metadata: { before: {}, after: { plan: "pro" } },
        maxConcurrent: { before: null, after: 3 },
      },
    },
  ],
  [
    "POST",
    "/credits",
    { add: 5 },
    {
      type: "key.credited",
      detail: { add: 5, remaining: { before: 9, after: 14 }, limit: { before: 9, after: 14 } },
    },
  ],
  [
    "POST",
    "/rotate",
    {},
    {
      type: "key.rotated",
      detail: {
        version: { before: 1, after: 2 },
        hint: { before: expect.stringMatching(/^….{4}$/), after: expect.stringMatching(/^….{4}$/) },
        retiredValidUntil: TIME,
      },
    },
  ],
  [
    "PATCH",
    "",
    { expiresAt: "2020-01-01T00:00:00Z" },
    {
      type: "key.amended",
      detail: {
        expiresAt: { before: null, after: "2020-01-01T00:00:00.000Z" },
        status: { before: "active", after: "expired" },
      },
    },
  ],
  [
    "PATCH",
    "",
    { expiresAt: null },
    {
      type: "key.amended",
      detail: {
        expiresAt: { before: "2020-01-01T00:00:00.000Z", after: null },
        status: { before: "expired", after: "active" },
      },
    },
  ],
  [
    "POST",
    "/revoke",
    { reason: "over" },
    { type: "key.revoked", detail: { status: { before: "active", after: "revoked" }, reason: "over" } },
  ],
];

it("every change tells what was before and what is after it, who made it, from where, and in which request", async () => {
  const issued = await issue({ quota: { limit: 9, period: "none" } });
  for (const [method, path, body] of CHANGES) {
    await told(control(method, keyPath(issued, path), { body, headers: CALLER }));
  }
  const { items } = await told<Page>(control("GET", keyPath(issued, "/events")));
  expect(items.slice(0, -1).toReversed()).toEqual(
    CHANGES.map(([, , , event], at) => ({
      ...event,
      sequence: at + 2,
      at: TIME,
      actor: "admin",
      requestId: "req_test",
      ip: "203.0.113.7",
      userAgent: "curl/8.9",
      country: null,
    })),
  );
});

it("an order of the owner tells where the owner stood and stands", async () => {
  const issued: Issued = await issue({ owner: "initech" });
  for (const order of ["suspend", "resume", "revoke"]) {
    await told(control("POST", `/_rekey/v1/owners/initech/${order}`, { headers: CALLER }));
  }
  const { items } = await told<Page>(control("GET", keyPath(issued, "/events?limit=3")));
  expect(items.map(({ type, detail }) => ({ type, detail }))).toEqual([
    {
      type: "key.revoked",
      detail: { ownerStanding: { before: "active", after: "revoked" }, status: { before: "active", after: "revoked" } },
    },
    { type: "key.owner-resumed", detail: { ownerStanding: { before: "suspended", after: "active" } } },
    { type: "key.owner-suspended", detail: { ownerStanding: { before: "active", after: "suspended" } } },
  ]);
});
