import type * as z from "zod/mini";
import type { acknowledgeBody, alert } from "../control/schema/alert.ts";
import type { amendBody } from "../control/schema/amend.ts";
import type { createBody, issuedKey } from "../control/schema/create.ts";
import type { creditBody } from "../control/schema/credit.ts";
import type { event, eventOfKey } from "../control/schema/event.ts";
import type { listedOwner, ownerProgress } from "../control/schema/owner.ts";
import type { chainProof } from "../control/schema/proof.ts";
import type { keyRecord, listedKey } from "../control/schema/record.ts";
import type { rotateBody, rotatedKey } from "../control/schema/rotate.ts";
import type { settleBody, settledReservation } from "../control/schema/settle.ts";
import type { client, usage } from "../control/schema/usage.ts";
import type { verifyAnswer, verifyQuestion } from "../control/schema/verify.ts";
import type {
  delivery,
  issuedWebhook,
  listedWebhook,
  rotatedWebhook,
  webhook,
  webhookAmendment,
  webhookBody,
  webhookRotation,
} from "../control/schema/webhook.ts";

// What the client takes and gives: the types of the very schemas by which the control API judges and answers.

/** What is sent is only read: lists may be frozen ones. */
type Sent<Body> = Body extends object ? { readonly [Field in keyof Body]: Sent<Body[Field]> } : Body;

export type NewKey = Sent<z.input<typeof createBody>>;
export type Amendment = Sent<z.input<typeof amendBody>>;
export type Rotation = Sent<z.input<typeof rotateBody>>;
export type Credit = Sent<z.input<typeof creditBody>>;
export type Settlement = Sent<z.input<typeof settleBody>>;
export type VerifyQuestion = Sent<z.input<typeof verifyQuestion>>;
export type NewWebhook = Sent<z.input<typeof webhookBody>>;
export type WebhookAmendment = Sent<z.input<typeof webhookAmendment>>;
export type WebhookRotation = Sent<z.input<typeof webhookRotation>>;

export type Acknowledgement = Sent<z.input<typeof acknowledgeBody>>;

export type KeyRecord = z.output<typeof keyRecord>;
export type ListedKey = z.output<typeof listedKey>;
export type IssuedKey = z.output<typeof issuedKey>;
export type RotatedKey = z.output<typeof rotatedKey>;
export type SettledReservation = z.output<typeof settledReservation>;
export type VerifyAnswer = z.output<typeof verifyAnswer>;
export type VerifyAnswers = { readonly items: readonly VerifyAnswer[] };
export type KeyEvent = z.output<typeof event>;
export type EventOfKey = z.output<typeof eventOfKey>;
export type ChainProof = z.output<typeof chainProof>;
export type Usage = z.output<typeof usage>;
export type KeyClient = z.output<typeof client>;
export type Alert = z.output<typeof alert>;
export type ListedOwner = z.output<typeof listedOwner>;
export type OwnerProgress = z.output<typeof ownerProgress>;
export type Webhook = z.output<typeof webhook>;
export type ListedWebhook = z.output<typeof listedWebhook>;
export type IssuedWebhook = z.output<typeof issuedWebhook>;
export type RotatedWebhook = z.output<typeof rotatedWebhook>;
export type Delivery = z.output<typeof delivery>;

/** A part of a list. */
export type Page<Item> = {
  readonly items: readonly Item[];
  /** Where the list goes on; `null` at its end. */
  readonly nextCursor: string | null;
  /** The instant at which this was so (RFC 3339). */
  readonly asOf: string;
};

/** Where a list begins, and how many items are answered at once: 1 to 200, usually 50. */
export type PageOptions = { readonly cursor?: string; readonly limit?: number };

export type KeyFilter = PageOptions & {
  readonly owner?: string;
  readonly status?: KeyRecord["status"];
  readonly environment?: KeyRecord["environment"];
  /** Keys whose newest secret was made with this pepper. */
  readonly pepper?: string;
  /** Whether somebody has set their end later than their lifetime allows. */
  readonly beyondLifetime?: boolean;
  /** How the name begins, in any case; or a whole id. */
  readonly search?: string;
};

export type EventFilter = PageOptions & {
  readonly owner?: string;
  readonly type?: KeyEvent["type"];
  /** Times as in RFC 3339, the first one inclusive, the second one not. */
  readonly from?: string;
  readonly to?: string;
};

/** Times as in RFC 3339, the first one inclusive, the second one not. Usually the last 24 hours, or 30 days. */
export type UsageSpan = PageOptions & {
  readonly from?: string;
  readonly to?: string;
  readonly by?: "hour" | "day";
};

export type WebhookFilter = PageOptions & { readonly owner?: string };

export type DeliveryFilter = PageOptions & { readonly state?: Delivery["state"] };

export type AlertFilter = PageOptions & {
  readonly owner?: string;
  readonly keyId?: string;
  readonly alert?: Alert["alert"];
  /** Whether somebody has looked into them. */
  readonly acknowledged?: boolean;
  /** Times as in RFC 3339, the first one inclusive, the second one not. */
  readonly from?: string;
  readonly to?: string;
};

/** Why a change is made; kept in the key's history. */
export type Reason = { readonly reason?: string | null };
