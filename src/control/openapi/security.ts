import type { Operation } from "../operation.ts";
import type { OperationObject } from "./types.ts";

/** The ways to say who calls. */
export const SECURITY_SCHEMES = {
  control: {
    type: "http",
    scheme: "bearer",
    description:
      "The admin token, which covers everything, or a control key: a key of this deployment that holds the scope named with the operation.",
  },
  key: { type: "http", scheme: "bearer", description: "The key that the call is about." },
  keyHeader: { type: "apiKey", in: "header", name: "X-API-Key", description: "The key that the call is about." },
} as const;

/** Who may call an operation; any one of the alternatives is enough. */
export function securityOf(scope: Operation["scope"]): OperationObject["security"] {
  if (scope === null) return [];
  return scope === "self" ? [{ key: [] }, { keyHeader: [] }] : [{ control: [scope] }];
}
