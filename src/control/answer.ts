import { problem } from "../http/problem.ts";
import type { Surroundings } from "./operation.ts";

type Headers = Readonly<Record<string, string>>;

/** An answer of the control API. Never kept by anybody on the way: it may hold a credential, and tomorrow's differs. */
export const json = (
  { requestId }: Pick<Surroundings, "requestId">,
  status: number,
  body: object,
  headers: Headers = {},
): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "rekey-request-id": requestId,
      ...headers,
    },
  });

export const notFound = ({ requestId }: Pick<Surroundings, "requestId">, headers: Headers = {}): Response =>
  problem("not-found", { requestId, headers });

/** The header that says which decision of the key's object this answer is. */
export const decisionHeader = (decision: string | null): Headers =>
  decision === null ? {} : { "rekey-decision": decision };
