import * as z from "zod/mini";
import { healthz as live } from "../../http/healthz.ts";
import { operation } from "../operation.ts";

export const healthz = operation({
  method: "GET",
  path: "/_rekey/healthz",
  operationId: "healthz",
  summary: "Whether this Worker runs and has usable settings. Asks nobody.",
  scope: null,
  everyHost: true,
  responses: { 200: { description: "It does.", schema: z.lazy(() => z.strictObject({ status: z.literal("ok") })) } },
  refusals: [],
  handle: ({ requestId }) => live(requestId),
});
