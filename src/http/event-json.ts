import type { EventType, KeyEvent } from "../key/event.ts";
import type { JsonValue } from "../key/policy.ts";
import { epochMs, rfc3339 } from "../key/time.ts";

/** An event as people read it, in a list or in a message. `control/schema/event.ts` is its schema. */
export type EventJson = {
  readonly sequence: number;
  readonly type: EventType;
  readonly at: string;
  readonly actor: string;
  readonly requestId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
  readonly detail: Readonly<Record<string, JsonValue>>;
};

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
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, at]) => [name, instantJson(at)]));
}
