import type { JsonValue } from "./policy.ts";
import type { EpochMs } from "./time.ts";

export const EVENT_TYPES = [
  "key.created",
  "key.rotated",
  "key.revoked",
  "key.suspended",
  "key.resumed",
  "key.amended",
  "key.credited",
  "key.owner-suspended",
  "key.owner-resumed",
  "key.purged",
  "key.slid",
  "key.idle-expired",
  "key.rotation-due-soon",
  "key.exchanges-cut",
  "key.refused",
  "key.recovered",
  "key.alerted",
  "key.quota-reached",
  "key.expires-soon",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Who asks for a change, and from where. `actor` is `admin`, a control key's id, or the key's own id. */
export type By = {
  readonly actor: string;
  readonly requestId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
};

/** One fact about a key. `sequence` is given by the key's object in the step that makes it true: 1, 2, 3 … no gaps. */
export type KeyEvent = {
  readonly sequence: number;
  readonly type: EventType;
  readonly at: EpochMs;
  readonly by: By;
  readonly detail: { readonly [name: string]: JsonValue };
};
