import * as z from "zod/mini";
import { CODES, type Code, type Wire } from "../../http/codes.ts";
import { json } from "../answer.ts";
import { operation } from "../operation.ts";

/** The page that a problem's `type` points to. */
export const explainProblem = operation({
  method: "GET",
  path: "/_rekey/problems/{code}",
  operationId: "explainProblem",
  summary: "What a problem's code means and what to do about it, as a page or as JSON.",
  scope: null,
  params: z.strictObject({ code: z.enum(Object.keys(CODES) as Code[]) }),
  responses: { 200: { description: "The explanation." } },
  refusals: ["not-found"],
  handle(call) {
    const { code } = call.params;
    const { status, title, explanation }: Wire = CODES[code];
    const accept = call.request.headers.get("accept") ?? "";
    if (accept.includes("json") && !accept.includes("html")) {
      return json(call, 200, { code, status, title, explanation }, { vary: "accept" });
    }
    return new Response(page(code, CODES[code]), {
      headers: {
        "content-type": "text/html; charset=utf-8",
        // The page is text and nothing else; whatever a browser might find in it must not run or load.
        "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "rekey-request-id": call.requestId,
        vary: "accept",
      },
    });
  },
});

const page = (code: Code, { status, title, explanation }: Wire): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${html(title)}</title>
</head>
<body>
<h1>${html(title)}</h1>
<p>${html(explanation)}</p>
<p><code>${html(code)}</code>, HTTP status ${status}</p>
</body>
</html>
`;

/** Text as HTML; what stands between backticks is code. */
const html = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/`([^`]*)`/g, "<code>$1</code>");
