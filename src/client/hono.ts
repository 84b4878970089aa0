import { createMiddleware } from "hono/factory";
import type { RekeyService } from "../control/service.ts";
import type { VerifyAnswer } from "../control/schema/verify.ts";
import { CODES } from "../http/codes.ts";
import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";

/** What a route asks of a key. */
export type RekeyOptions = {
  /** Scopes of which the key must cover every one. */
  readonly scopes?: string[];
  /** Scopes of which the key must cover at least one. */
  readonly anyScope?: string[];
  /** Units the request costs; 1, if nothing is said. */
  readonly cost?: number;
};

/** What the middleware needs of the Worker's bindings: `REKEY`, a service binding to the entrypoint `RekeyService`. */
export type RekeyBindings = { readonly REKEY: Pick<RekeyService, "verify"> };

/** What the handlers behind it find: `c.var.rekey` says who was admitted. */
export type RekeyVariables = { rekey: VerifyAnswer };

/**
 * Lets a request through only if its key's object admits it now. Asks once, remembers nothing, and fails closed.
 *
 *     app.use("/orders/*", rekey({ scopes: ["orders:read"] }));
 */
export const rekey = ({ scopes = [], anyScope = [], cost = 1 }: RekeyOptions = {}) =>
  createMiddleware<{ Bindings: RekeyBindings; Variables: RekeyVariables }>(async (c, next) => {
    const requestId = `req_${crypto.randomUUID().replaceAll("-", "")}`;
    const { headers } = c.req.raw;
    const reading = readCredential(headers, ["authorization", "x-api-key"]);
    if (!reading.ok) return problem(reading.code, { requestId });

    let answer: Awaited<ReturnType<RekeyService["verify"]>>;
    try {
      const ip = headers.get("cf-connecting-ip");
      answer = await c.env.REKEY.verify({ key: reading.credential.text, scopes, anyScope, cost, ip });
    } catch {
      // Whether it was counted is not known; asking again could count it twice.
      return problem("unavailable", { requestId });
    }
    if (!answer.valid) return refused(answer, scopes);
    if (!("keyId" in answer)) return problem("unavailable", { requestId });
    c.set("rekey", answer);
    await next();
    if (answer.newKey !== undefined) c.res.headers.set("rekey-new-key", answer.newKey);
    return undefined;
  });

function refused(answer: Awaited<ReturnType<RekeyService["verify"]>>, scopes: readonly string[]): Response {
  const { code, requestId } = answer;
  // A mistake in the route's own options is not the client's.
  if (code === "invalid-request" || !(code in CODES)) return problem("misconfigured", { requestId });
  const headers: Record<string, string> = {};
  if ("retryAfterSeconds" in answer && answer.retryAfterSeconds !== undefined) {
    headers["retry-after"] = String(answer.retryAfterSeconds);
  }
  if (code === "insufficient-scope") {
    headers["www-authenticate"] = `Bearer error="insufficient_scope", scope="${scopes.join(" ")}"`;
  }
  return problem(code as keyof typeof CODES, { requestId, headers });
}
