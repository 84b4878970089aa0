import * as z from "zod/mini";
import { EVENT_TYPES } from "../../key/event.ts";
import { ATTEMPT_FAULTS } from "../../webhook/attempt.ts";
import { DEFAULT_OVERLAP_SECONDS, DISABLING_REASONS, WEBHOOK_BOUNDS } from "../../webhook/endpoint.ts";
import { isMessageId, isWebhookId, type MessageId, type WebhookId } from "../../webhook/id.ts";
import { namesSome } from "../../webhook/subscription.ts";
import { DELIVERY_STATES } from "../../webhook-object/rpc.ts";
import { label, listOf, noKey, orNull, text, timestamp, whole, withDefault } from "./fields.ts";

export const webhookId = z
  .string()
  .check(z.refine(isWebhookId, "is not the id of a webhook"))
  .register(z.globalRegistry, { pattern: "^wh_[0-9A-Za-z]{16}$" }) as unknown as z.ZodMiniType<WebhookId>;

export const messageId = z
  .string()
  .check(z.refine(isMessageId, "is not the id of a delivery"))
  .register(z.globalRegistry, { pattern: "^evt_[0-9A-Za-z_]+$" }) as unknown as z.ZodMiniType<MessageId>;

/** The parameters of every path that names a webhook, and of those that name one of its deliveries. */
export const webhookParams = z.lazy(() => z.strictObject({ id: webhookId }));
export const deliveryParams = z.lazy(() => z.strictObject({ id: webhookId, deliveryId: messageId }));

/** Whether it leads where it may is judged where it is known who asks: a name has to be looked up. */
const url = () => text(WEBHOOK_BOUNDS.urlLength).check(noKey);

const description = () => z.nullable(text(WEBHOOK_BOUNDS.descriptionLength).check(noKey));

const pattern = () =>
  z
    .string()
    .check(
      z.refine(
        (value) => namesSome(value, EVENT_TYPES),
        "must be a type of event, * for all of them, or like key.* for all that begin so",
      ),
    );

const events = () =>
  listOf(pattern(), WEBHOOK_BOUNDS.events).check(
    z.refine((patterns) => patterns.length > 0, {
      error: "must not be empty",
      when: ({ value }) => Array.isArray(value),
    }),
  );

export const webhookBody = z.lazy(() =>
  z.strictObject({
    url: url(),
    events: withDefault(events(), ["*"]),
    description: withDefault(description(), null),
    owner: orNull(label),
  }),
);

export const webhookAmendment = z.lazy(() =>
  z.strictObject({
    url: z.optional(url()),
    events: z.optional(events()),
    description: z.optional(description()),
  }),
);

export const webhookRotation = z.lazy(() =>
  z.strictObject({
    overlapSeconds: withDefault(whole(0, WEBHOOK_BOUNDS.overlapSeconds), DEFAULT_OVERLAP_SECONDS),
  }),
);

const WEBHOOK_STATUSES = ["active", "disabled"] as const;

const lasting = () => ({
  id: webhookId,
  owner: z.nullable(z.string()),
  url: z.string(),
  description: z.nullable(z.string()),
  events: z.array(z.string()),
  status: z.enum(WEBHOOK_STATUSES),
  disabledBecause: z.nullable(z.enum(DISABLING_REASONS)),
  createdAt: timestamp,
});

/** A webhook as the ledger lists it. */
export const listedWebhook = z.lazy(() => z.strictObject(lasting()));

/** A webhook as its object knows it at this instant. */
export const webhook = z.lazy(() =>
  z.strictObject({
    ...lasting(),
    failingSince: z.nullable(timestamp),
    pending: z.int(),
    dead: z.int(),
  }),
);

/** A webhook with a new secret, which is shown this once. */
export const issuedWebhook = z.lazy(() => z.strictObject({ secret: z.string(), webhook }));
export const rotatedWebhook = z.lazy(() =>
  z.strictObject({
    secret: z.string(),
    webhook,
    retired: z.strictObject({ validUntil: timestamp }),
  }),
);

export const delivery = z.lazy(() =>
  z.strictObject({
    id: messageId,
    type: z.string(),
    state: z.enum(DELIVERY_STATES),
    createdAt: timestamp,
    attempts: z.int(),
    /** Of a pending one. */
    nextAttemptAt: z.nullable(timestamp),
    lastAttempt: z.nullable(
      z.strictObject({
        at: timestamp,
        tookMs: z.int(),
        status: z.nullable(z.int()),
        because: z.nullable(z.enum(ATTEMPT_FAULTS)),
      }),
    ),
  }),
);

export type ListedWebhookJson = z.output<typeof listedWebhook>;
export type WebhookJson = z.output<typeof webhook>;
export type DeliveryJson = z.output<typeof delivery>;
