import { CODES, type Code } from "../http/codes.ts";
import { problem } from "../http/problem.ts";
import type { KeyRecord } from "../key/record.ts";
import type { Surroundings } from "./operation.ts";
import { recordJson } from "./record-json.ts";

type Headers = Readonly<Record<string, string>>;
type About = Pick<Surroundings, "requestId">;

/** An answer of the control API. Never kept by anybody on the way: it may hold a credential, and tomorrow's differs. */
export const json = ({ requestId }: About, status: number, body: object, headers: Headers = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "rekey-request-id": requestId,
      ...headers,
    },
  });

/** An answer that says it all by its status. */
export const noContent = ({ requestId }: About, headers: Headers = {}): Response =>
  new Response(null, {
    status: 204,
    headers: { "cache-control": "no-store", "rekey-request-id": requestId, ...headers },
  });

/** A key's record, with its revision as the entity tag: what a later change may name in `If-Match`. */
export const recordAnswer = (about: About, record: KeyRecord, headers: Headers = {}): Response =>
  json(about, 200, recordJson(record), { ...headers, ...etagOf(record) });

export const etagOf = ({ revision }: KeyRecord): Headers => ({ etag: `"${revision}"` });

/** The codes of a key's standing are 401 where the key itself asks, and a conflict where it is the target of a call. */
export const statusOfTarget = (code: Code): number => (CODES[code].status === 401 ? 409 : CODES[code].status);

export const notFound = ({ requestId }: About, headers: Headers = {}): Response =>
  problem("not-found", { requestId, headers });

/** The header that says which decision of the key's object this answer is. */
export const decisionHeader = (decision: string | null): Headers =>
  decision === null ? {} : { "rekey-decision": decision };
