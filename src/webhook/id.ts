import { randomBase62, type Random } from "../key/base62.ts";
import { keyIdFrom, type KeyId } from "../key/credential.ts";

/** Names one endpoint, for ever. No secret. */
export type WebhookId = string & { readonly __kind: "webhook-id" };

/**
 * Names one message to one endpoint: `webhook-id` on the wire, the same on every attempt, so that a receiver can tell
 * what it has had already. Of an event it is made of the event's own name, so that it does not change either when the
 * event is read a second time.
 */
export type MessageId = string & { readonly __kind: "message-id" };

const WIDTH = 16;
const WEBHOOK_ID = /^wh_[0-9A-Za-z]{16}$/;
const MESSAGE_ID = /^evt_(?:[0-9A-Za-z]{16}_[1-9][0-9]{0,14}|test_[0-9A-Za-z]{16})$/;

export const isWebhookId = (text: string): text is WebhookId => WEBHOOK_ID.test(text);
export const isMessageId = (text: string): text is MessageId => MESSAGE_ID.test(text);

export const newWebhookId = (random: Random): WebhookId => `wh_${randomBase62(WIDTH, random)}` as WebhookId;

/** The id that belongs to a text: a create that is repeated meets the object of its first attempt. */
export const webhookIdFrom = (text: string): WebhookId =>
  `wh_${keyIdFrom(`webhook\n${text}`).slice("key_".length)}` as WebhookId;

export const messageIdOf = (keyId: KeyId, sequence: number): MessageId =>
  `evt_${keyId.slice("key_".length)}_${sequence}` as MessageId;

export const newTestMessageId = (random: Random): MessageId => `evt_test_${randomBase62(WIDTH, random)}` as MessageId;
