import * as z from "zod/mini";
import { EVENT_TYPES } from "../../key/event.ts";
import type { JsonValue } from "../../key/policy.ts";
import { keyId, opaque, timestamp } from "./fields.ts";

/** One fact about a key: what, when, who, from where. */
const fields = () => ({
  sequence: z.int(),
  type: z.enum(EVENT_TYPES),
  at: timestamp,
  actor: z.string(),
  requestId: z.string(),
  ip: z.nullable(z.string()),
  userAgent: z.nullable(z.string()),
  country: z.nullable(z.string()),
  detail: opaque<Readonly<Record<string, JsonValue>>>(),
});
export const event = z.lazy(() => z.strictObject(fields()));

/** The same among those of other keys. `owner` is `null` after a purge too. */
export const eventOfKey = z.lazy(() => z.strictObject({ keyId, owner: z.nullable(z.string()), ...fields() }));

export type EventJson = z.output<typeof event>;
