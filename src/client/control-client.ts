import type { Result } from "./result.ts";
import { sender, type Call, type CallOptions, type ClientOptions, type RepeatableOptions } from "./send.ts";
import type {
  Acknowledgement,
  Alert,
  AlertFilter,
  Amendment,
  ChainProof,
  Credit,
  Delivery,
  DeliveryFilter,
  EventFilter,
  EventOfKey,
  IssuedKey,
  KeyClient,
  IssuedWebhook,
  KeyEvent,
  KeyFilter,
  KeyRecord,
  ListedKey,
  ListedOwner,
  ListedWebhook,
  NewKey,
  NewWebhook,
  OwnerProgress,
  Page,
  PageOptions,
  Reason,
  RotatedKey,
  RotatedWebhook,
  SettledReservation,
  Settlement,
  Rotation,
  Usage,
  UsageSpan,
  VerifyAnswer,
  VerifyAnswers,
  VerifyQuestion,
  Webhook,
  WebhookAmendment,
  WebhookFilter,
  WebhookRotation,
} from "./types.ts";

/** With a change that was decided on a record. */
export type ConditionalOptions = CallOptions & {
  /** The `revision` of that record: if the key was changed since, nothing happens. */
  readonly ifRevision?: number;
};

export type ControlClient = ReturnType<typeof controlClient>;

/**
 * The control API, for whoever issues keys.
 *
 * Methods are called as the operations in `/_rekey/docs`. A call whose answer is lost is made again where that is safe:
 * reads and what is final (revoke, purge) as they are, what issues a secret (create, rotate) with one
 * `Idempotency-Key` for all attempts, so that it happens once and the secret arrives. What counts (verify, credits) or
 * could undo a colleague's change (amend, suspend, resume) is never made twice.
 *
 * @param token the admin token, or a control key.
 */
export function controlClient({ token, ...options }: ClientOptions & { readonly token: string }) {
  const send = sender(options, token);
  const get = <Value>(path: string, query: Call["query"], how?: CallOptions) =>
    send<Value>({ method: "GET", path, ...(query && { query }), repeat: "freely", ...how });
  const post = <Value>(path: string, body: unknown, repeat: Call["repeat"], how?: RepeatableOptions) =>
    send<Value>({ method: "POST", path, body, repeat, ...how });

  return {
    /** Issues a key. Its text is in this answer and never again anywhere. */
    createKey: (key: NewKey, how?: RepeatableOptions): Promise<Result<IssuedKey>> => post("/keys", key, "by-key", how),

    /** A key as it is now, from its own object. Spends nothing. */
    getKey: (id: string, how?: CallOptions): Promise<Result<KeyRecord>> => get(keyPath(id), undefined, how),

    /** Keys, newest first. The list may be a moment behind the keys themselves. */
    listKeys: (filter: KeyFilter = {}, how?: CallOptions): Promise<Result<Page<ListedKey>>> =>
      get("/keys", filter, how),

    /** Replaces each named field whole; `null` clears one. */
    amendKey: (id: string, amendment: Amendment, how?: ConditionalOptions): Promise<Result<KeyRecord>> =>
      send({ method: "PATCH", path: keyPath(id), body: amendment, repeat: "never", ...conditional(how) }),

    /** Replaces the secret. When this answers, the old one is dead everywhere, or its grace runs. */
    rotateKey: (id: string, rotation: Rotation = {}, how?: RepeatableOptions): Promise<Result<RotatedKey>> =>
      post(`${keyPath(id)}/rotate`, rotation, "by-key", how),

    /** Ends the key for good. Asking again changes nothing. */
    revokeKey: (id: string, why: Reason = {}, how?: CallOptions): Promise<Result<KeyRecord>> =>
      post(`${keyPath(id)}/revoke`, why, "freely", how),

    /** Stops the key until it is resumed. */
    suspendKey: (id: string, why: Reason = {}, how?: CallOptions): Promise<Result<KeyRecord>> =>
      post(`${keyPath(id)}/suspend`, why, "never", how),

    /** Lets a suspended key be used again. */
    resumeKey: (id: string, why: Reason = {}, how?: CallOptions): Promise<Result<KeyRecord>> =>
      post(`${keyPath(id)}/resume`, why, "never", how),

    /** Adds to a balance that never refills, or sets it. With `ifRevision` a call made again by hand adds once. */
    creditKey: (id: string, credit: Credit, how?: ConditionalOptions): Promise<Result<KeyRecord>> =>
      send({ method: "POST", path: `${keyPath(id)}/credits`, body: credit, repeat: "never", ...conditional(how) }),

    /** Forgets a revoked or expired key and everything personal about it. */
    purgeKey: (id: string, how?: CallOptions): Promise<Result<null>> =>
      send({ method: "DELETE", path: keyPath(id), repeat: "freely", ...how }),

    /** What happened to a key, newest first. */
    listKeyEvents: (id: string, page: PageOptions = {}, how?: CallOptions): Promise<Result<Page<KeyEvent>>> =>
      get(`${keyPath(id)}/events`, page, how),

    /** Whether the ledger's copy of that history is what the key itself wrote, and if not, from which event on. */
    proveKeyEvents: (id: string, how?: CallOptions): Promise<Result<ChainProof>> =>
      get(`${keyPath(id)}/events/proof`, undefined, how),

    /** What happened to all keys, newest first. */
    listEvents: (filter: EventFilter = {}, how?: CallOptions): Promise<Result<Page<EventOfKey>>> =>
      get("/events", filter, how),

    /** What a key was used for, by the hour or day, oldest first. */
    getKeyUsage: (id: string, span: UsageSpan = {}, how?: CallOptions): Promise<Result<Page<Usage>>> =>
      get(`${keyPath(id)}/usage`, span, how),

    /** What all keys together were used for, or those of an owner. */
    getUsage: (span: UsageSpan & { readonly owner?: string } = {}, how?: CallOptions): Promise<Result<Page<Usage>>> =>
      get("/usage", span, how),

    /** The addresses from which a key was used lately, the latest first. */
    listKeyClients: (id: string, how?: CallOptions): Promise<Result<Page<KeyClient>>> =>
      get(`${keyPath(id)}/clients`, undefined, how),

    /** What was suspicious about the use of keys, newest first. */
    listAlerts: (filter: AlertFilter = {}, how?: CallOptions): Promise<Result<Page<Alert>>> =>
      get("/alerts", filter, how),

    /** Says that an alert was looked into. Who says it first stays. */
    acknowledgeAlert: (id: string, said: Acknowledgement = {}, how?: CallOptions): Promise<Result<Alert>> =>
      post(`/alerts/${encodeURIComponent(id)}/acknowledge`, said, "freely", how),

    /** Asks whether a key is to be let in now. A yes is counted, so nothing is asked twice. */
    verifyKey: (question: VerifyQuestion, how?: CallOptions): Promise<Result<VerifyAnswer>> =>
      post("/verify", question, "never", how),

    /** Asks about up to 100 keys. The answers are in the order of the questions. */
    verifyBatch: (items: readonly VerifyQuestion[], how?: CallOptions): Promise<Result<VerifyAnswers>> =>
      post("/verify/batch", { items }, "never", how),

    /** Charges what a reservation really cost. The same call again gets the same answer. */
    settleReservation: (id: string, settlement: Settlement, how?: CallOptions): Promise<Result<SettledReservation>> =>
      post(`/reservations/${encodeURIComponent(id)}/settle`, settlement, "freely", how),

    /** The owners of keys, by name. */
    listOwners: (page: PageOptions = {}, how?: CallOptions): Promise<Result<Page<ListedOwner>>> =>
      get("/owners", page, how),

    /** Ends every key of an owner for good. `status` 202: it is decided and goes on; ask again to see how far it is. */
    revokeOwner: (owner: string, why: Reason = {}, how?: CallOptions): Promise<Result<OwnerProgress>> =>
      post(`${ownerPath(owner)}/revoke`, why, "freely", how),

    /** Stops every key of an owner until the owner is resumed. */
    suspendOwner: (owner: string, why: Reason = {}, how?: CallOptions): Promise<Result<OwnerProgress>> =>
      post(`${ownerPath(owner)}/suspend`, why, "never", how),

    /** Lets an owner's keys be used again, as far as each stands by itself. */
    resumeOwner: (owner: string, why: Reason = {}, how?: CallOptions): Promise<Result<OwnerProgress>> =>
      post(`${ownerPath(owner)}/resume`, why, "never", how),

    /** Asks to be told of events from now on. The secret that signs the messages is in this answer and never again. */
    createWebhook: (webhook: NewWebhook, how?: RepeatableOptions): Promise<Result<IssuedWebhook>> =>
      post("/webhooks", webhook, "by-key", how),

    /** Webhooks, newest first. */
    listWebhooks: (filter: WebhookFilter = {}, how?: CallOptions): Promise<Result<Page<ListedWebhook>>> =>
      get("/webhooks", filter, how),

    /** A webhook as it is now: whether messages arrive, and how many wait. */
    getWebhook: (id: string, how?: CallOptions): Promise<Result<Webhook>> => get(hookPath(id), undefined, how),

    /** Changes where messages go, or what they are about. */
    amendWebhook: (id: string, amendment: WebhookAmendment, how?: CallOptions): Promise<Result<Webhook>> =>
      send({ method: "PATCH", path: hookPath(id), body: amendment, repeat: "never", ...how }),

    /** Forgets a webhook. Made again after a lost answer it may say `not-found`: it is gone. */
    deleteWebhook: (id: string, how?: CallOptions): Promise<Result<null>> =>
      send({ method: "DELETE", path: hookPath(id), repeat: "freely", ...how }),

    /** Replaces the secret; for a day, or as long as is said, the old one signs too. */
    rotateWebhookSecret: (
      id: string,
      rotation: WebhookRotation = {},
      how?: RepeatableOptions,
    ): Promise<Result<RotatedWebhook>> => post(`${hookPath(id)}/rotate-secret`, rotation, "by-key", how),

    /** Sends a message about nothing. */
    testWebhook: (id: string, how?: CallOptions): Promise<Result<Delivery>> =>
      post(`${hookPath(id)}/test`, undefined, "never", how),

    /** Sends again what waits, also to a webhook that was disabled. */
    resumeWebhook: (id: string, how?: CallOptions): Promise<Result<Webhook>> =>
      post(`${hookPath(id)}/resume`, undefined, "freely", how),

    /** Messages to a webhook, newest first. */
    listWebhookDeliveries: (
      id: string,
      filter: DeliveryFilter = {},
      how?: CallOptions,
    ): Promise<Result<Page<Delivery>>> => get(`${hookPath(id)}/deliveries`, filter, how),

    /** Sends a message again, under its own id. */
    replayWebhookDelivery: (id: string, deliveryId: string, how?: CallOptions): Promise<Result<Delivery>> =>
      post(`${hookPath(id)}/deliveries/${encodeURIComponent(deliveryId)}/replay`, undefined, "freely", how),
  };
}

const keyPath = (id: string): string => `/keys/${encodeURIComponent(id)}`;
const ownerPath = (owner: string): string => `/owners/${encodeURIComponent(owner)}`;

const hookPath = (id: string): string => `/webhooks/${encodeURIComponent(id)}`;

const conditional = ({ ifRevision, ...how }: ConditionalOptions = {}): Partial<Call> => ({
  ...how,
  ...(ifRevision !== undefined && { headers: { "if-match": `"${ifRevision}"` } }),
});
