import type { KeyId } from "./credential.ts";

/** `alert_`, the 16 characters of the key id, `_` and the sequence of the event that says the same. */
export type AlertId = string & { readonly __kind: "alert-id" };

/** The key that an alert is about. */
export const keyIdOfAlert = (id: AlertId): KeyId => `key_${id.split("_")[1]}` as KeyId;

const ID = /^alert_[0-9A-Za-z]{16}_[1-9][0-9]{0,14}$/;

export const isAlertId = (text: string): text is AlertId => ID.test(text);
