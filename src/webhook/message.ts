import { eventJson } from "../http/event-json.ts";
import type { KeyId } from "../key/credential.ts";
import type { KeyEvent } from "../key/event.ts";
import { rfc3339, type EpochMs } from "../key/time.ts";

/** What a test message says it is. No event is called so. */
export const TEST_TYPE = "webhook.test";

/** The body of a message about an event: `type` and `timestamp` as Standard Webhooks has them, the event as `data`. */
export function eventBody(event: KeyEvent & { readonly keyId: KeyId; readonly owner: string | null }): string {
  const { type, at, ...data } = eventJson(event);
  return JSON.stringify({ type, timestamp: at, data: { keyId: event.keyId, owner: event.owner, ...data } });
}

export const testBody = (webhookId: string, at: EpochMs): string =>
  JSON.stringify({ type: TEST_TYPE, timestamp: rfc3339(at), data: { webhookId } });
