import { countryOf } from "../http/country.ts";
import { decide } from "../http/decide.ts";
import { whichOf } from "../http/is-one-of.ts";
import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";
import { refusalResponse } from "../http/refusal-response.ts";
import type { Verdict } from "../key/admit.ts";
import { ADMIN, type Authority } from "../key/authority.ts";
import { isTagged, parseCredential } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import type { ControlScope, Surroundings } from "./operation.ts";

/** A call of which it is not known yet who makes it. */
export type Unsigned = Omit<Surroundings, "authority" | "holder">;

/** `admission`: of the control key by its own object, with what it has left; `null` for the admin. */
export type Authorization =
  | { readonly ok: true; readonly authority: Authority; readonly admission: Admitted | null }
  | { readonly ok: false; readonly response: Response };

export type Admitted = Extract<Verdict, { readonly admitted: true }>;

/**
 * On whose authority a control call acts: an admin token's, or that of a key which holds the scope.
 *
 * A control key is an ordinary key. Its own object admits the call, with everything that may refuse an ordinary
 * request, and what it may do to the target is judged by the target's object.
 *
 * @param isChange whether the call is one of the changes of which a control key may make so many in a minute.
 */
export async function authorize(scope: ControlScope, call: Unsigned, isChange: boolean): Promise<Authorization> {
  const { request, env, config, requestId } = call;
  const token = bearerOf(request);
  if (token === null) return refuse(problem("missing-credentials", { requestId }));
  const admin = adminBy(token, config);
  if (admin !== null) return { ok: true, authority: admin, admission: null };

  const reading = readCredential(request.headers, ["authorization"]);
  if (!reading.ok) return refuse(problem(reading.code, { requestId }));
  const { credential } = reading;
  if (!isTagged(credential, config.peppers)) return refuse(problem("invalid-key", { requestId }));

  const scopes = [scope];
  const ip = request.headers.get("cf-connecting-ip");
  const asked = await decide(env, config, credential.keyId, {
    presented: digestOf(credential.text),
    cost: 1,
    scopes,
    anyScope: [],
    ip,
    requestId,
    call: { method: request.method, path: null, route: "control API", country: countryOf(request) },
    dryRun: false,
    ...(isChange && { changesPerMinute: config.controlChangesPerMinute }),
  });
  if (!asked.answered) return refuse(problem("unavailable", { requestId }));
  const verdict = asked.answer;
  if (!verdict.admitted) {
    return refuse(refusalResponse(verdict, { requestId, decision: verdict.decision, scopes }));
  }
  const { keyId, owner, details } = verdict.identity;
  const authority: Authority = {
    kind: "control-key",
    keyId,
    owner,
    scopes: details?.scopes ?? [],
    ...(details?.boundary && { boundary: details.boundary }),
  };
  return { ok: true, authority, admission: verdict };
}

const refuse = (response: Response): Authorization => ({ ok: false, response });

/** The admin, if the call carries an admin token; `failed`: something that is none, and no key of ours either. */
export function triedAdmin({ request, config }: Pick<Unsigned, "request" | "config">): Authority | "failed" | null {
  const token = bearerOf(request);
  if (token === null) return null;
  const credential = parseCredential(token);
  if (credential !== null && isTagged(credential, config.peppers)) return null;
  return adminBy(token, config) ?? "failed";
}

/** Whose token it is. Every token is compared, whichever fits, so that the time it takes tells nothing. */
function adminBy(token: string, { adminTokens, operators }: Unsigned["config"]): Authority | null {
  const known = whichOf(adminTokens, token);
  if (known === null) return null;
  const operator = operators.find((each) => each.token === known);
  return operator === undefined ? ADMIN : { kind: "admin", operator: operator.name };
}

const bearerOf = (request: Request): string | null =>
  /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;

/**
 * Who acts, as events, receipts and logs name it. An operator is the same actor with every token of that name, as `admin`
 * is with both of its tokens: replacing one must not break a retry.
 */
export function actorOf(authority: Authority): string {
  if (authority.kind === "control-key") return authority.keyId;
  return authority.operator === undefined ? "admin" : `operator:${authority.operator}`;
}

/** The authority of a call that needs one. */
export function authorityOf({ authority }: Pick<Surroundings, "authority">): Authority {
  if (authority === null) throw new Error("a control call was served on nobody's authority");
  return authority;
}

/**
 * Whose keys a list is about that is asked for an owner's: that owner's, or everybody's (`null`). `undefined`: an owner's
 * who does not exist for the one who asks, so there is nothing in it.
 */
export function ownerOfList(call: Pick<Surroundings, "authority">, wanted: string | undefined) {
  const only = onlyOwnerOf(call);
  return only !== null && wanted !== undefined && wanted !== only ? undefined : (wanted ?? only);
}

/** The only owner whose keys exist for the one who asks; `null`: every owner's do. */
export function onlyOwnerOf(call: Pick<Surroundings, "authority">): string | null {
  const authority = authorityOf(call);
  return authority.kind === "admin" ? null : authority.owner;
}
