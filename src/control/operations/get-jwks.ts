import * as z from "zod/mini";
import type { AssertionKey } from "../../env.ts";
import { json } from "../answer.ts";
import { operation } from "../operation.ts";

const publicKey = z.lazy(() =>
  z.strictObject({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string(),
    kid: z.string(),
    use: z.literal("sig"),
    alg: z.literal("EdDSA"),
  }),
);

export const getJwks = operation({
  method: "GET",
  path: "/_rekey/jwks.json",
  operationId: "getJwks",
  summary:
    "With which keys `Rekey-Assertion` is checked. A JSON Web Key Set (RFC 7517): the key that signs, and those that signed before it or will sign next.",
  scope: null,
  everyHost: true,
  responses: { 200: { description: "The set.", schema: z.lazy(() => z.strictObject({ keys: z.array(publicKey) })) } },
  refusals: [],
  handle: (call) => json(call, 200, { keys: call.config.assertionKeys.map(publicHalf) }),
});

/** Named one by one: what is not named here, and the private part above all, is not published. */
const publicHalf = ({ kid, jwk: { kty, crv, x } }: AssertionKey): z.output<typeof publicKey> => ({
  kty,
  crv,
  x,
  kid,
  use: "sig",
  alg: "EdDSA",
});
