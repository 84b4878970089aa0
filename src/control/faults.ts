import type * as z from "zod/mini";
import { redact } from "../key/credential.ts";

/** One thing that is wrong with a request. `path` is empty for the body as a whole. Values are never repeated. */
export type Fault = { readonly path: string; readonly message: string };

export type Judged<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly faults: readonly Fault[] };

/** Judges a value and names everything that is wrong with it, not only the first thing. */
export function judge<Value>(schema: z.ZodMiniType<Value>, value: unknown): Judged<Value> {
  const judged = schema.safeParse(value, { error: messageOf });
  if (judged.success) return { ok: true, value: judged.data };
  return { ok: false, faults: judged.error.issues.flatMap(faultsOf) };
}

type Issue = z.core.$ZodIssue;

const faultsOf = (issue: Issue): readonly Fault[] =>
  issue.code === "unrecognized_keys"
    ? issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), message: "is not known here" }))
    : [{ path: pathOf(issue.path), message: issue.message }];

/** `rateLimits[0].name`, as a person would write it in code. A caller may have made a field of anything, a key too. */
const pathOf = (path: readonly PropertyKey[]): string =>
  redact(
    path.reduce<string>((text, part) => {
      if (typeof part === "number") return `${text}[${part}]`;
      return text === "" ? String(part) : `${text}.${String(part)}`;
    }, ""),
  );

/** What to say where a schema does not say it itself. Reads on from the path: "limit must be a whole number". */
function messageOf(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return "is required";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${NOUNS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of: " : ""}${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_big":
      return issue.origin === "string"
        ? `must have at most ${issue.maximum} characters`
        : `must be at most ${issue.maximum}`;
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : `must be at least ${issue.minimum}`;
    case "not_multiple_of":
      return "must be a whole number";
    case "custom":
    case "invalid_element":
    case "invalid_format":
    case "invalid_key":
    case "invalid_union":
    case "unrecognized_keys":
    case undefined:
      return "is not valid";
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
  object: "an object",
  array: "a list",
};
