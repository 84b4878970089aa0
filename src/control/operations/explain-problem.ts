import * as z from "zod/mini";
import { CODES, type Code, type Wire } from "../../http/codes.ts";
import { json } from "../answer.ts";
import { isControlHost } from "../control-host.ts";
import { operation } from "../operation.ts";
import { page } from "../reference/page.ts";
import { problemPage } from "../reference/problem-page.ts";
import { problemExplanation } from "../schema/problem.ts";

/** The page that a problem's `type` points to. */
export const explainProblem = operation({
  method: "GET",
  path: "/_rekey/problems/{code}",
  operationId: "explainProblem",
  summary: "What a problem's code means. And what to do about it, as a page or, where JSON is preferred, as JSON.",
  scope: null,
  everyHost: true,
  params: z.lazy(() => z.strictObject({ code: z.enum(Object.keys(CODES) as Code[]) })),
  responses: { 200: { description: "The explanation.", schema: problemExplanation, page: true } },
  refusals: [],
  handle(call) {
    const { code } = call.params;
    const wire: Wire = CODES[code];
    const { status, title, explanation } = wire;
    const accept = call.request.headers.get("accept") ?? "";
    return accept.includes("json") && !accept.includes("html")
      ? json(call, 200, { code, status, title, explanation }, { vary: "accept" })
      : page(call, title, problemPage(code, wire, isControlHost(call.request, call.config)), { vary: "accept" });
  },
});
