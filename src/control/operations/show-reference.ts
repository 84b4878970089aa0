import type { OpenApiDocument } from "../openapi/types.ts";
import { operation } from "../operation.ts";
import type { Html } from "../reference/html.ts";
import { page } from "../reference/page.ts";
import { reference } from "../reference/reference.ts";

/** Written once per isolate: it says the same to everybody. */
let written: Html | undefined;

export const showReference = operation({
  method: "GET",
  path: "/_rekey/docs",
  operationId: "showReference",
  summary: "The contract as a page for people.",
  scope: null,
  responses: { 200: { description: "The page.", page: true } },
  refusals: [],
  async handle(call) {
    if (written === undefined) {
      const { default: document } = await import("../../../docs/openapi.json", { with: { type: "json" } });
      written = reference(document as unknown as OpenApiDocument);
    }
    return page(call, "Rekey: the control API", written);
  },
});
