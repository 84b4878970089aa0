import type { Config, Env } from "../env.ts";
import { carriesCredential } from "../http/credential-in-url.ts";
import { decide } from "../http/decide.ts";
import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";
import { refusalResponse, type Refused } from "../http/refusal-response.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import { isTagged, type ParsedCredential } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import type { RouteRule } from "../routing/rule.ts";
import type { Goal } from "./path.ts";

/** A request that wants in at the edge, whoever carries it: the gateway itself, or a proxy that asks about it. */
export type Arriving = {
  readonly env: Env;
  readonly config: Config;
  readonly requestId: string;
  readonly target: Goal;
  readonly headers: Headers;
  readonly clientIp: string | null;
  /** Of that address, as Cloudflare knows it. */
  readonly country: string | null;
  readonly method: string;
};

export type Passed = Decided<Extract<Verdict, { admitted: true }>>;

/** A credential that is ours, or the refusal that says why there is none. Asks nobody. */
export type Presented =
  { readonly ok: true; readonly credential: ParsedCredential } | { readonly ok: false; readonly refusal: Response };

/** Refuses a URL with a credential in it: somebody has written it down by now, or will. */
export const urlFault = ({ path, query }: Goal, config: Config, requestId: string): Response | null =>
  carriesCredential(path, config) || carriesCredential(query, config)
    ? problem("credentials-in-url", { requestId })
    : null;

/** Finds the credential of a request and refuses junk, before anything outside the Worker hears of it. */
export function presentedBy({ config, requestId, target, headers }: Arriving): Presented {
  const fault = urlFault(target, config, requestId);
  if (fault !== null) return refuse(fault);
  const reading = readCredential(headers, config.credentialHeaders);
  if (!reading.ok) return refuse(problem(reading.code, { requestId }));
  const { credential } = reading;
  if (!isTagged(credential, config.peppers)) return refuse(problem("invalid-key", { requestId }));
  return { ok: true, credential };
}

const refuse = (refusal: Response): Presented => ({ ok: false, refusal });

/** What a rule asks a key's object, about the one who presents this credential. */
export const admissionOf = (
  rule: RouteRule,
  credential: ParsedCredential,
  { requestId, clientIp, country, method, target }: Arriving,
): Admission => ({
  presented: digestOf(credential.text),
  cost: "reserve" in rule.charge ? rule.charge.reserve : rule.charge.cost,
  reserve: "reserve" in rule.charge,
  scopes: rule.scopes,
  anyScope: rule.anyScope,
  ip: clientIp,
  requestId,
  call: { method, path: target.path, route: rule.path, country },
  dryRun: false,
});

/**
 * Lets the key's object decide about a request under a rule, or refuses it before anybody is asked. The object is asked
 * once, and its silence is 503, never a pass.
 */
export async function admitted(arriving: Arriving, rule: RouteRule): Promise<Passed | Response> {
  const presented = presentedBy(arriving);
  if (!presented.ok) return presented.refusal;
  const { env, config, requestId } = arriving;
  const { credential } = presented;
  const admission = admissionOf(rule, credential, arriving);
  const asked = await decide(env, config, credential.keyId, admission);
  if (!asked.answered) return problem("unavailable", { requestId });
  const verdict = asked.answer;
  return verdict.admitted ? verdict : refusalOf(verdict, admission, requestId);
}

/** A refusal by a key's object, as the caller may know it. */
export function refusalOf(verdict: Decided<Refused>, { scopes, anyScope }: Admission, requestId: string): Response {
  const needed = scopes.length > 0 ? scopes : anyScope;
  return refusalResponse(verdict, { requestId, decision: verdict.decision, scopes: needed });
}
