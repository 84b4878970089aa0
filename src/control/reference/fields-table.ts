import type { JsonSchema } from "../openapi/types.ts";
import { html, inline, type Html, type Part } from "./html.ts";

/** One row of a table of fields. `note`: what the reader must know of its absence. */
export type Field = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly note: "required" | "may be absent" | null;
  readonly description: string;
};

/** Who sends the object: what is remarkable in a request is a field that must be there, in an answer one that may not. */
export type Sender = "caller" | "rekey";

/** The fields of an object, those of an unnamed object inside it too. */
export const fieldsTable = (schema: JsonSchema, sender: Sender): Html => fieldRows(fieldsOf(schema, sender));

export const fieldRows = (fields: readonly Field[]): Html =>
  html`<table class="fields">
    <tbody>
      ${fields.map(
        ({ name, schema, note, description }) =>
          html`<tr>
            <th><code>${name}</code> ${note !== null && html`<span class="must">${note}</span>`}</th>
            <td>
              <span class="type">${typeOf(schema)}</span>${description !== "" && html`<p>${inline(description)}</p>`}
            </td>
          </tr> `,
      )}
    </tbody>
  </table>`;

/** An unnamed object's fields are written behind its own name, as `retired.version` or `items[].id`. */
function fieldsOf({ properties = {}, required = [] }: JsonSchema, sender: Sender, before = ""): readonly Field[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const isList = schema.items !== undefined;
    const inner = isList ? schema.items : schema;
    const path = before + name;
    const field: Field = {
      name: path,
      schema,
      note: noteOn(required.includes(name), sender),
      description: schema.description ?? "",
    };
    return [field, ...fieldsOf(inner, sender, `${path}${isList ? "[]" : ""}.`)];
  });
}

const noteOn = (required: boolean, sender: Sender): Field["note"] => {
  if (sender === "caller") return required ? "required" : null;
  return required ? null : "may be absent";
};

/** What a value must be, in words. */
export function typeOf(schema: JsonSchema): Part {
  const { default: usual } = schema;
  return [
    kindOf(schema),
    boundsOf(schema),
    usual !== undefined && ["; default ", html`<code>${JSON.stringify(usual)}</code>`],
  ];
}

function kindOf(schema: JsonSchema): Part {
  const { $ref, type, anyOf, items, const: only } = schema;
  if ($ref !== undefined) return shapeLink($ref);
  if (anyOf !== undefined) return joined(anyOf.map(kindOf), " or ");
  if (only !== undefined) return html`<code>${JSON.stringify(only)}</code>`;
  if (schema.enum !== undefined)
    return joined(
      schema.enum.map((value) => html`<code>${JSON.stringify(value)}</code>`),
      " or ",
    );
  if (items !== undefined) return ["list of ", kindOf(items), items.$ref === undefined && "s", orNull(type)];
  if (type === "null") return "null";
  const [kind = "any value"] = [type].flat().filter((each) => each !== "null");
  return [schema.format === "date-time" ? "time" : (KINDS[kind] ?? kind), orNull(type)];
}

const KINDS: Readonly<Record<string, string>> = { integer: "whole number", boolean: "true or false" };

const orNull = (type: JsonSchema["type"]): string => (Array.isArray(type) && type.includes("null") ? " or null" : "");

function boundsOf({ minimum, maximum, minLength, maxLength, maxItems, pattern, anyOf }: JsonSchema): readonly Part[] {
  const inner = anyOf?.find(({ type }) => type !== "null");
  return [
    ...(inner === undefined ? [] : boundsOf(inner)),
    range(minimum, maximum, ""),
    range(minLength, maxLength, " characters"),
    range(undefined, maxItems, " items"),
    pattern !== undefined && [", matching ", html`<code>${pattern}</code>`],
  ];
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return `, ${count(least)} to ${count(most)}${unit}`;
  if (least !== undefined) return `, at least ${count(least)}${unit}`;
  return most === undefined ? "" : `, at most ${count(most)}${unit}`;
}

const count = (value: number): string => value.toLocaleString("en-US");

/** A shape of the document, by its reference. */
function shapeLink(reference: string): Html {
  const name = reference.split("/").at(-1)!;
  return name === "Code" ? html`<a href="#codes">code</a>` : html`<a href="#shape-${name}">${name}</a>`;
}

const joined = (parts: readonly Part[], between: string): Part =>
  parts.flatMap((part, index) => (index === 0 ? [part] : [between, part]));
