import type * as z from "zod/mini";
import { acknowledgeBody, alert } from "../schema/alert.ts";
import { amendBody } from "../schema/amend.ts";
import { createBody, issuedKey } from "../schema/create.ts";
import { creditBody } from "../schema/credit.ts";
import { event, eventOfKey } from "../schema/event.ts";
import { listedOwner, ownerProgress } from "../schema/owner.ts";
import { chainProof } from "../schema/proof.ts";
import { quota, rateLimit } from "../schema/policy.ts";
import { keyRecord, listedKey, quotaReading, rateLimitReading } from "../schema/record.ts";
import { rotateBody, rotatedKey } from "../schema/rotate.ts";
import { settleBody, settledReservation } from "../schema/settle.ts";
import { client, usage } from "../schema/usage.ts";
import { boundary, boundaryReading } from "../schema/boundary.ts";
import { suspicion, suspicionRules } from "../schema/suspicion.ts";
import { verifyAnswer, verifyQuestion } from "../schema/verify.ts";
import {
  delivery,
  issuedWebhook,
  listedWebhook,
  rotatedWebhook,
  webhook,
  webhookAmendment,
  webhookBody,
  webhookRotation,
} from "../schema/webhook.ts";

/** Shapes that have a name in the document: described once, referred to everywhere. */
export const NAMES: ReadonlyMap<z.core.$ZodType, string> = new Map<z.core.$ZodType, string>([
  [createBody, "NewKey"],
  [amendBody, "Amendment"],
  [rotateBody, "Rotation"],
  [creditBody, "Credit"],
  [issuedKey, "IssuedKey"],
  [rotatedKey, "RotatedKey"],
  [keyRecord, "KeyRecord"],
  [listedKey, "ListedKey"],
  [quota, "QuotaRule"],
  [rateLimit, "RateLimitRule"],
  [quotaReading, "Quota"],
  [rateLimitReading, "RateLimit"],
  [settleBody, "Settlement"],
  [settledReservation, "SettledReservation"],
  [event, "KeyEvent"],
  [eventOfKey, "EventOfKey"],
  [chainProof, "ChainProof"],
  [usage, "Usage"],
  [client, "KeyClient"],
  [alert, "Alert"],
  [acknowledgeBody, "Acknowledgement"],
  [boundary, "Boundary"],
  [boundaryReading, "BoundaryReading"],
  [suspicion, "Suspicion"],
  [suspicionRules, "SuspicionRules"],
  [listedOwner, "ListedOwner"],
  [ownerProgress, "OwnerProgress"],
  [webhookBody, "NewWebhook"],
  [webhookAmendment, "WebhookAmendment"],
  [webhookRotation, "WebhookRotation"],
  [issuedWebhook, "IssuedWebhook"],
  [rotatedWebhook, "RotatedWebhook"],
  [webhook, "Webhook"],
  [listedWebhook, "ListedWebhook"],
  [delivery, "Delivery"],
  [verifyQuestion, "VerifyQuestion"],
  [verifyAnswer, "VerifyAnswer"],
]);
