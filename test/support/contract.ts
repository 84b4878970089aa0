import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import openapi from "../../docs/openapi.json" with { type: "json" };
import type { OpenApiDocument, OperationObject, ResponseObject } from "../../src/control/openapi/types.ts";

/** The document that is served, read by somebody else's implementation of JSON Schema. */
export const contract = openapi as unknown as OpenApiDocument;

export type Described = { readonly method: string; readonly path: string; readonly operation: OperationObject };

export const described: readonly Described[] = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

export function operationNamed(operationId: string): Described {
  const found = described.find(({ operation }) => operation.operationId === operationId);
  if (found === undefined) throw new Error(`no operation is called ${operationId}`);
  return found;
}

/** What the document says of an answer with this status; `undefined` if it says that there is none. */
export function answerOf({ operation }: Described, status: number): ResponseObject | undefined {
  const response = operation.responses[String(status)];
  if (response === undefined || !("$ref" in response)) return response;
  return contract.components.responses[response.$ref.split("/").at(-1)!];
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
// A CommonJS module: what it exports by default is its whole.
(formats as unknown as typeof formats.default)(ajv);
ajv.addSchema(openapi, "openapi");

const judges = new Map<object, ValidateFunction>();

/** Everything in which a value differs from a schema of the document, in ajv's words. */
export function faultsIn(value: unknown, schema: object): readonly string[] {
  let judge = judges.get(schema);
  if (judge === undefined) {
    judge = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object);
    judges.set(schema, judge);
  }
  judge(value);
  return (judge.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
