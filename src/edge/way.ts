import type { Config, Env } from "../env.ts";
import { problem } from "../http/problem.ts";
import type { RouteRule } from "../routing/rule.ts";
import { saysTooLarge } from "./body-limit.ts";
import { faultOfFraming } from "./framing.ts";
import { destinationOf, type Destination } from "./origin.ts";
import type { Goal, Target } from "./path.ts";
import { isWebSocket } from "./websocket.ts";

/** A request for the gateway, with everything that was found out about it on the way in. */
export type GatewayCall = {
  readonly env: Env;
  readonly config: Config;
  readonly requestId: string;
  readonly target: Target;
};

/** A call with the rule that decides about it, and how it reached us. */
export type RuledCall = Omit<GatewayCall, "target"> & {
  readonly target: Goal;
  readonly rule: RouteRule;
  readonly scheme: string;
  readonly host: string;
  /** The client's address as Cloudflare saw it; `null` where nobody can know it. */
  readonly clientIp: string | null;
  /** Of that address, as Cloudflare knows it. */
  readonly country: string | null;
};

/** What stands against a request by itself, whoever sends it; or where it goes. Asks nobody. */
export function wayOf(request: Request, call: RuledCall): Destination | Response {
  const { env, config, requestId, target, rule, scheme, host } = call;
  if (isWebSocket(request.headers) && !rule.websocket) return problem("websocket-not-allowed", { requestId });
  const framing = faultOfFraming(request);
  if (framing !== null) return problem(framing.code, { requestId, detail: framing.detail });
  if (saysTooLarge(request.headers, rule.maxBodyBytes)) {
    return problem("payload-too-large", { requestId, detail: `Bodies here may have ${rule.maxBodyBytes} bytes.` });
  }
  const found = destinationOf({ scheme, host, path: target.path, query: target.query }, env, config);
  return found.ok ? found.destination : problem(found.code, { requestId, detail: found.detail });
}
