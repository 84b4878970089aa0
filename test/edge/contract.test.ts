import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { controlClient, valueOf } from "../../src/client/index.ts";
import { STORY } from "../../src/control/openapi/story.ts";
import { answerOf, described, faultsIn, type Described } from "../support/contract.ts";
import { startNodeOrigin, type NodeOrigin } from "../support/node-origin.ts";
import { startRekey, type Rekey } from "../support/rekey.ts";

/** Headers that mean something to a caller. */
const OURS = /^(?:etag|location|rekey-.*|(?:x-)?ratelimit.*|retry-after|www-authenticate)$/;

/** The codes of all refusals so far. */
const met = new Set<string>();

/** A request that may be anything. */
type Trial = {
  readonly credential: string | null;
  readonly id: string;
  readonly owner: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
};

let rekey: Rekey;
let resolver: NodeOrigin;
/** Keys that ask, and keys that are asked about. */
let keys: Readonly<Record<string, { readonly key: string; readonly id: string }>>;

beforeAll(async () => {
  // Knows no name: no webhook that a trial makes leads anywhere, whatever network this runs in.
  resolver = await startNodeOrigin();
  resolver.on("/dns-query", (_request, response) => void response.end(JSON.stringify({ Status: 3 })));
  rekey = await startRekey({ vars: { WEBHOOK_RESOLVER: `${resolver.url}/dns-query` } });
  const client = controlClient({ url: rekey.url, token: rekey.adminToken });
  const issue = async (options: Omit<Parameters<typeof client.createKey>[0], "name">) => {
    const { key, record } = valueOf(await client.createKey({ name: "a key", ...options }));
    return { key, id: record.id };
  };
  const [ordinary, reader, writer, bound, spent, elsewhere, rotated, revoked, suspended, strong] = await Promise.all([
    issue({}),
    issue({ scopes: ["rekey:keys:read"] }),
    issue({ scopes: ["rekey:keys:*"] }),
    issue({ scopes: ["rekey:keys:*", "rekey:audit:read", "rekey:verify"], owner: "beta" }),
    issue({ scopes: ["rekey:*"], quota: { limit: 1, period: "day" } }),
    issue({ scopes: ["rekey:*"], allowedIps: ["203.0.113.7"] }),
    issue({ scopes: ["rekey:*"] }),
    issue({ scopes: ["rekey:*"] }),
    issue({ scopes: ["rekey:*"] }),
    issue({ scopes: ["rekey:*"] }),
  ]);
  await client.verifyKey({ key: spent.key });
  await client.rotateKey(rotated.id);
  await client.revokeKey(revoked.id);
  await client.suspendKey(suspended.id);
  keys = { ordinary, reader, writer, bound, spent, elsewhere, rotated, revoked, suspended, strong };
});
afterAll(async () => {
  await rekey.stop();
  await resolver[Symbol.asyncDispose]();
});

const NOBODYS = "key_0000000000000000";

/** What people do by mistake, and others on purpose. Each says only how it differs from a call as it should be. */
const TRIALS: Readonly<Record<string, () => Partial<Trial>>> = {
  "as it should be": () => ({}),
  "without a credential": () => ({ credential: null }),
  "with a wrong token": () => ({ credential: "not-the-token" }),
  "with two credentials": () => ({
    headers: { authorization: `Bearer ${keys["strong"]!.key}, Bearer ${keys["strong"]!.key}` },
  }),
  "with an ordinary key": () => ({ credential: keys["ordinary"]!.key }),
  "with a control key that may only read": () => ({ credential: keys["reader"]!.key }),
  "with a control key that is weaker than its target": () => ({
    credential: keys["writer"]!.key,
    id: keys["strong"]!.id,
  }),
  "with another owner's control key": () => ({ credential: keys["bound"]!.key }),
  "with a control key that is used up": () => ({ credential: keys["spent"]!.key }),
  "with a control key from elsewhere": () => ({ credential: keys["elsewhere"]!.key }),
  "with a replaced secret": () => ({ credential: keys["rotated"]!.key }),
  "with a revoked key": () => ({ credential: keys["revoked"]!.key }),
  "with a suspended key": () => ({ credential: keys["suspended"]!.key }),
  "about a key that nobody has": () => ({ id: NOBODYS }),
  "about what is no id": () => ({ id: "nonsense", owner: "%20" }),
  "about a revoked key": () => ({ id: keys["revoked"]!.id }),
  "about a suspended key": () => ({ id: keys["suspended"]!.id }),
  "with a parameter that nobody knows": () => ({ query: "?unheard=1" }),
  "with a parameter twice": () => ({ query: "?limit=1&limit=2" }),
  "with an empty body": () => ({ body: "{}" }),
  "with a body that is no JSON": () => ({ body: "{" }),
  "with a body of another kind": () => ({ body: "[]" }),
  "with a field that nobody knows": () => ({ body: '{"unheard":1}' }),
  "with too long a body": () => ({ body: JSON.stringify({ name: "a".repeat(70_000) }) }),
  "with too short an Idempotency-Key": () => ({ headers: { "idempotency-key": "short" } }),
  "with an Idempotency-Key": () => ({ headers: { "idempotency-key": SAME } }),
  "with that Idempotency-Key and another body": () => ({
    headers: { "idempotency-key": SAME },
    body: '{"name":"another"}',
  }),
  "with an If-Match that is none": () => ({ headers: { "if-match": "17" } }),
  "with an If-Match of another revision": () => ({ headers: { "if-match": '"999"' } }),
};

/** One for every operation. */
const SAME = "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e";

async function ask({ method, path, operation }: Described, trial: Partial<Trial>): Promise<Response> {
  const example = STORY.find(({ operationId }) => operationId === operation.operationId);
  const isSelf = operation.security[0] !== undefined && "key" in operation.security[0];
  const {
    credential = isSelf ? keys["strong"]!.key : rekey.adminToken,
    id = keys["ordinary"]!.id,
    owner = "acme",
    query = "",
    headers = {},
    body = example?.body === undefined ? null : JSON.stringify(example.body),
  } = trial;
  const filled = path.replace("{id}", id).replace("{owner}", owner).replace("{code}", "conflict");
  const carries = operation.requestBody !== undefined && body !== null;
  return fetch(rekey.url + filled + query, {
    method,
    headers: {
      accept: "application/json",
      ...(credential !== null && { authorization: `Bearer ${credential}` }),
      ...(carries && { "content-type": "application/json" }),
      ...headers,
    },
    ...(carries && { body }),
  });
}

// What ends a key or its owner comes last: what is asked about must last until then.
const FINAL = /^(?:revoke|purge)/;
const places = described.toSorted(
  (a, b) => Number(FINAL.test(a.operation.operationId)) - Number(FINAL.test(b.operation.operationId)),
);

describe.each(places.map((place) => [place.operation.operationId, place] as const))(
  "whatever is asked of %s, the answer is one that the document lists",
  (_operationId, place) => {
    it.each(Object.entries(TRIALS))("%s", async (_name, trial) => {
      const response = await ask(place, trial());
      const text = await response.text();
      const stated = answerOf(place, response.status);
      expect(stated, `${response.status} ${text}`).toBeDefined();

      const type = response.headers.get("content-type")?.split(";")[0];
      const shape = type === undefined ? undefined : stated!.content?.[type];
      expect(type === undefined || type === "text/html" ? [] : faultsIn(JSON.parse(text), shape!.schema!)).toEqual([]);
      expect(response.headers.get("rekey-request-id")).toMatch(/^req_/);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.has("www-authenticate")).toBe(
        response.status === 401 || (text.includes('"insufficient-scope"') && response.status === 403),
      );
      const announced = Object.keys(stated!.headers).map((name) => name.toLowerCase());
      expect([...response.headers.keys()].filter((name) => OURS.test(name) && !announced.includes(name))).toEqual([]);
      for (const [code] of text.matchAll(/(?<=^\{"type":"\/_rekey\/problems\/)[a-z-]+/g)) met.add(code);
    });
  },
);

it("and the trials have met most of what there is to meet", () => {
  expect([...met].toSorted()).toEqual([
    "ambiguous-credentials",
    "conflict",
    "forbidden",
    "idempotency-mismatch",
    "insufficient-scope",
    "invalid-key",
    "invalid-request",
    "ip-not-allowed",
    "key-revoked",
    "key-rotated",
    "key-suspended",
    "missing-credentials",
    "not-found",
    "payload-too-large",
    "precondition-failed",
    "quota-exceeded",
    "version-conflict",
  ]);
});
