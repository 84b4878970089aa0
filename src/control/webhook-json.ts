import { epochMs, rfc3339 } from "../key/time.ts";
import type { ListedWebhook } from "../ledger/webhooks.ts";
import type { DisablingReason } from "../webhook/endpoint.ts";
import type { WebhookId } from "../webhook/id.ts";
import type { Delivery, WebhookRecord } from "../webhook-object/rpc.ts";
import { timeJson } from "./record-json.ts";
import type { DeliveryJson, ListedWebhookJson, WebhookJson } from "./schema/webhook.ts";

/** A webhook on the wire. */
export const webhookJson = (record: WebhookRecord): WebhookJson => ({
  ...listedWebhookJson(record),
  failingSince: timeJson(record.failingSince),
  pending: record.pending,
  dead: record.dead,
});

export const listedWebhookJson = (record: ListedWebhook): ListedWebhookJson => ({
  id: record.id as WebhookId,
  owner: record.owner,
  url: record.url,
  description: record.description,
  events: [...record.events],
  status: record.disabledBecause === null ? "active" : "disabled",
  disabledBecause: record.disabledBecause as DisablingReason | null,
  createdAt: rfc3339(epochMs(record.createdAt)),
});

export const deliveryJson = ({ id, type, state, createdAt, attempts, dueAt, lastAttempt }: Delivery): DeliveryJson => ({
  id,
  type,
  state,
  createdAt: rfc3339(createdAt),
  attempts,
  nextAttemptAt: state === "pending" ? rfc3339(dueAt) : null,
  lastAttempt:
    lastAttempt === null
      ? null
      : {
          at: rfc3339(lastAttempt.at),
          tookMs: lastAttempt.tookMs,
          status: lastAttempt.status,
          because: lastAttempt.because,
        },
});
