import type { KeyEvent } from "../key/event.ts";
import type { JsonValue } from "../key/policy.ts";
import { epochMs, rfc3339 } from "../key/time.ts";
import { isObject } from "./schema/fields.ts";
import type { EventJson } from "./schema/event.ts";

/** Details that are instants, or a change of one. The core counts milliseconds; times leave Rekey in one form only. */
const INSTANTS = new Set(["retiredValidUntil", "expiresAt"]);

/** An event on the wire. */
export const eventJson = ({ sequence, type, at, by, detail }: KeyEvent): EventJson => ({
  sequence,
  type,
  at: rfc3339(at),
  actor: by.actor,
  requestId: by.requestId,
  ip: by.ip,
  userAgent: by.userAgent,
  country: by.country,
  detail: Object.fromEntries(
    Object.entries(detail).map(([name, value]) => [name, INSTANTS.has(name) ? instantJson(value) : value]),
  ),
});

function instantJson(value: JsonValue): JsonValue {
  if (typeof value === "number") return rfc3339(epochMs(value));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, at]) => [name, instantJson(at)]));
}
