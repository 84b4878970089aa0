import type { JsonSchema } from "../openapi/types.ts";
import { html, inline, type Html, type Part } from "./html.ts";

/** One row of a table of fields. */
export type Field = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  readonly description: string;
};

/** The fields of an object, those of an unnamed object inside it too. */
export const fieldsTable = (schema: JsonSchema): Html => fieldRows(fieldsOf(schema));

export const fieldRows = (fields: readonly Field[]): Html =>
  html`<table class="fields">
    <tbody>
      ${fields.map(
        ({ name, schema, required, description }) =>
          html`<tr>
            <th><code>${name}</code> ${required && html`<span class="must">required</span>`}</th>
            <td>
              <span class="type">${typeOf(schema)}</span>${description !== "" && html`<p>${inline(description)}</p>`}
            </td>
          </tr> `,
      )}
    </tbody>
  </table>`;

/** An unnamed object's fields are written behind its own name, as `retired.version` or `items[].id`. */
function fieldsOf({ properties = {}, required = [] }: JsonSchema, before = ""): readonly Field[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const isList = schema.items !== undefined;
    const inner = isList ? schema.items : schema;
    const path = before + name;
    const field: Field = {
      name: path,
      schema,
      required: required.includes(name),
      description: schema.description ?? "",
    };
    return [field, ...fieldsOf(inner, `${path}${isList ? "[]" : ""}.`)];
  });
}

/** What a value must be, in words. */
export function typeOf(schema: JsonSchema): Part {
  const { default: usual } = schema;
  return [
    kindOf(schema),
    boundsOf(schema),
    usual !== undefined && [", otherwise ", html`<code>${JSON.stringify(usual)}</code>`],
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
  if (items !== undefined) return ["list of ", kindOf(items), orNull(type)];
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
    pattern !== undefined && [", like ", html`<code>${pattern}</code>`],
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
