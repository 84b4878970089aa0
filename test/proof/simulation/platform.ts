import { registerHooks } from "node:module";

/** What the module of the platform is to an object here: a base class that keeps what it is given. */
const STAND_IN = `data:text/javascript,export class DurableObject {
  constructor(ctx, env) { this.ctx = ctx; this.env = env; }
}`;

let installed = false;

/** The class of a key's object, as it is deployed, in a Node without the platform. */
export async function loadKeyObject(): Promise<typeof import("../../../src/key-object/key-object.ts").KeyObject> {
  if (!installed) {
    installed = true;
    registerHooks({
      resolve: (name, context, next) =>
        name === "cloudflare:workers" ? { url: STAND_IN, shortCircuit: true } : next(name, context),
    });
  }
  return (await import("../../../src/key-object/key-object.ts")).KeyObject;
}
