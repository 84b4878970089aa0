import type { OpenApiDocument } from "../openapi/types.ts";
import type { Placed } from "./placed.ts";
import { html, prose, type Html } from "./html.ts";
import { operationSection } from "./operation-section.ts";
import { codesChapter } from "./codes-chapter.ts";
import { fieldsTable } from "./fields-table.ts";

/** The contract as a page: the same document, for people. */
export function reference(document: OpenApiDocument): Html {
  const placed = operationsOf(document);
  const chapters = document.tags
    .map(({ name, description }) => ({
      name,
      description,
      operations: placed.filter(({ operation }) => operation.tags.includes(name)),
    }))
    .filter(({ operations }) => operations.length > 0);
  const shapes = Object.entries(document.components.schemas).filter(([, { properties }]) => properties !== undefined);

  return html`<div class="frame">
    <nav class="contents" aria-label="Contents">
      <a class="brand" href="#top">${document.info.title} ${document.info.version}</a>
      <details>
        <summary>Contents</summary>
        ${chapters.map(
          ({ name, operations }) =>
            html`<a class="chapter" href="#${anchorOf(name)}">${name}</a>
              <ul>
                ${operations.map(({ operation }) => html`<li><a href="#${operation.operationId}">${operation.summary}</a></li>`)}
              </ul> `,
        )}<a class="chapter" href="#codes">Codes</a>
        <ul>
          <li><a href="#codes">Why a request is refused</a></li>
        </ul>
        <a class="chapter" href="#shapes">Shapes</a>
        <ul>
          ${shapes.map(([name]) => html`<li><a href="#shape-${name}">${name}</a></li>`)}
        </ul>
      </details>
    </nav>
    <main id="top">
      <h1>${document.info.title}</h1>
      ${prose(document.info.description)}
      <p>
        The same as a document for tools: <a href="/_rekey/openapi.json">openapi.json</a>, OpenAPI ${document.openapi}.
      </p>
      ${chapters.map(
        ({ name, description, operations }) =>
          html`<section>
            <div class="chapter-head" id="${anchorOf(name)}">
              <h2>${name}</h2>
              ${prose(description)}
            </div>
            ${operations.map((each) => operationSection(each, document))}
          </section> `,
      )}${codesChapter()}
      <section>
        <div class="chapter-head" id="shapes">
          <h2>Shapes</h2>
          <p>What is referred to by name above.</p>
        </div>
        ${shapes.map(
          ([name, schema]) =>
            html`<section class="shape" id="shape-${name}">
              <h3><a href="#shape-${name}">${name}</a></h3>
              ${prose(schema.description ?? "")}
              ${fieldsTable(schema, schema.additionalProperties === false ? "caller" : "rekey")}
            </section> `,
        )}
      </section>
    </main>
  </div>`;
}

const operationsOf = ({ paths }: OpenApiDocument): readonly Placed[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

const anchorOf = (chapter: string): string => chapter.toLowerCase().replaceAll(" ", "-");
