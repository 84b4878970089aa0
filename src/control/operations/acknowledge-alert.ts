import { problem } from "../../http/problem.ts";
import { keyIdOfAlert } from "../../key/alert-id.ts";
import { isSame } from "../../key/authority.ts";
import { epochMs } from "../../key/time.ts";
import { acknowledgeAlert as acknowledgeInLedger } from "../../ledger/alerts.ts";
import { alertJson } from "../alert-json.ts";
import { json, notFound } from "../answer.ts";
import { kept } from "../ask.ts";
import { actorOf, authorityOf, onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { acknowledgeBody, alert, alertParams } from "../schema/alert.ts";

export const acknowledgeAlert = operation({
  method: "POST",
  path: "/_rekey/v1/alerts/{id}/acknowledge",
  operationId: "acknowledgeAlert",
  summary: "Say that an alert was looked into. Who says it first stays; saying it again changes nothing.",
  scope: "rekey:keys:revoke",
  params: alertParams,
  body: acknowledgeBody,
  responses: { 200: { description: "The alert as it is now.", schema: alert } },
  refusals: ["ledger-unavailable", "forbidden"],
  async handle(call) {
    if (isSame(authorityOf(call), keyIdOfAlert(call.params.id))) {
      return problem("forbidden", { requestId: call.requestId, detail: "An alert about a control key is for others." });
    }
    const found = await acknowledgeInLedger(call.env.DB, call.params.id, onlyOwnerOf(call), {
      at: epochMs(Date.now()),
      by: actorOf(authorityOf(call)),
      note: kept(call.body.note),
    });
    return found === null ? notFound(call) : json(call, 200, alertJson(found));
  },
});
