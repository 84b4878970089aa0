import { adminToken, POLICIES } from "./keys.ts";
import { render } from "./request.ts";
import type { Subject } from "./rounds.ts";
import type { Running } from "./workerd.ts";
import { ASK_PATH } from "./workers/ask-path.ts";

/** The names by which `--only` knows the rows. */
export const ROW_IDS = [
  "bare",
  "forged",
  "rpc",
  "hot",
  "hot-rpc",
  "none",
  "quota",
  "limits",
  "refused",
  "retired",
  "update",
  "many",
  "reserve",
  "forward",
  "forward-rpc",
  "gateway",
  "gateway-unsigned",
  "forward-large",
  "gateway-large",
  "bare-get",
  "forged-gateway",
  "rotate",
  "create",
] as const;
export type RowId = (typeof ROW_IDS)[number];

/** One line of the bench. */
export type Row = Subject & {
  readonly id: RowId;
  /** The floor it stands on, and what it does that its floor does not; `null` for a floor. */
  readonly above: { readonly floor: RowId; readonly target: number | null; readonly beyond: string } | null;
  /** Another way to ask what is counted already. */
  readonly isCountedElsewhere?: true;
};

/** Where the stub origin has a body of 10 MB. */
export const LARGE = "/large";
/** And where no rule asks for an assertion. */
export const UNSIGNED = "/unsigned";

/** Enough to keep both processes busy. What 64 connections would show is how fast memory is. */
const LARGE_AT_ONCE = 4;

/** What the rows are made from. */
export type Cast = {
  readonly floor: Running;
  readonly rekey: Running;
  /** The same two with their origin in another process: what is large would otherwise be handed over in memory. */
  readonly far: { readonly floor: Running; readonly rekey: Running };
  readonly hotKey: string;
  /** The product with a Worker beside it that asks over a service binding, and a hot key there. */
  readonly asker: Running;
  readonly askedKey: string;
  /** A hot key of `far.rekey`. */
  readonly farKey: string;
  /** Keys that differ from the hot one in their policy alone. */
  readonly noPolicyKey: string;
  readonly limitsKey: string;
  /** A key whose quota is spent, and a secret that was replaced. */
  readonly spentKey: string;
  readonly retiredKey: string;
  /** Ids of keys that nobody uses. */
  readonly rotatingIds: readonly string[];
  readonly manyKeys: readonly string[];
  /** As many again, so that what they hold does not weigh on the others. */
  readonly reservingKeys: readonly string[];
  readonly forgedKeys: readonly string[];
  /** How many bytes the answers of verify and of a refused gateway request have, for the floors to answer as many. */
  readonly bytes: { readonly verify: number; readonly refusal: number };
};

/**
 * Every row of the bench, near its floor. What uses a thousand keys has other Workers' rows around it: for some seconds
 * after their use the objects of all those keys write down and report what they counted.
 */
export function rowsOf(cast: Cast): readonly Row[] {
  const {
    floor,
    rekey,
    far,
    hotKey,
    farKey,
    noPolicyKey,
    limitsKey,
    spentKey,
    retiredKey,
    manyKeys,
    reservingKeys,
    rotatingIds,
    forgedKeys,
    bytes,
    asker,
    askedKey,
  } = cast;
  const change = (path: string, body: object) =>
    render({ method: "POST", path: `/_rekey/v1${path}`, bearer: adminToken, body });
  const ask = (question: object) =>
    render({ method: "POST", path: "/_rekey/v1/verify", bearer: adminToken, body: question });
  const verify = (key: string) => ask({ key });
  // A floor reads the same headers and the same body, of which it makes nothing.
  const floorPost = (path: string, key = hotKey) =>
    render({ method: "POST", path: `${path}?bytes=${bytes.verify}`, bearer: adminToken, body: { key } });
  const get = (path: string, bearer: string) => render({ method: "GET", path, bearer });

  const admitted = { status: 200, marker: '"valid":true' };
  const fromFloor = { status: 200, marker: '"floor":true' };
  const fromOrigin = { status: 200, marker: "by the stub origin" };

  return [
    {
      id: "bare",
      name: "bare Hono",
      server: floor,
      requests: [floorPost("/bare")],
      expected: fromFloor,
      above: null,
    },
    {
      id: "forged",
      name: "verify, forged keys",
      server: rekey,
      requests: forgedKeys.map(verify),
      expected: { status: 200, marker: '"code":"invalid-key"' },
      above: {
        floor: "bare",
        target: 0.85,
        beyond:
          "the admin token is hashed and compared, the body is bounded and judged field by field, the credential's checksum and HMAC tag are computed, and four headers are written",
      },
    },
    {
      id: "rpc",
      name: "Hono + RPC to an empty object",
      server: floor,
      requests: [floorPost("/rpc/one")],
      expected: fromFloor,
      above: null,
    },
    {
      id: "hot",
      name: "verify, one hot key",
      server: rekey,
      requests: [verify(hotKey)],
      expected: admitted,
      above: {
        floor: "rpc",
        target: 0.9,
        beyond:
          "all that a forgery costs, then SHA-256 of the credential, a deadline on the call, the request's terms and the verdict through the RPC, the decision itself, and the wait for a write that is durable",
      },
    },
    {
      id: "hot-rpc",
      name: "verify over a service binding, one hot key",
      server: asker,
      requests: [render({ method: "POST", path: ASK_PATH, bearer: adminToken, body: { key: askedKey } })],
      expected: admitted,
      isCountedElsewhere: true,
      above: {
        floor: "rpc",
        target: null,
        beyond:
          "as for one hot key over HTTP, with a second RPC, from the Worker that asks, in place of the admin token and the control API's routes",
      },
    },
    {
      id: "none",
      name: "verify, one hot key without limits",
      server: rekey,
      requests: [verify(noPolicyKey)],
      expected: admitted,
      above: { floor: "rpc", target: null, beyond: "as for one hot key, with nothing to count but its uses" },
    },
    {
      id: "quota",
      name: "verify, one hot key with a quota",
      server: rekey,
      requests: [verify(hotKey)],
      expected: admitted,
      above: {
        floor: "none",
        target: null,
        beyond: "the quota is counted, written, carried through the RPC and told",
      },
    },
    {
      id: "limits",
      name: "verify, one hot key with a quota and 8 limits",
      server: rekey,
      requests: [verify(limitsKey)],
      expected: admitted,
      above: {
        floor: "none",
        target: 0.8,
        beyond: "nine counters are judged and written, and nine readings carried through the RPC and told",
      },
    },
    {
      id: "refused",
      name: "verify, one hot key whose quota is spent",
      server: rekey,
      requests: [verify(spentKey)],
      expected: { status: 200, marker: '"code":"quota-exceeded"' },
      above: { floor: "rpc", target: null, beyond: "as for one hot key, and each refusal is counted and logged" },
    },
    {
      id: "retired",
      name: "verify, a secret that was replaced",
      server: rekey,
      requests: [verify(retiredKey)],
      expected: { status: 200, marker: '"code":"key-rotated"' },
      above: { floor: "rpc", target: null, beyond: "as for a refusal, and nothing is written" },
    },
    {
      id: "bare-get",
      name: "bare Hono, no body",
      server: floor,
      requests: [get(`/bare?bytes=${bytes.refusal}`, hotKey)],
      expected: fromFloor,
      above: null,
    },
    {
      id: "forward",
      name: "Hono, forwarding",
      server: floor,
      requests: [get("/forward", hotKey)],
      expected: fromOrigin,
      above: null,
    },
    {
      id: "update",
      name: "Hono + RPC + one UPDATE, 1,000 objects",
      server: floor,
      requests: manyKeys.map((key, at) => floorPost(`/update/${at}`, key)),
      expected: fromFloor,
      above: null,
    },
    {
      id: "many",
      name: "verify, 1,000 keys",
      server: rekey,
      requests: manyKeys.map(verify),
      expected: admitted,
      above: {
        floor: "update",
        target: 0.85,
        beyond:
          "as for one hot key, except that with 64 connections on 1,000 keys hardly two requests meet in one object, so each pays a row and a confirmed write of its own",
      },
    },
    {
      id: "reserve",
      name: "verify with a reservation, 1,000 keys",
      server: rekey,
      requests: reservingKeys.map((key) => ask({ key, reserve: 10 })),
      expected: { status: 200, marker: '"reservation":{"id":"res_' },
      above: {
        floor: "many",
        target: null,
        beyond:
          "a reservation is named, written as a row of its own and told, and the first one of a key sets its alarm",
      },
    },
    {
      id: "forward-rpc",
      name: "Hono, RPC to an empty object, then forwarding",
      server: floor,
      requests: [get("/forward-rpc/one", hotKey)],
      expected: fromOrigin,
      above: null,
    },
    {
      id: "forward-large",
      name: "Hono, forwarding 10 MB",
      server: far.floor,
      requests: [get(`/forward${LARGE}`, farKey)],
      expected: fromOrigin,
      connections: LARGE_AT_ONCE,
      above: null,
    },
    {
      id: "gateway",
      name: "gateway, one hot key, stub origin",
      server: rekey,
      requests: [get("/orders/17", hotKey)],
      expected: fromOrigin,
      above: {
        floor: "forward-rpc",
        target: 0.85,
        beyond:
          "path and headers are judged and rewritten in both directions, the limits are told, the wait has a deadline, an assertion is signed (Ed25519)",
      },
    },
    {
      id: "gateway-unsigned",
      name: "gateway without assertion, one hot key, stub origin",
      server: rekey,
      requests: [get(UNSIGNED, hotKey)],
      expected: fromOrigin,
      above: {
        floor: "forward-rpc",
        target: 0.85,
        beyond: "all that the gateway costs with an assertion, without the signature",
      },
    },
    {
      id: "gateway-large",
      name: "gateway, 10 MB, one hot key, stub origin",
      server: far.rekey,
      requests: [get(LARGE, farKey)],
      expected: fromOrigin,
      connections: LARGE_AT_ONCE,
      above: {
        floor: "forward-large",
        target: 0.95,
        beyond:
          "what the gateway costs for any request, and a body that passes through a stream of the Worker's own, by which it can be cut",
      },
    },
    {
      id: "forged-gateway",
      name: "gateway, forged keys",
      server: rekey,
      requests: forgedKeys.map((key) => get("/orders/17", key)),
      expected: { status: 401, marker: '"code":"invalid-key"' },
      above: {
        floor: "bare-get",
        target: 0.85,
        beyond:
          "path and header bounds are judged, the credential's checksum and HMAC tag are computed, and a problem document with five headers is written",
      },
    },
    {
      id: "rotate",
      name: "rotate",
      server: rekey,
      requests: rotatingIds.map((id) => change(`/keys/${id}/rotate`, {})),
      expected: { status: 200, marker: '"retired":' },
      above: {
        floor: "update",
        target: null,
        beyond:
          "a secret is made, the old one kept as a digest, an event with its hash written and told to the ledger, and webhooks are looked for that want to hear of it",
      },
    },
    {
      id: "create",
      name: "create",
      server: rekey,
      requests: [change("/keys", { name: "bench, created", ...POLICIES.quota })],
      expected: { status: 201, marker: '"record":' },
      above: {
        floor: "update",
        target: null,
        beyond: "an object with tables and a file of its own comes into being, and the ledger is told of it",
      },
    },
  ];
}

/** The rows whose id was asked for, with the floors they stand on. */
export function select(rows: readonly Row[], only: ReadonlySet<string>): readonly Row[] {
  if (only.size === 0) return rows;
  const wanted = new Set(only);
  for (const { id, above } of rows) if (wanted.has(id) && above !== null) wanted.add(above.floor);
  return rows.filter(({ id }) => wanted.has(id));
}
