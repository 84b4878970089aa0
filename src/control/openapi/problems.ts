import { CODES, type Code } from "../../http/codes.ts";
import type { PossibleRefusal } from "./refusals.ts";
import { headersOf, refusalHeaders } from "./headers.ts";
import { REQUEST_ID } from "./cast.ts";
import type { ExampleObject, JsonSchema, Reference, ResponseObject } from "./types.ts";
import { explained } from "./words.ts";

const EVERY_CODE = Object.keys(CODES) as readonly Code[];

const text = { type: "string" } as const;

/** The document of every refusal (RFC 9457), on every path of the deployment. */
export const PROBLEM_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Code: {
    description:
      "Why a request was refused: one closed list for the gateway and the control API. `/_rekey/problems/<code>` explains each.",
    ...text,
    enum: EVERY_CODE,
  },
  Problem: explained(
    {
      description: "A refusal (RFC 9457).",
      type: "object",
      properties: {
        type: text,
        title: text,
        status: { type: "integer" },
        code: { $ref: "#/components/schemas/Code" },
        requestId: text,
        detail: text,
        errors: {
          type: "array",
          items: { type: "object", properties: { path: text, message: text }, required: ["path", "message"] },
        },
        currentVersion: { type: "integer" },
        limit: text,
      },
      required: ["type", "title", "status", "code", "requestId"],
    },
    "Problem",
  ),
};

/** What the document says of particular codes beyond the members that every problem has. */
const MEMBERS: { readonly [code in Code]?: object } = {
  "invalid-request": { errors: [{ path: "name", message: "is required" }] },
  "version-conflict": { currentVersion: 4 },
  "rate-limited": { limit: "burst" },
  "quota-exceeded": { limit: "quota" },
  "cost-exceeds-limit": { limit: "quota" },
};

/** A problem document for every code, as it is usually answered. */
export const PROBLEM_EXAMPLES: Readonly<Record<string, ExampleObject>> = Object.fromEntries(
  EVERY_CODE.map((code) => {
    const { title, status } = CODES[code];
    const value = { type: `/_rekey/problems/${code}`, title, status, code, requestId: REQUEST_ID, ...MEMBERS[code] };
    return [code, { summary: title, value }];
  }),
);

export type RefusalWriter = {
  /** The answers that an operation refuses with, by status. Operations that refuse alike refer to the same answer. */
  write(refusals: readonly PossibleRefusal[]): Readonly<Record<string, Reference>>;
  readonly components: Readonly<Record<string, ResponseObject>>;
};

export function refusalWriter(): RefusalWriter {
  const components: Record<string, ResponseObject> = {};
  const names = new Map<string, string>();
  const nameOf = (status: number, codes: readonly Code[]): string => {
    const key = `${status} ${codes.join()}`;
    const known = names.get(key);
    if (known !== undefined) return known;
    const others = Object.keys(components).filter((name) => name.startsWith(`Refused-${status}`)).length;
    const name = others === 0 ? `Refused-${status}` : `Refused-${status}-${others + 1}`;
    names.set(key, name);
    components[name] = refusalResponse(status, codes);
    return name;
  };
  return {
    components,
    write: (refusals) =>
      Object.fromEntries(
        [...Map.groupBy(refusals, ({ status }) => status)].map(([status, group]) => {
          const name = nameOf(
            status,
            group.map(({ code }) => code),
          );
          return [String(status), { $ref: `#/components/responses/${name}` }];
        }),
      ),
  };
}

function refusalResponse(status: number, codes: readonly Code[]): ResponseObject {
  return {
    description: codes.map((code) => `\`${code}\`: ${CODES[code].title}`).join("\n"),
    headers: headersOf(refusalHeaders(status)),
    content: {
      "application/problem+json": {
        schema: { $ref: "#/components/schemas/Problem", properties: { code: { enum: codes } } },
        examples: Object.fromEntries(codes.map((code) => [code, exampleOf(code, status)])),
      },
    },
  };
}

/** A code that is about the target of a call has another status than the same code about the caller. */
function exampleOf(code: Code, status: number) {
  const { summary, value } = PROBLEM_EXAMPLES[code]!;
  if (CODES[code].status === status) return { $ref: `#/components/examples/${code}` };
  return { ...(summary !== undefined && { summary }), value: { ...(value as object), status } };
}
