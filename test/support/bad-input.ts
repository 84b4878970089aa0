import * as z from "zod/mini";

/** As much of JSON Schema as the schemas of bodies come to. */
type Shape = {
  readonly type?: string | readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: unknown;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
};

/** A shape of one type. */
type Single = Shape & { readonly type: string | undefined };

/** One way to spoil a body. `path` is what the refusal must name: this, or something inside it. */
export type Spoiling = { readonly path: string; readonly how: string; readonly body: unknown };

/** What the schema of a body takes. */
export const shapeOf = (schema: z.ZodMiniType): Shape =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Shape;

/**
 * Every way to spoil one property of a good body, made from its schema: a value of another type, one over its bound, a
 * property that is not known beside it. `good` has every property that the schema knows, so that none is left out.
 */
export function spoilings(shape: Shape, good: unknown): readonly Spoiling[] {
  return spoilAt(shape, good, []).map(({ path, how, value }) => ({
    path: written(path),
    how,
    body: replaced(good, path, value),
  }));
}

type Place = readonly (string | number)[];
type Spoilt = { readonly path: Place; readonly how: string; readonly value: unknown };

function spoilAt(shape: Shape, good: unknown, path: Place): Spoilt[] {
  const alternatives = alternativesOf(shape);
  const taken = alternatives.find(({ type }) => type !== "null")!;
  const nullable = alternatives.some(({ type }) => type === "null");
  const spoilt: Spoilt[] = wrongTypes(taken, nullable).map((value) => ({
    path,
    how: `is ${JSON.stringify(value)}`,
    value,
  }));
  for (const [how, value] of overBounds(taken, good)) spoilt.push({ path, how, value });

  if (taken.properties !== undefined) {
    const members = good as Readonly<Record<string, unknown>>;
    spoilt.push({ path: [...path, "unheardOf"], how: "is not known", value: 1 });
    for (const [name, property] of Object.entries(taken.properties)) {
      if (!(name in members)) throw new Error(`the good body lacks ${written([...path, name])}`);
      spoilt.push(...spoilAt(property, members[name], [...path, name]));
    }
  }
  if (taken.items !== undefined) {
    const [first] = good as readonly unknown[];
    if (first === undefined) throw new Error(`the good body has nothing in ${written(path)}`);
    spoilt.push(...spoilAt(taken.items, first, [...path, 0]));
  }
  return spoilt;
}

function alternativesOf(shape: Shape): readonly Single[] {
  if (shape.anyOf !== undefined) return shape.anyOf.flatMap(alternativesOf);
  return [shape.type].flat().map((type) => ({ ...shape, type }));
}

/** A value of every JSON type that is not taken. */
function wrongTypes({ type, enum: choices, const: only }: Single, nullable: boolean): unknown[] {
  const kind = choices !== undefined || only !== undefined ? "string" : type;
  const others = { string: "text", number: 7.5, boolean: true, object: { a: 1 }, array: [1], null: null };
  return Object.entries(others)
    .filter(([other]) => {
      if (other === "null") return !nullable;
      if (kind === "integer") return true;
      return other !== kind;
    })
    .map(([, value]) => value);
}

const MORE_THAN_ANY_TEXT = "x".repeat(9_000);

function* overBounds(shape: Single, good: unknown): Generator<readonly [how: string, value: unknown]> {
  const { type, enum: choices, const: only, minimum, maximum, maxItems, properties } = shape;
  if (choices !== undefined || only !== undefined) yield ["is none of the choices", "unheard-of"];
  else if (type === "string") {
    yield ["is too long", MORE_THAN_ANY_TEXT];
    yield ["has control characters", "a\u0000b"];
  }
  if (type === "integer") {
    if (maximum === undefined || minimum === undefined) throw new Error("a number without bounds");
    yield ["is above its bound", maximum + 1];
    yield ["is below its bound", minimum - 1];
  }
  if (type === "array") {
    if (maxItems === undefined) throw new Error("a list without a bound");
    yield ["has too many items", Array.from({ length: maxItems + 1 }, () => (good as readonly unknown[])[0])];
  }
  if (type === "object" && properties === undefined) yield ["is too large", { a: "x".repeat(5_000) }];
}

function replaced(value: unknown, path: Place, by: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return by;
  if (Array.isArray(value))
    return value.map((item, at) => (at === first ? replaced(item, rest, by) : (item as unknown)));
  const members = value as Readonly<Record<string, unknown>>;
  return { ...members, [first]: replaced(members[first], rest, by) };
}

/** As refusals write it: `rateLimits[0].name`. */
const written = (path: Place): string =>
  path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
    "",
  );
