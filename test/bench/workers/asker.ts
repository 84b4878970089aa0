import { Hono } from "hono";
import type { Env } from "../../../src/env.ts";
import * as product from "../../../src/index.ts";
import { ASK_PATH } from "./ask-path.ts";

/** The product, and beside it what another Worker does that asks it over a service binding. Nothing of it is deployed. */
export * from "../../../src/index.ts";

/** `REKEY` is bound to the entrypoint `RekeyService`. */
type Asking = Env & { readonly REKEY: { verify(question: unknown): Promise<object> } };

/** Reads the same question as the control API and answers with what it hears. */
const asker = new Hono<{ Bindings: Asking }>().post(ASK_PATH, async (c) =>
  c.json(await c.env.REKEY.verify(await c.req.json())),
);

export default {
  fetch: (request, env, ctx) =>
    request.url.endsWith(ASK_PATH) ? asker.fetch(request, env, ctx) : product.default.fetch(request, env, ctx),
} satisfies ExportedHandler<Asking>;
