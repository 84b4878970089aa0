import type { ExampleObject, JsonSchema, OpenApiDocument, OperationObject, ResponseObject } from "../openapi/types.ts";
import { codeLink } from "./codes-chapter.ts";
import { curl } from "./curl.ts";
import { fieldRows, fieldsTable, typeOf, type Field, type Sender } from "./fields-table.ts";
import { html, inline, prose, type Html, type Part } from "./html.ts";
import type { Placed } from "./placed.ts";

/** One operation: what it is for and what it takes on one side, what that looks like on the other. */
export function operationSection(placed: Placed, document: OpenApiDocument): Html {
  const { method, path, operation } = placed;
  const { operationId, summary, description = "" } = operation;
  return html`<section class="operation" id="${operationId}">
    <h3><a href="#${operationId}">${summary}</a></h3>
    <div class="route">
      <span class="method${method === "GET" ? "" : " changes"}">${method}</span> <code>${path}</code>
    </div>
    <p class="needs">${needs(operation)}</p>
    ${prose(description)}
    <div class="sides">
      <div>
        ${parameterTables(operation)}${bodyTable(operation, document)}${answerTables(operation, document)}${refusalTable(operation, document)}
      </div>
      <div>${exampleBlocks(placed)}</div>
    </div>
  </section> `;
}

function needs({ security }: OperationObject): Part {
  const [way] = security;
  if (way === undefined) return "Anybody may ask.";
  const scope = way["control"]?.[0];
  return scope === undefined
    ? "The key itself asks, in Authorization or X-API-Key."
    : html`Needs the admin token, or a control key with <code>${scope}</code>.`;
}

const parameterTables = ({ parameters = [] }: OperationObject): Part =>
  (["path", "query", "header"] as const).map((place) => {
    const fields = parameters
      .filter((parameter) => parameter.in === place)
      .map(({ required, ...parameter }): Field => ({ ...parameter, note: required ? "required" : null }));
    return (
      fields.length > 0 &&
      html`<h4>${PLACES[place]}</h4>
        ${fieldRows(fields)} `
    );
  });

const PLACES = { path: "In the path", query: "In the query", header: "In the headers" } as const;

function bodyTable({ requestBody }: OperationObject, { components }: OpenApiDocument): Part {
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return null;
  const note = requestBody!.required ? "" : " (may be left out)";
  return html`<h4>Body${note}</h4>
    ${shape(schema.$ref === undefined ? schema : components.schemas[nameOf(schema.$ref)]!, "caller")} `;
}

const shape = (schema: JsonSchema, sender: Sender): Html =>
  schema.properties === undefined ? html`<p>${typeOf(schema)}</p>` : fieldsTable(schema, sender);

const answerTables = ({ responses }: OperationObject, document: OpenApiDocument): Part =>
  Object.entries(responses).map(([status, response]) => {
    if ("$ref" in response) return null;
    const schema = response.content?.["application/json"]?.schema;
    const special = Object.keys(response.headers).filter((name) => name === "ETag" || name === "Location");
    return html`<h4>Answer</h4>
      <p class="answer"><span class="status">${status}</span> ${inline(response.description)}</p>
      ${special.map((name) => html`<p class="answer"><code>${name}</code>: ${inline(document.components.headers[name]!.description)}</p>`)}
      ${schema !== undefined && shape(schema, "rekey")} `;
  });

/** The codes an operation refuses with, by status. */
function refusalTable({ responses }: OperationObject, { components }: OpenApiDocument): Part {
  const refusing = Object.entries(responses).flatMap(([status, response]) =>
    "$ref" in response ? [{ status, codes: codesOf(components.responses[nameOf(response.$ref)]!) }] : [],
  );
  return html`<h4>Refusals</h4>
    <table>
      <tbody>
        ${refusing.map(
          ({ status, codes }) =>
            html`<tr>
              <th class="status">${status}</th>
              <td>
                <ul class="codes">
                  ${codes.map((code) => html`<li>${codeLink(code)}</li>`)}
                </ul>
              </td>
            </tr> `,
        )}
      </tbody>
    </table> `;
}

const codesOf = ({ content = {} }: ResponseObject): readonly string[] =>
  Object.keys(content["application/problem+json"]?.examples ?? {});

const nameOf = (reference: string): string => reference.split("/").at(-1)!;

/** Every example as a command and what it answers. */
function exampleBlocks(placed: Placed): Part {
  const { parameters = [], requestBody, responses } = placed.operation;
  const bodies = requestBody?.content["application/json"]?.examples ?? {};
  const answers = Object.entries(responses).flatMap(([status, response]) =>
    "$ref" in response
      ? []
      : Object.entries(response.content?.["application/json"]?.examples ?? {}).map(([name, example]) => ({
          name,
          status,
          example: example as ExampleObject,
        })),
  );
  const told = [...parameters.flatMap(({ examples = {} }) => Object.entries(examples)), ...Object.entries(bodies)];
  const summaries = new Map(
    [...told, ...answers.map(({ name, example }) => [name, example] as const)].map(([name, example]) => [
      name,
      (example as ExampleObject).summary ?? name,
    ]),
  );
  if (summaries.size === 0)
    return html`<h4>Example</h4>
      <pre tabindex="0"><code>${curl(placed, null)}</code></pre> `;
  return [...summaries].map(([name, summary]) => {
    const answer = answers.find((each) => each.name === name);
    return html`<h4>${summary}</h4>
      <pre tabindex="0"><code>${curl(placed, name)}</code></pre>
      ${
        answer !== undefined &&
        html`<p class="answer"><span class="status">${answer.status}</span></p>
          <pre tabindex="0"><code>${JSON.stringify(answer.example.value, null, 2)}</code></pre> `
      }`;
  });
}
