import { registerHooks } from "node:module";
import type { KeyObject } from "../../../src/key-object/key-object.ts";

let installed = false;

/**
 * The class of a key's object, as it is deployed, in a Node without the platform: only its base class is another. Vitest
 * knows of that by an alias of its own (test/vitest.config.ts).
 */
export async function loadKeyObject(): Promise<typeof KeyObject> {
  if (!installed) {
    installed = true;
    const url = new URL("durable-object.ts", import.meta.url).href;
    registerHooks({
      resolve: (name, context, next) =>
        name === "cloudflare:workers" ? { url, shortCircuit: true } : next(name, context),
    });
  }
  return (await import("../../../src/key-object/key-object.ts")).KeyObject;
}
