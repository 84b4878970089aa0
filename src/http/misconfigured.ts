import type { Misconfiguration } from "../env.ts";
import { problem } from "./problem.ts";

const logged = new WeakSet<readonly Misconfiguration[]>();

/**
 * Refuses to serve with settings that cannot be used, and names them. The log says what is wrong with each, once per
 * isolate; neither says a value.
 */
export function misconfigured(problems: readonly Misconfiguration[], requestId: string): Response {
  if (!logged.has(problems)) {
    logged.add(problems);
    console.error({ message: "misconfigured: nothing is served", settings: problems });
  }
  const names = [...new Set(problems.map(({ setting }) => setting))].join(", ");
  return problem("misconfigured", { requestId, detail: `These settings cannot be used: ${names}.` });
}
