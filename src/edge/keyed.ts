import { problem } from "../http/problem.ts";
import type { Admission } from "../key/admission.ts";
import { redact } from "../key/credential.ts";
import type { Identity } from "../key/identity.ts";
import { admissionOf, presentedBy, refusalOf } from "./admission.ts";
import { assertionOf } from "./assertion.ts";
import type { Keyholder } from "./attachment.ts";
import { enter, Exchange, whyCut } from "./exchange.ts";
import { forward, sayDecision, type Said } from "./forward.ts";
import { handOver } from "./hand-over.ts";
import { hopMark } from "./hop.ts";
import { costOf } from "./outcome.ts";
import { settleCost } from "./settle-cost.ts";
import { wayOf, type RuledCall } from "./way.ts";

/** Lets a request through only if its key's object admits it now. */
export async function passKeyed(request: Request, call: RuledCall): Promise<Response> {
  const { env, config, requestId, rule, scheme, host, clientIp } = call;
  const arriving = { ...call, headers: request.headers, method: request.method };
  const presented = presentedBy(arriving);
  if (!presented.ok) return presented.refusal;
  const { credential } = presented;
  // Behind the tag, because reading every header costs more than refusing a forgery.
  const way = wayOf(request, call);
  if (way instanceof Response) return way;

  const holder: Keyholder = { env, config, keyId: credential.keyId };
  const asks = admissionOf(rule, credential, arriving);
  // What may be given back is held until it is known what came of the request.
  const admission: Admission = { ...asks, reserve: asks.reserve || rule.refundOn.length > 0, viaGateway: true };
  const ending = new AbortController();
  const asked = await enter(holder, admission, ending);
  if (!asked.answered) return problem("unavailable", { requestId });
  const { verdict, attachment } = asked.answer;
  if (!verdict.admitted) return refusalOf(verdict, admission, requestId);

  const { reservation, identity, decision } = verdict;
  const exchange = new Exchange(holder, identity.version, ending, attachment);
  let isHandedOver = false;
  const said: Said = { decision, admission: verdict };
  const answer = await saying(said, requestId, async () => {
    const assertion = await asserted(identity, request.method, call);
    return forward(request, {
      destination: way,
      provenance: { config, admitted: { credential, identity, assertion }, requestId, clientIp, scheme, host },
      hop: hopMark(config),
      timeoutMs: config.originTimeoutMs,
      said,
      rule,
      settle: reservation
        ? (outcome) => settleCost(holder, { id: reservation.id, reserved: admission.cost }, costOf(rule, outcome))
        : null,
      ending,
      uploading: (sent) => exchange.attachUnlessBrief(sent),
      carry: (origins) => {
        isHandedOver = true;
        return handOver(origins, exchange);
      },
    });
  });
  // What is a problem, and not the origin's answer, is over at once.
  if (!isHandedOver) await exchange.over();
  return answer ?? cutShort(holder, admission, requestId);
}

/**
 * Whatever happens behind an admission, the client hears of the admission itself: a secret that was handed out with it
 * must not be lost in silence.
 */
async function saying(said: Said, requestId: string, pass: () => Promise<Response | null>): Promise<Response | null> {
  try {
    return await pass();
  } catch (cause) {
    console.error({ message: "an admitted request could not be passed on", requestId, cause: redact(String(cause)) });
    const unavailable = problem("unavailable", { requestId });
    sayDecision(unavailable.headers, said);
    return unavailable;
  }
}

/** Who was admitted to what, signed, where the rule asks for it. */
async function asserted(identity: Identity, method: string, call: RuledCall): Promise<string | null> {
  const { config, requestId, rule, host, target } = call;
  const key = config.assertionKeys.at(-1);
  if (!rule.assertion || key === undefined) return null;
  return assertionOf(key, { identity, requestId, method, host, path: target.path }, Date.now());
}

/** The answer to a request whose key ended before its answer had begun. */
async function cutShort(holder: Keyholder, admission: Admission, requestId: string): Promise<Response> {
  const verdict = await whyCut(holder, admission);
  return verdict === null ? problem("unavailable", { requestId }) : refusalOf(verdict, admission, requestId);
}
