import type { Surroundings } from "../operation.ts";
import { Html, html, type Part } from "./html.ts";
import { STYLE } from "./style.ts";

/** A page for people. It is text and style: whatever a browser might find in it must not run, and nothing is loaded. */
export async function page(
  { requestId }: Pick<Surroundings, "requestId">,
  title: string,
  body: Part,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="${ICON}" />
        <title>${title}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        ${body}
      </body>
    </html> `;
  return new Response(document.text, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": await policyFor(STYLE),
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
      "rekey-request-id": requestId,
      ...headers,
    },
  });
}

/** Byte for byte what the policy allows: a space more, and a browser drops it. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);

/** A keyhole. In the page itself: a browser that is given none asks the API behind the gateway for one. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b6e4f'/%3E%3Ccircle cx='8' cy='6' r='2.4' fill='%23fff'/%3E%3Cpath d='M6.8 7h2.4l1 6H5.8z' fill='%23fff'/%3E%3C/svg%3E";

/** One style is allowed, by its digest, and the icon; no script, frame, form, font or connection. */
async function policyFor(style: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style)));
  return [
    "default-src 'none'",
    `style-src 'sha256-${btoa(String.fromCharCode(...digest))}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
