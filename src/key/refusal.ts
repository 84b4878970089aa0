import type { EpochMs } from "./time.ts";

/**
 * Why a key's object refuses a request, with the evidence. What a caller is told of it is decided in `http/codes.ts`:
 * whoever does not prove possession of a secret hears only `invalid-key`.
 */
export type Refusal =
  | { readonly reason: "unknown-key" }
  | { readonly reason: "wrong-secret" }
  | { readonly reason: "key-rotated" }
  | { readonly reason: "key-revoked" }
  | { readonly reason: "key-suspended" }
  | { readonly reason: "owner-suspended" }
  | { readonly reason: "key-expired" }
  | { readonly reason: "rotation-required" }
  | { readonly reason: "insufficient-scope" }
  | { readonly reason: "ip-not-allowed" }
  | { readonly reason: "concurrency-exceeded" }
  /** The key counts its open exchanges, and the asker did not bring a slot for this one. Told to the Worker only. */
  | { readonly reason: "slot-required" }
  | { readonly reason: "rate-limited"; readonly limit: string; readonly retryAt: EpochMs }
  /** `retryAt` is `null` for a balance that never refills: waiting does not help. */
  | { readonly reason: "quota-exceeded"; readonly retryAt: EpochMs | null }
  /** The cost is more than the limit ever holds. */
  | { readonly reason: "cost-exceeds-limit"; readonly limit: string };

export type Reason = Refusal["reason"];
