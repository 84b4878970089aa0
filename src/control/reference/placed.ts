import type { OperationObject } from "../openapi/types.ts";

/** One operation with where it is found. */
export type Placed = { readonly method: string; readonly path: string; readonly operation: OperationObject };
