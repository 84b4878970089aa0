import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";
import { isTagged, type ParsedCredential } from "../key/credential.ts";
import type { Unsigned } from "./authority.ts";
import type { Surroundings } from "./operation.ts";

/** The credential of a self-service call, from where the gateway would read it too; or the refusal of junk. */
export function readHolder({ request, config, requestId }: Unsigned): ParsedCredential | Response {
  const reading = readCredential(request.headers, config.credentialHeaders);
  if (!reading.ok) return problem(reading.code, { requestId });
  return isTagged(reading.credential, config.peppers) ? reading.credential : problem("invalid-key", { requestId });
}

/** The holder of a self-service call. */
export function holderOf({ holder }: Pick<Surroundings, "holder">): ParsedCredential {
  if (holder === null) throw new Error("a self-service call was served for nobody");
  return holder;
}
