import type { Code, Wire } from "../../http/codes.ts";
import { html, inline, prose, type Html } from "./html.ts";

/** What one code means and what to do about it. */
export const problemPage = (code: Code, { status, title, explanation }: Wire): Html =>
  html`<main class="narrow">
    <p><code>${code}</code> <span class="status">${status}</span></p>
    <h1>${inline(title)}</h1>
    ${prose(explanation)}
    <p><a href="/_rekey/docs#codes">All codes</a></p>
  </main>`;
