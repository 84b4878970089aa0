import * as z from "zod/mini";
import { _default as withDefault } from "zod/mini";
import { isKeyId, PREFIX, redact, type KeyId } from "../../key/credential.ts";
import { BOUNDS, LABEL, type Metadata } from "../../key/policy.ts";

/** A field with the value that its absence stands for. */
export { withDefault };

/** A field that may be `null`, which is also what its absence means. */
export const orNull = <Field extends z.ZodMiniType>(field: Field) => withDefault(z.nullable(field), null);

/**
 * A whole number within bounds, both inclusive.
 *
 * Not `z.int()`: a fault of that kind ends the checks of everything around it, and a caller is told all faults at once.
 */
export const whole = (least: number, most: number) =>
  z.number().check(z.multipleOf(1), z.gte(least), z.lte(most)).register(z.globalRegistry, { type: "integer" });

/** Text for people: no control characters, and nothing that is not Unicode (half a surrogate pair). */
export const text = (most: number) =>
  z.string().check(
    z.minLength(1),
    z.maxLength(most),
    z.refine((value) => value.isWellFormed() && !/\p{Cc}/u.test(value), "must be text without control characters"),
  );

/** What is kept as it is and shown to many must not be a key, which is kept nowhere: somebody pasted the wrong thing. */
const HOLDS_KEY = "must not contain a key";
const holdsNoKey = (value: string): boolean => redact(value) === value;
export const noKey = z.refine<string>(holdsNoKey, HOLDS_KEY);

/** What people call a key. */
export const name = text(BOUNDS.nameLength).check(noKey);

/** What travels in headers and paths: owners, names of limits. No dot segments: no order could name such an owner. */
export const label = z.string().check(
  z.regex(LABEL, "must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -"),
  z.refine((value) => value !== "." && value !== "..", "must not be . or .., which no path can name"),
  noKey,
);

export const reason = orNull(text(BOUNDS.reasonLength));

export const prefix = z.string().check(z.regex(PREFIX, "must be a letter and up to 19 of a-z, 0-9 and _"));

/** A list of at most `most`. Unlike zod's own bound it still judges the items of a list that is too long. */
export const listOf = <Item extends z.ZodMiniType>(item: Item, most: number) =>
  z
    .array(item)
    .check(
      z.refine((items) => items.length <= most, {
        error: `must have at most ${most} items`,
        when: ({ value }) => Array.isArray(value),
      }),
    )
    .register(z.globalRegistry, { maxItems: most });

/** An instant in the form in which times leave Rekey; an offset other than Z is understood too (RFC 3339). */
export const instant = z.iso.datetime({
  offset: true,
  error: "must be a time as in RFC 3339, like 2030-01-31T12:00:00Z",
});

export const timestamp = z.iso.datetime();

export const keyId = z.string().check(z.refine(isKeyId, "is not the id of a key")) as unknown as z.ZodMiniType<KeyId>;

/** A JSON object that Rekey carries and never reads. */
export const metadata = z
  .unknown()
  .check(
    z.refine((value) => metadataFault(value) === null, {
      error: ({ input }) => metadataFault(input) ?? "is not valid",
    }),
  )
  .register(z.globalRegistry, { type: "object" }) as unknown as z.ZodMiniType<Metadata>;

/** A JSON object in an answer that no schema looks into. Not `z.record`, which would lose a member named `__proto__`. */
export const opaque = <Type extends object>() =>
  z.unknown().register(z.globalRegistry, { type: "object" }) as unknown as z.ZodMiniType<Type>;

function metadataFault(value: unknown): string | null {
  if (!isObject(value)) return "must be an object";
  // Before it is written as JSON: that is no matter of 32 levels, but of 30,000 it is.
  if (isDeeperThan(value, BOUNDS.metadataDepth)) return `must be nested at most ${BOUNDS.metadataDepth} deep`;
  const json = JSON.stringify(value);
  const bytes = new TextEncoder().encode(json).byteLength;
  if (bytes > BOUNDS.metadataBytes) return `must have at most ${BOUNDS.metadataBytes} bytes as JSON`;
  return holdsNoKey(json) ? null : HOLDS_KEY;
}

const isDeeperThan = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((part) => isDeeperThan(part, levels - 1)));

/** Whether a value is an object with members, as JSON has them. */
export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
