import type { Random } from "../key/base62.ts";
import { hmacKey, hmacSha256 } from "../key/hmac.ts";
import type { MessageId } from "./id.ts";

/** `whsec_` and the base64 of 24 to 64 bytes: how Standard Webhooks writes a symmetric secret. */
export type WebhookSecret = string & { readonly __kind: "webhook-secret" };

const PREFIX = "whsec_";
const SECRET_BYTES = 32;

export const newWebhookSecret = (random: Random): WebhookSecret =>
  (PREFIX + toBase64(random(new Uint8Array(SECRET_BYTES)))) as WebhookSecret;

/** One attempt to be signed. `atSeconds`: of the attempt, not of the event, or a receiver would refuse late retries. */
export type Signed = { readonly id: MessageId; readonly atSeconds: number; readonly body: string };

/**
 * The headers by which a receiver knows a message as ours. Several secrets make several signatures: while a secret is
 * replaced, a receiver that has either of them believes the message.
 *
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (HMAC-SHA256, v1)
 */
export const signatureHeaders = (secrets: readonly WebhookSecret[], { id, atSeconds, body }: Signed) => ({
  "webhook-id": id,
  "webhook-timestamp": String(atSeconds),
  "webhook-signature": secrets.map((secret) => `v1,${macOf(secret, `${id}.${atSeconds}.${body}`)}`).join(" "),
});

const macOf = (secret: WebhookSecret, text: string): string =>
  toBase64(hmacSha256(hmacKey(fromBase64(secret.slice(PREFIX.length))), encoder.encode(text)));

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const encoder = new TextEncoder();
