import { json } from "../answer.ts";
import { askFor, undecided } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { NoAccount, prove, PROOF_PAGE } from "../prove.ts";
import { keyParams } from "../schema/params.ts";
import { chainProof } from "../schema/proof.ts";

export const proveKeyEvents = operation({
  method: "GET",
  path: "/_rekey/v1/keys/{id}/events/proof",
  operationId: "proveKeyEvents",
  summary: "Whether the ledger's copy of a key's history is what the key itself wrote.",
  scope: "rekey:audit:read",
  params: keyParams,
  responses: {
    200: {
      description:
        "What was compared, and the first event that was altered, removed or inserted. A history that is not delivered to its end is no fault.",
      schema: chainProof,
    },
  },
  refusals: ["ledger-unavailable"],
  handle(call) {
    const { id } = call.params;
    return askFor(
      call,
      id,
      (key) => key.account({ authority: authorityOf(call), after: 0, limit: PROOF_PAGE }),
      async (account, headers) => {
        try {
          return json(call, 200, await prove(call, id, account), headers);
        } catch (cause) {
          if (cause instanceof NoAccount) return undecided(call);
          throw cause;
        }
      },
    );
  },
});
