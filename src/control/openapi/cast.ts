import type { EventJson } from "../../http/event-json.ts";
import type { AlertJson } from "../schema/alert.ts";
import type { KeyRecordJson } from "../schema/record.ts";
import type { DeliveryJson, WebhookJson } from "../schema/webhook.ts";

// Who appears in the story that the examples tell, and when things happen in it.

export const REQUEST_ID = "req_0b6f2c1e9d8a47f3b5c4d3e2f1a09b8c";

/** What looks like a key, and says that it is none. */
const credential = (prefix: string, id: KeyRecordJson["id"], mark: string): string =>
  `${prefix}_1a${id.slice("key_".length)}SecretOfAnExampleThatIsNoSecret${mark}ExampleTag1Check${mark}`;

export const hintOf = (text: string): string => `…${text.slice(-4)}`;

export const AT = {
  created: "2027-01-12T09:30:00.000Z",
  used: "2027-01-12T09:41:07.250Z",
  windowEnds: "2027-01-12T09:42:07.250Z",
  amended: "2027-01-12T09:55:31.004Z",
  reserved: "2027-01-12T09:57:10.000Z",
  settled: "2027-01-12T09:58:22.417Z",
  timesOut: "2027-01-12T10:02:10.000Z",
  rotated: "2027-01-12T10:02:45.118Z",
  alerted: "2027-01-12T10:05:00.250Z",
  rotatedItself: "2027-01-12T10:20:00.731Z",
  stopped: "2027-01-12T11:05:12.360Z",
  revoked: "2027-01-12T12:00:04.902Z",
  acknowledged: "2027-01-12T10:41:38.804Z",
  asked: "2027-01-12T12:30:00.000Z",
  monthEnds: "2027-02-01T00:00:00.000Z",
} as const;

export const monthly = { limit: 1000, period: "month", timezone: "UTC", refill: "reset", cap: null } as const;
export const balance = { limit: 500, period: "none", timezone: "UTC", refill: "reset", cap: null } as const;
export const burst = { name: "burst", algorithm: "window", limit: 100, windowSeconds: 60, unit: "request" };

/** A key with a monthly quota and a rate limit, and the three secrets it has in turn. */
const BILLING_ID = "key_4mN8pQ2rS6tU0vWx" as KeyRecordJson["id"];
export const [FIRST, SECOND, THIRD] = ["1", "2", "3"].map((mark) => credential("rk_live", BILLING_ID, mark)) as [
  string,
  string,
  string,
];

export const billing: KeyRecordJson = {
  id: BILLING_ID,
  name: "billing worker",
  owner: "acme",
  kind: "token",
  environment: "live",
  prefix: "rk_live",
  pepper: "a",
  hint: hintOf(FIRST),
  version: 1,
  revision: 1,
  status: "active",
  ownerSuspended: false,
  createdAt: AT.created,
  rotatedAt: null,
  revokedAt: null,
  lastUsedAt: null,
  expiresAt: null,
  scopes: ["orders:read"],
  allowedIps: null,
  quota: { ...monthly, used: 0, remaining: 1000, resetsAt: AT.monthEnds },
  rateLimits: [{ ...burst, remaining: 100, resetsAt: null }],
  lifetimeSeconds: null,
  maxLifetimeSeconds: null,
  idleSeconds: null,
  rotation: null,
  maxConcurrent: null,
  reserveSeconds: 300,
  onReservationTimeout: "charge",
  selfRotate: true,
  suspicion: null,
  metadata: { team: "payments" },
  boundary: null,
};

/** After it was admitted once. */
export const billingUsed: KeyRecordJson = {
  ...billing,
  lastUsedAt: AT.used,
  quota: { ...monthly, used: 1, remaining: 999, resetsAt: AT.monthEnds },
  rateLimits: [{ ...burst, remaining: 99, resetsAt: AT.windowEnds }],
};

export const billingAmended: KeyRecordJson = {
  ...billingUsed,
  revision: 2,
  name: "billing worker, EU",
  quota: { ...monthly, limit: 2000, used: 1, remaining: 1999, resetsAt: AT.monthEnds },
};

export const billingRotated: KeyRecordJson = {
  ...billingAmended,
  revision: 3,
  version: 2,
  hint: hintOf(SECOND),
  rotatedAt: AT.rotated,
};

export const billingRotatedItself: KeyRecordJson = {
  ...billingAmended,
  revision: 5,
  version: 3,
  hint: hintOf(THIRD),
  rotatedAt: AT.rotatedItself,
};

/** A key with a balance that never refills. */
const RESELLER_ID = "key_7bC3dE9fG1hJ5kLm" as KeyRecordJson["id"];
export const RESELLERS = credential("rk_test", RESELLER_ID, "R");

export const reseller: KeyRecordJson = {
  ...billing,
  id: RESELLER_ID,
  name: "a prepaid reseller",
  owner: null,
  environment: "test",
  prefix: "rk_test",
  hint: hintOf(RESELLERS),
  scopes: [],
  quota: { ...balance, used: 0, remaining: 500, resetsAt: null },
  rateLimits: [],
  metadata: {},
};

export const resellerCredited: KeyRecordJson = {
  ...reseller,
  revision: 2,
  lastUsedAt: AT.used,
  quota: { ...balance, limit: 750, used: 20, remaining: 730, resetsAt: null },
};

export const RESERVATION = `res_${RESELLER_ID.slice("key_".length)}_2nB4vC6xZ8lK0jHg`;

/** After units were held, and not all of them were needed. */
export const resellerSettled: KeyRecordJson = {
  ...resellerCredited,
  lastUsedAt: AT.reserved,
  quota: { ...balance, limit: 750, used: 84, remaining: 666, resetsAt: null },
};

/** Who makes the calls of the story. */
export const CALLER = { ip: "198.51.100.7", userAgent: "billing-cli/1.4" } as const;

/** The two rotations, newest first. */
export const rotations: readonly EventJson[] = [
  {
    sequence: 5,
    type: "key.rotated",
    at: AT.rotatedItself,
    actor: BILLING_ID,
    requestId: REQUEST_ID,
    ...CALLER,
    country: null,
    detail: {
      version: { before: 2, after: 3 },
      hint: { before: hintOf(SECOND), after: hintOf(THIRD) },
      retiredValidUntil: AT.rotatedItself,
    },
  },
  {
    sequence: 3,
    type: "key.rotated",
    at: AT.rotated,
    actor: "admin",
    requestId: REQUEST_ID,
    ...CALLER,
    country: null,
    detail: {
      version: { before: 1, after: 2 },
      hint: { before: hintOf(FIRST), after: hintOf(SECOND) },
      retiredValidUntil: AT.rotated,
      reason: "a laptop was lost",
    },
  },
];

/** An endpoint of the same owner, and the two secrets it has in turn: they look like secrets and say that they are none. */
export const [SIGNS, SIGNS_NEXT] = ["1", "2"].map(
  (mark) => `whsec_${btoa(`this is no secret but example ${mark}.`)}`,
) as [string, string];

export const hooked: WebhookJson = {
  id: "wh_9xY7wV5uT3sR1qPo" as WebhookJson["id"],
  owner: "acme",
  url: "https://hooks.acme.example/rekey",
  description: null,
  events: ["*"],
  status: "active",
  disabledBecause: null,
  createdAt: AT.asked,
  failingSince: null,
  pending: 0,
  dead: 0,
};

export const hookedAmended: WebhookJson = {
  ...hooked,
  description: "tells the billing team",
  events: ["key.rotated", "key.revoked"],
};

export const tested: DeliveryJson = {
  id: "evt_test_5kL3mN1pQ9rS7tUv" as DeliveryJson["id"],
  type: "webhook.test",
  state: "pending",
  createdAt: AT.asked,
  attempts: 0,
  nextAttemptAt: AT.asked,
  lastAttempt: null,
};

/** Somebody went on using the first secret. */
export const alerted: AlertJson = {
  id: `alert_${BILLING_ID.slice("key_".length)}_4` as AlertJson["id"],
  keyId: BILLING_ID,
  owner: "acme",
  sequence: 4,
  alert: "retired-secret-used",
  action: "alert",
  at: AT.alerted,
  requestId: REQUEST_ID,
  ip: null,
  userAgent: null,
  country: null,
  evidence: { version: 1, endedAt: AT.rotated, secondsSinceEnd: 0 },
  acknowledged: null,
};
