import type { Operation } from "../operation.ts";
import type { Example } from "./example.ts";
import { ANSWER_HEADERS, answerHeaders, headersOf, REQUEST_HEADERS } from "./headers.ts";
import { PROBLEM_EXAMPLES, PROBLEM_SCHEMAS, refusalWriter, type RefusalWriter } from "./problems.ts";
import { refusalsOf } from "./refusals.ts";
import { schemaWriter, type SchemaWriter } from "./schemas.ts";
import { SECURITY_SCHEMES, securityOf } from "./security.ts";
import { examplesOf } from "./story.ts";
import { TAGS, chapterOf } from "./tags.ts";
import type { Content, Examples, OpenApiDocument, OperationObject, ParameterObject, ResponseObject } from "./types.ts";

/** The contract as an OpenAPI document: what the route table says, in words that other people's tools understand. */
export function openApiDocument(routes: readonly Operation[], version: string): OpenApiDocument {
  const writers: Writers = { schemas: schemaWriter(), refusals: refusalWriter() };
  const paths: Record<string, Record<string, OperationObject>> = {};
  for (const operation of routes) {
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationObject(operation, writers);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Rekey",
      version,
      summary: "API keys that die everywhere at once.",
      description: INTRODUCTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The deployment that serves this document." }],
    tags: TAGS,
    paths,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: { ...writers.schemas.components, ...PROBLEM_SCHEMAS },
      responses: writers.refusals.components,
      examples: PROBLEM_EXAMPLES,
      headers: ANSWER_HEADERS,
    },
  };
}

const INTRODUCTION = [
  "The control API of a Rekey deployment. Everything below `/_rekey` belongs to it; every other path is gateway traffic and takes a key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.",
  "JSON both ways, names in camelCase, times in UTC as in RFC 3339 with milliseconds, ids opaque. A field that is not known is refused in a request; expect more fields in answers.",
  "A refusal is a problem document (RFC 9457) with one of a closed list of codes. A 4xx changed nothing. After a 503, or no answer at all, it is not known whether a change was made: repeat the call with the same `Idempotency-Key` where it is heeded, or read the record.",
  "Every answer has a `Rekey-Request-Id`. Nothing may be cached, and no cookie is ever read or set.",
].join("\n\n");

/** What is written once and referred to from everywhere. */
type Writers = { readonly schemas: SchemaWriter; readonly refusals: RefusalWriter };

function operationObject(operation: Operation, { schemas, refusals }: Writers): OperationObject {
  const examples = examplesOf(operation.operationId);
  const parameters = parametersOf(operation, schemas, examples);
  const { summary, description } = inTwo(operation.summary);
  return {
    operationId: operation.operationId,
    tags: [chapterOf(operation.path)],
    summary,
    ...(description !== "" && { description }),
    security: securityOf(operation.scope),
    ...(parameters.length > 0 && { parameters }),
    ...(operation.body !== undefined && {
      requestBody: {
        required: !isOptional(operation),
        content: {
          "application/json": {
            schema: schemas.write(operation.body, "input", operation.operationId),
            ...named(examples, ({ body }) => body),
          },
        },
      },
    }),
    responses: { ...answersOf(operation, schemas, examples), ...refusals.write(refusalsOf(operation)) },
  };
}

/** The first sentence names the operation; what follows describes it. */
function inTwo(text: string): { readonly summary: string; readonly description: string } {
  const [, summary = text, description = ""] = /^(.*?)\.(?: (.*))?$/s.exec(text) ?? [];
  return { summary, description };
}

/** An absent body is `{}`; whether that will do is asked of the very schema that judges it. */
const isOptional = ({ body }: Operation): boolean => body!.safeParse({}).success;

function parametersOf(operation: Operation, schemas: SchemaWriter, examples: readonly Example[]): ParameterObject[] {
  const listed = (place: "path" | "query", schema: Operation["params"]): ParameterObject[] => {
    if (schema === undefined) return [];
    const { properties = {}, required = [] } = schemas.write(schema, "input", operation.operationId);
    return Object.entries(properties).map(([name, { description = "", ...property }]) => ({
      name,
      in: place,
      required: place === "path" || required.includes(name),
      description,
      schema: property,
      ...named(examples, (example) => (place === "path" ? example.params : example.query)?.[name]),
    }));
  };
  const heeded = (operation.heeds ?? []).map((header) => ({
    ...REQUEST_HEADERS[header],
    ...named(examples, ({ headers }) => headers?.[header]),
  }));
  return [...listed("path", operation.params), ...listed("query", operation.query), ...heeded];
}

function answersOf(operation: Operation, schemas: SchemaWriter, examples: readonly Example[]) {
  return Object.fromEntries(
    Object.entries(operation.responses).map(([status, { description, schema, page, csv }]) => {
      const fitting = examples.filter((example) => String(example.status) === status);
      const content: Content = {
        ...(page && { "text/html": { schema: { type: "string" } } }),
        ...(csv && { "text/csv": { schema: { type: "string" } } }),
        ...(schema !== undefined && {
          "application/json": {
            schema: schemas.write(schema, "output", operation.operationId),
            ...named(fitting, ({ answer }) => answer),
          },
        }),
      };
      const answer: ResponseObject = {
        description,
        headers: headersOf(answerHeaders(operation, schema, Number(status))),
        ...(Object.keys(content).length > 0 && { content }),
      };
      return [status, answer];
    }),
  );
}

/** The examples that have something to say here, by name. One that is called the same elsewhere belongs to it. */
function named(examples: readonly Example[], valueOf: (example: Example) => unknown): { readonly examples?: Examples } {
  const saying = examples.filter((example) => valueOf(example) !== undefined);
  if (saying.length === 0) return {};
  return {
    examples: Object.fromEntries(
      saying.map((example) => [example.name, { summary: example.summary, value: valueOf(example) }]),
    ),
  };
}
