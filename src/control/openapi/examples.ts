import type { KeyRecordJson } from "../schema/record.ts";

/**
 * One call with its answer.
 *
 * The examples are one story, told in this order against one deployment: each answer follows from the calls before it.
 * Ids, secrets and instants stand for those that a run has in the same places; everything else is answered like this.
 */
export type Example = {
  readonly operationId: string;
  /** Names the example within its operation. */
  readonly name: string;
  readonly summary: string;
  /** The key that asks, where an operation is the key's own; otherwise the admin does. */
  readonly holder?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly status: number;
  /** Absent: the answer is a page, or has no body. */
  readonly answer?: object;
};

export const REQUEST_ID = "req_0b6f2c1e9d8a47f3b5c4d3e2f1a09b8c";

// What looks like a key and says that it is none.
const ID = "key_4mN8pQ2rS6tU0vWx";
const credential = (id: string, version: number) =>
  `rk_live_1a${id.slice("key_".length)}SecretOfAnExampleThatIsNoSecret${version}ExampleTag1Check0`;
const [FIRST, SECOND] = [1, 2].map((version) => credential(ID, version)) as [string, string];

const CREATED_AT = "2027-01-12T09:30:00.000Z";
const USED_AT = "2027-01-12T09:41:07.250Z";
const CHANGED_AT = "2027-01-12T10:02:45.118Z";
const MONTH_ENDS = "2027-02-01T00:00:00.000Z";

const hintOf = (text: string) => `…${text.slice(-4)}`;

const quota = { limit: 1000, period: "month", timezone: "UTC", refill: "reset", cap: null } as const;
const burst = { name: "burst", algorithm: "window", limit: 100, windowSeconds: 60, unit: "request" };

const issued: KeyRecordJson = {
  id: ID as KeyRecordJson["id"],
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
  createdAt: CREATED_AT,
  rotatedAt: null,
  revokedAt: null,
  lastUsedAt: null,
  expiresAt: null,
  scopes: ["orders:read"],
  allowedIps: null,
  quota: { ...quota, used: 0, remaining: 1000, resetsAt: MONTH_ENDS },
  rateLimits: [{ ...burst, remaining: 100, resetsAt: null }],
  lifetimeSeconds: null,
  maxLifetimeSeconds: null,
  idleSeconds: null,
  rotation: null,
  maxConcurrent: null,
  reserveSeconds: 300,
  onReservationTimeout: "charge",
  selfRotate: true,
  metadata: { team: "payments" },
};

/** Admitted once. */
const used: KeyRecordJson = {
  ...issued,
  lastUsedAt: USED_AT,
  quota: { ...issued.quota!, used: 1, remaining: 999 },
  rateLimits: [{ ...burst, remaining: 99, resetsAt: "2027-01-12T09:42:07.250Z" }],
};

const rotated: KeyRecordJson = {
  ...used,
  version: 2,
  revision: 2,
  hint: hintOf(SECOND),
  rotatedAt: CHANGED_AT,
};

export const EXAMPLES: readonly Example[] = [
  {
    operationId: "createKey",
    name: "metered",
    summary: "A key with a monthly quota and a rate limit",
    headers: { "idempotency-key": "0f9c2a3e-6d41-4f0b-8a57-2f1c9d3b7e60" },
    body: {
      name: "billing worker",
      owner: "acme",
      scopes: ["orders:read"],
      quota: { limit: 1000, period: "month" },
      rateLimits: [{ name: "burst", algorithm: "window", limit: 100, windowSeconds: 60 }],
      metadata: { team: "payments" },
    },
    status: 201,
    answer: { key: FIRST, record: issued },
  },
  {
    operationId: "verifyKey",
    name: "admitted",
    summary: "A key that holds the scope is let in, and counted",
    body: { key: FIRST, scopes: ["orders:read"] },
    status: 200,
    answer: {
      valid: true,
      code: "valid",
      requestId: REQUEST_ID,
      decision: "1.2",
      keyId: ID,
      owner: "acme",
      name: "billing worker",
      version: 1,
      scopes: ["orders:read"],
      metadata: { team: "payments" },
      expiresAt: null,
      quota: used.quota,
      rateLimits: used.rateLimits,
    },
  },
  {
    operationId: "getKey",
    name: "used",
    summary: "A key that was used once",
    params: { id: ID },
    status: 200,
    answer: used,
  },
  {
    operationId: "rotateKey",
    name: "rotated",
    summary: "A new secret in the place of version 1",
    params: { id: ID },
    headers: { "idempotency-key": "7d1b4c88-1f0e-4c55-9a3b-60c2e4a5d7f1" },
    body: { expectedVersion: 1, reason: "a laptop was lost" },
    status: 200,
    answer: { key: SECOND, record: rotated, retired: { version: 1, validUntil: CHANGED_AT } },
  },
];

export const examplesOf = (operationId: string): readonly Example[] =>
  EXAMPLES.filter((example) => example.operationId === operationId);
