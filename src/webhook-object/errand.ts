import { isMessageId, isWebhookId, type MessageId, type WebhookId } from "../webhook/id.ts";

/**
 * What an endpoint's object asks of the queue: that it be called for one attempt at one message. Names only. The secret,
 * the text and what became of it stay with the object.
 */
export type Errand = {
  readonly webhookId: WebhookId;
  readonly messageId: MessageId;
  /** Which attempt, counted from 1: an errand that comes twice, or late, is for an attempt that was made already. */
  readonly attempt: number;
};

/** How long the queue has for an errand, in milliseconds. After that it is taken for lost and handed over anew. */
export const ERRAND_MS = 5 * 60_000;

/**
 * `made`: whatever came of it. `under-way`: the receiver takes its time, and the object goes on by itself. `needless`: it
 * was made, or is being made, or nobody wants it any more. `busy`: too many are under way to this endpoint.
 */
export type ErrandOutcome = "made" | "under-way" | "needless" | "busy";

/** Reads what came out of a queue; `null`: nothing of ours. */
export function errandOf(body: unknown): Errand | null {
  const { webhookId, messageId, attempt } = (body ?? {}) as Partial<Record<keyof Errand, unknown>>;
  if (typeof webhookId !== "string" || !isWebhookId(webhookId)) return null;
  if (typeof messageId !== "string" || !isMessageId(messageId)) return null;
  if (!Number.isSafeInteger(attempt)) return null;
  return { webhookId, messageId, attempt: attempt as number };
}
