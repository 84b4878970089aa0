import { readCredential } from "../../../src/http/read-credential.ts";
import { isTagged, mint, newKeyId } from "../../../src/key/credential.ts";
import { dice, type Dice } from "../../support/dice.ts";
import { startNodeOrigin } from "../../support/node-origin.ts";
import type { Rekey } from "../../support/rekey.ts";
import { issue } from "../support/admin.ts";
import { atATime } from "../support/at-a-time.ts";
import { deploy } from "../support/deployment.ts";
import { spoiled } from "../support/forgery.ts";
import { ask, type Request } from "../support/http.ts";
import { woken } from "../support/woken.ts";
import type { Campaign } from "./campaign.ts";

/** Beside so many credentials that are looked at, one is sent over HTTP. */
const SENT_ONE_IN = 20;
const SENT_AT_A_TIME = 16;

/** Floods are for the shields to judge, in tests of their own. Here every bad credential is looked at. */
const NO_SHIELDS = { FAILURES: 1_000_000, ADMIN_FAILURES: 1_000_000 };

/**
 * Credentials that are nearly right: digits exchanged, checksums mended, tags guessed, texts cut, doubled and mixed with
 * what has no place in them. The Worker's own look at each refuses it, and over HTTP, at every door, none costs anything
 * behind the Worker: no object is made or woken, the ledger is asked nothing, the origin hears nothing, nothing is 5xx.
 *
 * Paths and bytes on the wire are tried by `test/edge/corpus.test.ts` and its neighbours.
 */
export const C8: Campaign = {
  name: "C8",
  title: "bad input: credentials that are nearly right",
  short: 50_000,
  full: 1_000_000,
  unit: "credentials",
  async compute(size, seed, progress) {
    const counts = { credentials: 0 };
    for (let at = 0; counts.credentials < size; at++) {
      const violation = lookAtSome(seed + at, Math.min(LOOKED_AT_TOGETHER, size - counts.credentials), counts);
      const again = { seed: seed + at, size: LOOKED_AT_TOGETHER };
      if (violation !== null) return { counts, violations: [violation], again };
      progress(counts.credentials);
      await new Promise(setImmediate);
    }
    return { counts, violations: [] };
  },
  async run(size, seed, progress) {
    const roll = dice(seed);
    const counts = { "over HTTP": 0 };
    await using origin = await startNodeOrigin();
    await using rekey = await deploy({ origin: origin.url, faultyLedger: true, shields: NO_SHIELDS });
    const { key } = await issue(rekey);
    const cost = async () => ({
      objects: (await rekey.objectIds()).length,
      woken: await woken(rekey),
      "questions to the ledger": await rekey.ledgerQuestions(),
      "requests to the origin": origin.seen.length,
    });
    const before = await cost();
    const texts = Array.from({ length: Math.ceil(size / SENT_ONE_IN) }, () => spoiled(key, roll));
    const answers = await atATime(SENT_AT_A_TIME, texts, async (text) => {
      progress((counts["over HTTP"] += 1));
      return send(rekey, text, roll);
    });
    const after = await cost();
    const violations = answers.filter((fault) => fault !== null).slice(0, 10);
    for (const [what, count] of Object.entries(before)) {
      const now = after[what as keyof typeof after];
      if (now !== count) violations.push(`${what}: ${count} before, ${now} after`);
    }
    return { counts, violations };
  },
};

/** Credentials made from one seed: so many must be looked at again to see one of them again. */
const LOOKED_AT_TOGETHER = 10_000;

/** Looks at `size` bad credentials as the Worker does, and at nothing else; answers what is wrong. */
function lookAtSome(seed: number, size: number, counts: { credentials: number }): string | null {
  const roll = dice(seed);
  const random = (bytes: Uint8Array) => bytes.map(() => roll.below(256));
  const peppers = [{ id: "a", secret: random(new Uint8Array(32)) }] as const;
  for (let left = size; left > 0; left--) {
    counts.credentials += 1;
    const real = mint(newKeyId(random), { prefix: "rk_live", pepper: peppers[0], random });
    const text = spoiled(real, roll);
    const reading = readCredential(new Headers(headersWith(text, roll)), ["authorization", "x-api-key"]);
    if (reading.ok && isTagged(reading.credential, peppers))
      return `${JSON.stringify(text)} passes for a credential made of ${real}`;
  }
  return null;
}

const headersWith = (text: string, roll: Dice): Record<string, string> =>
  roll.pick([{ authorization: `Bearer ${text}` }, { authorization: `bearer ${text}` }, { "x-api-key": text }]);

/** Where credentials are taken, and by which header or body. */
const DOORS: readonly ((text: string, roll: Dice, rekey: Rekey) => Request & { readonly path: string })[] = [
  (text, roll) => ({ method: roll.pick(["GET", "HEAD", "DELETE"]), path: "/orders", headers: headersWith(text, roll) }),
  (text, roll) => ({ method: "POST", path: "/orders", headers: headersWith(text, roll), body: { an: "order" } }),
  (text, roll) => ({ method: "GET", path: "/_rekey/v1/self", headers: headersWith(text, roll) }),
  (text, roll) => ({ method: "POST", path: "/_rekey/v1/self/rotate", headers: headersWith(text, roll) }),
  (text, roll) => ({ method: "GET", path: "/_rekey/v1/keys", headers: headersWith(text, roll) }),
  (text, roll) => ({ method: "POST", path: "/_rekey/v1/keys", headers: headersWith(text, roll), body: { name: "x" } }),
  (text, _roll, { adminToken }) => ({
    method: "POST",
    path: "/_rekey/v1/verify",
    headers: { authorization: `Bearer ${adminToken}` },
    body: { key: text },
  }),
];

/** What is wrong about the answer; `null`: it was refused. */
async function send(rekey: Rekey, text: string, roll: Dice): Promise<string | null> {
  const { path, ...request } = roll.pick(DOORS)(text, roll, rekey);
  const response = await ask(rekey.url + path, request);
  const isRefusal = response !== null && response.status >= 400 && response.status < 500;
  const isBadVerdict = response?.status === 200 && response.body.includes('"code":"invalid-key"');
  if (isRefusal || isBadVerdict) return null;
  return `${request.method} ${path} with ${JSON.stringify(text)} was answered ${response?.status ?? "nothing"} ${response?.body ?? ""}`;
}
