import { HARD_TO_GUESS } from "../hard-to-guess.ts";
import type { HeededHeader, Operation } from "../operation.ts";
import { issuedKey } from "../schema/create.ts";
import { keyRecord } from "../schema/record.ts";
import { rotatedKey } from "../schema/rotate.ts";
import type { HeaderObject, ParameterObject, Reference } from "./types.ts";

const text = { type: "string" } as const;

/** Headers of answers. */
export const ANSWER_HEADERS = {
  "Rekey-Request-Id": {
    description: "Names this request in logs and events.",
    schema: text,
  },
  "Rekey-Decision": {
    description: "`<boot>.<n>`: which decision of the key's object this answer is. There where an object decided.",
    schema: text,
  },
  ETag: { description: "The key's revision, for `If-Match`.", schema: text },
  Location: { description: "The path of the new key.", schema: text },
  "WWW-Authenticate": { description: "How to authenticate, and what is wrong (RFC 6750).", schema: text },
  "RateLimit-Policy": {
    description: "Every limit of the key that asks (draft-ietf-httpapi-ratelimit-headers-11).",
    schema: text,
  },
  RateLimit: { description: "What is left of each of them.", schema: text },
  "X-RateLimit-Limit": { description: "The tightest of them.", schema: { type: "integer", minimum: 0 } },
  "X-RateLimit-Remaining": { description: "What is left of it.", schema: { type: "integer", minimum: 0 } },
  "X-RateLimit-Reset": {
    description: "When it refills, in seconds since 1970. There where it does.",
    schema: { type: "integer", minimum: 0 },
  },
  "Retry-After": {
    description: "After how many seconds to try again. There where waiting helps.",
    schema: { type: "integer", minimum: 1 },
  },
} as const satisfies Readonly<Record<string, HeaderObject>>;

export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** Answers that hold a record. */
const WITH_ETAG: ReadonlySet<unknown> = new Set([keyRecord, issuedKey, rotatedKey]);

/** The headers of an answer that is no refusal. */
export function answerHeaders({ scope }: Operation, schema: unknown, status: number): readonly AnswerHeader[] {
  const headers: AnswerHeader[] = ["Rekey-Request-Id"];
  if (scope !== null) headers.push("Rekey-Decision");
  if (WITH_ETAG.has(schema)) headers.push("ETag");
  if (status === 201) headers.push("Location");
  return headers;
}

/** The headers of a refusal. */
export function refusalHeaders(status: number): readonly AnswerHeader[] {
  const headers: AnswerHeader[] = ["Rekey-Request-Id", "Rekey-Decision"];
  if (status === 401 || status === 403) headers.push("WWW-Authenticate");
  if (status === 429) headers.push(...LIMITS);
  if (status === 429 || status === 503) headers.push("Retry-After");
  return headers;
}

const LIMITS: readonly AnswerHeader[] = [
  "RateLimit-Policy",
  "RateLimit",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
];

export const headersOf = (names: readonly AnswerHeader[]): Readonly<Record<string, Reference>> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** Headers of requests that an operation may heed. */
export const REQUEST_HEADERS: Readonly<Record<HeededHeader, ParameterObject>> = {
  "idempotency-key": {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: `A fresh one for each new call: ${HARD_TO_GUESS}. If the answer is lost, the same call with the same value has it repeated for ten minutes, until the new secret is first used; nothing is done twice.`,
    schema: { type: "string", minLength: 22, maxLength: 255, pattern: "^[!-~]+$" },
  },
  "if-match": {
    name: "If-Match",
    in: "header",
    required: false,
    description: "The `ETag` of the record the change was decided on. If the key was changed since, nothing happens.",
    schema: { type: "string", pattern: '^"[0-9]+"$' },
  },
};
