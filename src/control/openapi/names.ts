import type * as z from "zod/mini";
import { event } from "../schema/event.ts";
import { quota, rateLimit } from "../schema/policy.ts";
import { keyRecord, listedKey, quotaReading, rateLimitReading } from "../schema/record.ts";
import { verifyAnswer, verifyQuestion } from "../schema/verify.ts";

/** Shapes that have a name in the document: described once, referred to everywhere. */
export const NAMES: ReadonlyMap<z.core.$ZodType, string> = new Map<z.core.$ZodType, string>([
  [keyRecord, "KeyRecord"],
  [listedKey, "ListedKey"],
  [quota, "QuotaRule"],
  [rateLimit, "RateLimitRule"],
  [quotaReading, "Quota"],
  [rateLimitReading, "RateLimit"],
  [event, "Event"],
  [verifyQuestion, "VerifyQuestion"],
  [verifyAnswer, "VerifyAnswer"],
]);
