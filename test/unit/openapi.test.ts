import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { openApiDocument } from "../../src/control/openapi/document.ts";
import { STORY } from "../../src/control/openapi/story.ts";
import type { JsonSchema, ParameterObject } from "../../src/control/openapi/types.ts";
import { WORDS } from "../../src/control/openapi/words.ts";
import type { Operation } from "../../src/control/operation.ts";
import { ROUTES } from "../../src/control/routes.ts";
import { CODES } from "../../src/http/codes.ts";
import packageJson from "../../package.json" with { type: "json" };
import { answerOf, contract, described, faultsIn, operationNamed } from "../support/contract.ts";

const FILE = join(import.meta.dirname, "../../docs/openapi.json");

const each = <Row extends { readonly operationId: string }>(rows: readonly Row[]) =>
  rows.map((row) => [row.operationId, row] as const);

describe("the document", () => {
  it("is what `npm run openapi` writes from the route table today", () => {
    expect(readFileSync(FILE, "utf8")).toBe(
      `${JSON.stringify(openApiDocument(ROUTES, packageJson.version), null, 2)}\n`,
    );
  });

  it("is OpenAPI 3.1 in the eyes of others", async () => {
    expect(await new Validator().validate(FILE)).toEqual({ valid: true });
  });

  it("has every operation that is served, and no other", () => {
    const doors = (operations: readonly { readonly method: string; readonly path: string }[]) =>
      operations.map(({ method, path }) => `${method} ${path}`).toSorted();
    expect(doors(described)).toEqual(doors(ROUTES));
  });

  it("lists every code there is, each with a refusal as an example", () => {
    expect(contract.components.schemas["Code"]!.enum).toEqual(Object.keys(CODES));
    for (const code of Object.keys(CODES)) {
      const example = contract.components.examples[code]!.value;
      expect(faultsIn(example, { $ref: "#/components/schemas/Problem" }), code).toEqual([]);
    }
  });

  it("explains every field, and nothing that there is not", () => {
    const silent: string[] = [];
    const visit = (node: unknown, path: string) => {
      if (typeof node !== "object" || node === null) return;
      const { properties } = node as JsonSchema;
      for (const [name, field] of Object.entries(typeof properties === "object" ? properties : {})) {
        // A refusal's `code` narrows one that is explained.
        if (!field.description && !path.includes("problem+json")) silent.push(`${path}.${name}`);
      }
      for (const [name, part] of Object.entries(node)) {
        if (name !== "examples" && name !== "example") visit(part, `${path}/${name}`);
      }
    };
    visit(contract, "");
    expect(silent).toEqual([]);
    const parameters = described.flatMap(({ operation }) => operation.parameters ?? []);
    expect(parameters.filter(({ description }) => description === "")).toEqual([]);

    const told = JSON.stringify(contract);
    expect(Object.entries(WORDS).filter(([, words]) => !told.includes(JSON.stringify(words)))).toEqual([]);
  });
});

describe("who may call an operation is said of it", () => {
  const ways = (scope: Operation["scope"]) => {
    if (scope === null) return [];
    return scope === "self" ? [{ key: [] }, { keyHeader: [] }] : [{ control: [scope] }];
  };
  it.each(each(ROUTES))("%s", (operationId, { scope }) => {
    expect(operationNamed(operationId).operation.security).toEqual(ways(scope));
  });
});

describe("a header that an operation heeds is among its parameters, and with it what it may refuse", () => {
  it.each(each(ROUTES))("%s", (operationId, { heeds = [] }) => {
    const place = operationNamed(operationId);
    const named = (place.operation.parameters ?? []).filter((parameter) => parameter.in === "header");
    expect(named.map(({ name }) => name.toLowerCase())).toEqual(heeds);
    const codes = (status: number) =>
      Object.keys(answerOf(place, status)?.content?.["application/problem+json"]?.examples ?? {});
    expect(codes(422).includes("idempotency-mismatch")).toBe(heeds.includes("idempotency-key"));
    expect(codes(412).includes("precondition-failed")).toBe(heeds.includes("if-match"));
  });
});

describe("every operation that answers with JSON shows an example of it", () => {
  const answering = ROUTES.filter(({ operationId }) => operationId !== "getOpenApi").filter(({ responses }) =>
    Object.values(responses).some(({ schema }) => schema !== undefined),
  );
  it.each(each(answering))("%s", (operationId) => {
    expect(STORY.filter((example) => example.operationId === operationId)).not.toEqual([]);
  });
});

describe("an example is what the document says it may be", () => {
  it.each(STORY.map((example) => [`${example.operationId}: ${example.name}`, example] as const))(
    "%s",
    (_name, example) => {
      const place = operationNamed(example.operationId);
      const { parameters = [], requestBody } = place.operation;
      const given = { path: example.params, query: example.query, header: example.headers };
      for (const [kind, values] of Object.entries(given)) {
        for (const [name, value] of Object.entries(values ?? {})) {
          const is = (parameter: ParameterObject) =>
            parameter.in === kind && parameter.name.toLowerCase() === name.toLowerCase();
          expect(faultsIn(value, parameters.find(is)!.schema), name).toEqual([]);
        }
      }
      const taken = requestBody?.content["application/json"]?.schema;
      expect(example.body === undefined ? [] : faultsIn(example.body, taken!)).toEqual([]);
      const answered = answerOf(place, example.status)?.content?.["application/json"]?.schema;
      expect(example.answer === undefined ? [] : faultsIn(example.answer, answered!)).toEqual([]);
    },
  );
});

/** What somebody may send by mistake, or to see what happens. */
const ODDITIES: readonly unknown[] = [
  null,
  true,
  "",
  " ",
  "a",
  "*",
  "x".repeat(129),
  "x".repeat(257),
  "key_4mN8pQ2rS6tU0vWx",
  "2030-01-31T12:00:00Z",
  "2030-01-31",
  "203.0.113.0/24",
  -1,
  0,
  1,
  1.5,
  1e12,
  1e12 + 1,
  [],
  [null],
  ["orders:read"],
  Array.from({ length: 65 }, (_, index) => `scope${index}`),
  {},
  { unheard: 1 },
];

/** The body with each of its fields, at any depth, replaced by each oddity, and with a field that nobody knows. */
function* variationsOf(body: unknown): Generator {
  yield* ODDITIES;
  if (typeof body !== "object" || body === null) return;
  for (const [name, value] of Object.entries(body)) {
    for (const other of variationsOf(value)) {
      const changed: unknown = Array.isArray(body) ? [...(body as unknown[])] : { ...body };
      (changed as Record<string, unknown>)[name] = other;
      yield changed;
    }
  }
  if (!Array.isArray(body)) yield { ...body, unheard: 1 };
}

describe("the document forbids nothing that the API takes: what it calls wrong is refused", () => {
  const withBody = ROUTES.filter(({ body }) => body !== undefined);
  it.each(each(withBody))("%s", (operationId, { body: schema }) => {
    const stated = operationNamed(operationId).operation.requestBody!.content["application/json"]!.schema!;
    const bodies = STORY.filter((example) => example.operationId === operationId).map(({ body }) => body ?? {});
    let refused = 0;
    for (const body of [{ reason: "because" }, ...bodies].flatMap((example) => [...variationsOf(example)])) {
      if (faultsIn(body, stated).length === 0) continue;
      refused += 1;
      expect(judge(schema!, body).ok, JSON.stringify(body)).toBe(false);
    }
    expect(refused).toBeGreaterThan(ODDITIES.length);
  });
});
