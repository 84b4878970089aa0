import { urlFault } from "./admission.ts";
import { forward } from "./forward.ts";
import { hopMark } from "./hop.ts";
import { wayOf, type RuledCall } from "./way.ts";

/**
 * Passes on what needs no key: a public path, or a preflight that the origin answers. Nobody is asked and nothing is
 * counted. A credential that parses as ours is taken out all the same; what is somebody else's stays.
 */
export async function passOpen(request: Request, call: RuledCall): Promise<Response> {
  const { config, requestId, target, rule, scheme, host, clientIp } = call;
  const fault = urlFault(target, config, requestId);
  if (fault !== null) return fault;
  const way = wayOf(request, call);
  if (way instanceof Response) return way;
  const answer = await forward(request, {
    destination: way,
    provenance: { config, admitted: null, requestId, clientIp, scheme, host },
    hop: hopMark(config),
    timeoutMs: config.originTimeoutMs,
    rule,
    said: null,
    settle: null,
    ending: new AbortController(),
    uploading: null,
    carry: ({ body, webSocket }) => ({ body, webSocket }),
  });
  return answer!;
}
