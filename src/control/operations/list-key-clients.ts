import { epochMs, rfc3339 } from "../../key/time.ts";
import { json } from "../answer.ts";
import { askFor } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { pageOf } from "../page.ts";
import { keyParams } from "../schema/params.ts";
import { client } from "../schema/usage.ts";

/** Asks the key itself, so that whoever has to know it at night does not depend on the ledger. */
export const listKeyClients = operation({
  method: "GET",
  path: "/_rekey/v1/keys/{id}/clients",
  operationId: "listKeyClients",
  summary: "The addresses from which a key was used lately, the latest first, at most 64.",
  scope: "rekey:audit:read",
  params: keyParams,
  responses: { 200: { description: "All of them, from the key itself.", schema: pageOf(client) } },
  refusals: [],
  handle(call) {
    return askFor(
      call,
      call.params.id,
      (key) => key.clients({ authority: authorityOf(call) }),
      ({ clients }, headers) => {
        const items = clients.map(({ firstSeenAt, lastSeenAt, ...seen }) => ({
          ...seen,
          firstSeenAt: rfc3339(firstSeenAt),
          lastSeenAt: rfc3339(lastSeenAt),
        }));
        return json(call, 200, { items, nextCursor: null, asOf: rfc3339(epochMs(Date.now())) }, headers);
      },
    );
  },
});
