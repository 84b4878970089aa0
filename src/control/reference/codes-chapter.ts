import { CODES, type Wire } from "../../http/codes.ts";
import { html, inline, type Html } from "./html.ts";

/** Every code of the closed list, with the way to its page. */
export const codesChapter = (): Html =>
  html`<section>
    <div class="chapter-head" id="codes">
      <h2>Codes</h2>
      <p>
        Why a request was refused, by the gateway or by the control API: one closed list. A code keeps its meaning; its
        words may change.
      </p>
    </div>
    <table class="fields">
      <tbody>
        ${(Object.entries(CODES) as [string, Wire][]).map(
          ([code, { status, title }]) =>
            html`<tr>
              <th>${codeLink(code)}</th>
              <td><span class="status">${status}</span></td>
              <td>${inline(title)}</td>
            </tr> `,
        )}
      </tbody>
    </table>
  </section> `;

/** A code that leads to the page that explains it. */
export const codeLink = (code: string): Html => html`<a href="/_rekey/problems/${code}"><code>${code}</code></a>`;
