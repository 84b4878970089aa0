import type { Result } from "./result.ts";
import { sender, type CallOptions, type ClientOptions, type RepeatableOptions } from "./send.ts";
import type { KeyRecord, Reason, RotatedKey } from "./types.ts";

export type SelfClient = ReturnType<typeof selfClient>;

/**
 * What the holder of a key may do with the key itself.
 *
 * A client speaks for one secret. After `rotateSelf` make another with the new one: this one's is dead.
 */
export function selfClient({ key, ...options }: ClientOptions & { readonly key: string }) {
  const send = sender(options, key);
  return {
    /** The key's own record. Spends nothing. */
    readSelf: (how?: CallOptions): Promise<Result<KeyRecord>> =>
      send({ method: "GET", path: "/self", repeat: "freely", ...how }),

    /** Replaces the secret that this client holds. Of two holders of the same secret one wins. */
    rotateSelf: (why: Reason = {}, how?: RepeatableOptions): Promise<Result<RotatedKey>> =>
      send({ method: "POST", path: "/self/rotate", body: why, repeat: "by-key", ...how }),

    /** Ends the key for good: for whoever finds that it leaked. */
    revokeSelf: (why: Reason = {}, how?: CallOptions): Promise<Result<KeyRecord>> =>
      send({ method: "POST", path: "/self/revoke", body: why, repeat: "freely", ...how }),
  };
}
