import type { KeyEvent } from "../key/event.ts";
import { epochMs, rfc3339 } from "../key/time.ts";
import type { EventJson } from "./schema/event.ts";

/** Details that are instants. The core counts milliseconds; times leave Rekey in one form only. */
const INSTANTS = new Set(["retiredValidUntil"]);

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
    Object.entries(detail).map(([name, value]) => [
      name,
      INSTANTS.has(name) && typeof value === "number" ? rfc3339(epochMs(value)) : value,
    ]),
  ),
});
