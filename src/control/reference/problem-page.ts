import type { Code, Wire } from "../../http/codes.ts";
import { html, inline, prose, type Html } from "./html.ts";

/**
 * What one code means and what to do about it.
 *
 * @param withReference whether the host that answers has the reference page too.
 */
export const problemPage = (code: Code, { status, title, explanation }: Wire, withReference: boolean): Html =>
  html`<main class="narrow">
    <p><code>${code}</code> <span class="status">${status}</span></p>
    <h1>${inline(title)}</h1>
    ${prose(explanation)} ${withReference && html`<p><a href="/_rekey/docs#codes">All codes</a></p>`}
  </main>`;
