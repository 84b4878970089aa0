import * as z from "zod/mini";
import { limitParameter, PAGE } from "../page.ts";
import { keyId } from "../schema/fields.ts";
import { NAMES } from "./names.ts";
import type { JsonSchema } from "./types.ts";
import { explained } from "./words.ts";

/** `input`: what is taken, before defaults are filled in. `output`: what is answered. */
export type Direction = "input" | "output";

export type SchemaWriter = {
  /**
   * The schema as JSON Schema, with its fields explained. Named ones, at any depth, become references into
   * `components`; one without a name belongs to the operation whose id is `operationId`.
   */
  write(schema: z.ZodMiniType, direction: Direction, operationId: string): JsonSchema;
  readonly components: Readonly<Record<string, JsonSchema>>;
};

/** Writes the schemas that judge requests and type answers as JSON Schema. */
export function schemaWriter(): SchemaWriter {
  const components: Record<string, JsonSchema> = {};
  return {
    components,
    write(schema, direction, operationId) {
      // Inside an object, so that a schema which is itself named is referred to like any other.
      const written = z.toJSONSchema(z.object({ root: schema }), {
        io: direction,
        metadata: named,
        unrepresentable: "any",
        override: ({ zodSchema, jsonSchema }) => tidy(zodSchema, jsonSchema, direction),
      }) as unknown as Written;
      for (const [name, { id: _, ...component }] of Object.entries(written.$defs ?? {})) {
        const refined = explained(plain(component), name);
        const known = components[name];
        if (known !== undefined && JSON.stringify(known) !== JSON.stringify(refined)) {
          throw new Error(`${name} names two shapes: what is taken and what is answered must not share a name`);
        }
        components[name] = refined;
      }
      return explained(plain(written.properties.root), operationId);
    },
  };
}

type Written = {
  readonly properties: { readonly root: JsonSchema };
  readonly $defs?: Readonly<Record<string, JsonSchema & { readonly id?: string }>>;
};

/** What the schemas say of themselves, and their names. */
const named = {
  get: (schema: z.core.$ZodType) => {
    const name = NAMES.get(schema);
    const said = z.globalRegistry.get(schema);
    return name === undefined ? said : { ...said, id: name };
  },
} as typeof z.globalRegistry;

/** Says in JSON Schema's own words what zod says in its own. */
function tidy(schema: z.core.$ZodType, json: z.core.JSONSchema.BaseSchema, direction: Direction): void {
  if (schema === keyId) Object.assign(json, { type: "string", pattern: "^key_[0-9A-Za-z]{16}$" });
  if (schema === limitParameter) {
    Object.assign(json, { type: "integer", minimum: PAGE.least, maximum: PAGE.most, default: PAGE.usual });
  }
  // A format says it already, in a word.
  if (json.format === "date-time") delete json.pattern;
  if (json.type === "integer") {
    delete json.multipleOf;
    // The bounds of what a number can hold exactly are no bounds of ours.
    if (json.minimum === -Number.MAX_SAFE_INTEGER) delete json.minimum;
    if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  }
  // What is not known is refused in a request; an answer may have more fields tomorrow.
  if (direction === "output" && json.additionalProperties === false) delete json.additionalProperties;
}

/** The same schema with references that hold inside the whole document, and "or null" said in one place. */
function plain(schema: JsonSchema): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text, (_, node: unknown) => orNull(node)) as JsonSchema;
}

/** `anyOf` of one simple type and null becomes that type or null: no keyword judges a value of another type. */
function orNull(node: unknown): unknown {
  const { anyOf, ...rest } = (node ?? {}) as JsonSchema;
  if (anyOf === undefined || anyOf.length !== 2 || anyOf[1]!.type !== "null") return node;
  const { type, ...keywords } = anyOf[0]!;
  if (typeof type !== "string" || "const" in keywords || "enum" in keywords) return node;
  return { ...rest, type: [type, "null"], ...keywords };
}
