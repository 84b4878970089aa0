import { createMiddleware } from "hono/factory";
import type { RekeyService, ServiceFault } from "../control/service.ts";
import type { VerifyAnswer } from "../control/schema/verify.ts";
import { CODES, type Code } from "../http/codes.ts";
import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";

export type { RekeyService };

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
    const { headers } = c.req.raw;
    const reading = readCredential(headers, ["authorization", "x-api-key"]);
    if (!reading.ok) return problem(reading.code, { requestId: newRequestId() });

    const ip = headers.get("cf-connecting-ip");
    const answer = await ask(c.env.REKEY, { key: reading.credential.text, scopes, anyScope, cost, ip });
    if (!isAdmitted(answer)) return refused(answer, scopes.length > 0 ? scopes : anyScope);
    c.set("rekey", answer);
    await next();
    if (answer.newKey !== undefined) c.res.headers.set("rekey-new-key", answer.newKey);
    return undefined;
  });

type Answer = VerifyAnswer | ServiceFault;

/** A call that fails is not repeated: whether it was counted is not known, and asking again could count it twice. */
async function ask(service: RekeyBindings["REKEY"], question: Parameters<RekeyService["verify"]>[0]): Promise<Answer> {
  try {
    return await service.verify(question);
  } catch {
    return { valid: false, code: "unavailable", requestId: newRequestId(), decision: null };
  }
}

const isAdmitted = (answer: Answer): answer is VerifyAnswer => answer.valid;

function refused(answer: Answer, scopes: readonly string[]): Response {
  const { code, requestId } = answer;
  // A question that cannot be understood is a mistake in the route's options, not the client's.
  if (code === "invalid-request" || !isCode(code)) return problem("misconfigured", { requestId });
  const headers: Record<string, string> = {};
  if (answer.decision !== null) headers["rekey-decision"] = answer.decision;
  if ("retryAfterSeconds" in answer && answer.retryAfterSeconds !== undefined) {
    headers["retry-after"] = String(answer.retryAfterSeconds);
  }
  if (code === "insufficient-scope") {
    headers["www-authenticate"] = `Bearer error="insufficient_scope", scope="${scopes.join(" ")}"`;
  }
  return problem(code, { requestId, headers });
}

/** A deployment may be newer than this package and know more codes. */
const isCode = (code: string): code is Code => Object.hasOwn(CODES, code);

const newRequestId = (): string => `req_${crypto.randomUUID().replaceAll("-", "")}`;
