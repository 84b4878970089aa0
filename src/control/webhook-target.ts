import { problem } from "../http/problem.ts";
import { resolve } from "../webhook/resolve.ts";
import { hostNameOf, NOT_PUBLIC, readTarget } from "../webhook/target.ts";
import type { Surroundings } from "./operation.ts";

/** The refusal of a URL to which no message may be sent, or `null`: it may. Asks where its name leads. */
export async function refuseTarget(
  { config, request, requestId }: Surroundings,
  url: string,
): Promise<Response | null> {
  const fault = (message: string) =>
    problem("invalid-request", { requestId, members: { errors: [{ path: "url", message }] } });

  // The host that is asked is the deployment's own, whatever the settings name.
  const ownHosts = [...config.ownHosts, hostNameOf(new URL(request.url))];
  const target = readTarget(url, config.webhooksToLoopback, ownHosts);
  if (!target.ok) return fault(target.message);
  if (target.lookUp === null) return null;
  switch (await resolve(target.lookUp, config.webhookResolver)) {
    case "public":
      return null;
    case "not-public":
      return fault(NOT_PUBLIC);
    case "unresolved":
      return fault("leads nowhere: its name has no address");
    case "silent":
      return problem("unavailable", { requestId, detail: "Nobody could say where the name of the URL leads." });
  }
}
