import type { Authority } from "../key/authority.ts";
import type { Idempotency } from "../key/receipt.ts";
import type { EpochMs } from "../key/time.ts";
import type { Reached } from "../key-object/rpc.ts";
import type { Attempt } from "../webhook/attempt.ts";
import type { Endpoint, EndpointAmendment, NewEndpoint } from "../webhook/endpoint.ts";
import type { MessageId } from "../webhook/id.ts";
import type { Errand, ErrandOutcome } from "./errand.ts";

/**
 * What an endpoint's object can be asked over RPC. Answers with values, as a key's object does; what is not there, or
 * not for the one who asks, is an answer too.
 */
export interface WebhookRpc {
  /** Brings the endpoint into being. Its secret is made here. */
  create(command: CreateWebhook): Promise<WebhookCreation>;
  read(ask: WebhookAsk): Promise<Reached<{ readonly webhook: WebhookRecord }>>;
  amend(
    ask: WebhookAsk & { readonly amendment: EndpointAmendment },
  ): Promise<Reached<{ readonly webhook: WebhookRecord }>>;
  rotateSecret(ask: RotateSecret): Promise<Reached<SecretRotation>>;
  /** Sends again, if it was disabled, and begins with what waits. */
  resume(ask: WebhookAsk): Promise<Reached<{ readonly webhook: WebhookRecord }>>;
  /** Forgets the endpoint, its secrets and its messages. */
  remove(ask: WebhookAsk): Promise<Reached<{ readonly removed: true }>>;

  /** Sends a message that is about nothing. `null`: the endpoint is disabled. */
  sendTest(ask: WebhookAsk): Promise<Reached<{ readonly delivery: Delivery | null }>>;
  /** Messages, newest first, from behind `after` on. */
  deliveries(ask: DeliveriesAsk): Promise<Reached<{ readonly deliveries: readonly Delivery[] }>>;
  /** Sends a message again, from its first attempt on. `null`: there is none of this id any more. */
  replay(ask: WebhookAsk & { readonly messageId: MessageId }): Promise<Reached<{ readonly delivery: Delivery | null }>>;

  /** There may be something to read. Answers at once; false: nobody is here. */
  wake(): Promise<boolean>;

  /** Makes the attempt that was handed to the queue, if it is still to be made. Answers soon, however slow the receiver. */
  attempt(errand: Errand): Promise<ErrandOutcome>;
}

export type WebhookAsk = { readonly authority: Authority };

export type CreateWebhook = NewEndpoint & {
  readonly idempotency: Idempotency | null;
};

/** The endpoint as people see it: no secrets. */
export type WebhookRecord = Omit<Endpoint, "secrets" | "failuresInARow"> & {
  /** How many messages wait to be sent, and how many were given up. */
  readonly pending: number;
  readonly dead: number;
};

export type WebhookCreation =
  | { readonly done: true; readonly webhook: WebhookRecord; readonly secret: string }
  | {
      readonly done: false;
      readonly because: "too-many" | "ledger-unavailable" | "idempotency-mismatch" | "idempotency-expired";
    };

export type RotateSecret = WebhookAsk & {
  readonly overlapSeconds: number;
  readonly idempotency: Idempotency | null;
};

export type SecretRotation =
  | {
      readonly done: true;
      readonly webhook: WebhookRecord;
      readonly secret: string;
      /** Until when the one before goes on signing. */
      readonly validUntil: EpochMs;
    }
  | { readonly done: false; readonly because: "idempotency-mismatch" | "idempotency-expired" };

export const DELIVERY_STATES = ["pending", "delivered", "dead"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One message to one endpoint, and how its sending went. */
export type Delivery = {
  readonly id: MessageId;
  readonly type: string;
  readonly state: DeliveryState;
  readonly createdAt: EpochMs;
  /** How often it was tried since it was made, or replayed. */
  readonly attempts: number;
  /** Of a pending one: when it is tried next. */
  readonly dueAt: EpochMs;
  readonly lastAttempt: Attempt | null;
};

/** The place in a list of messages behind which it goes on. */
export type DeliveryPlace = { readonly createdAt: number; readonly id: MessageId };

export type DeliveriesAsk = WebhookAsk & {
  readonly state: DeliveryState | null;
  readonly after: DeliveryPlace | null;
  readonly limit: number;
};
