import * as z from "zod/mini";
import { json } from "../answer.ts";
import { operation } from "../operation.ts";

export const getOpenApi = operation({
  method: "GET",
  path: "/_rekey/openapi.json",
  operationId: "getOpenApi",
  summary:
    "The contract as a document for tools. OpenAPI 3.1, made from the table that these operations are served from.",
  scope: null,
  responses: { 200: { description: "The document.", schema: z.lazy(() => z.looseObject({ openapi: z.string() })) } },
  refusals: [],
  async handle(call) {
    // Read when it is first asked for: no other request pays for it.
    const { default: document } = await import("../../../docs/openapi.json", { with: { type: "json" } });
    return json(call, 200, document);
  },
});
