import { randomBytes } from "node:crypto";
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

/** Of so many credentials one is sent over HTTP as well. */
const SENT_ONE_IN = 50;
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
  async run(size, seed, progress) {
    const counts = { credentials: 0, "over HTTP": 0 };
    const roll = dice(seed);
    const peppers = [{ id: "a", secret: randomBytes(32) }] as const;
    for (; counts.credentials < size; counts.credentials++) {
      const random = (bytes: Uint8Array) => bytes.map(() => roll.below(256));
      const real = mint(newKeyId(random), { prefix: "rk_live", pepper: peppers[0], random });
      const text = spoiled(real, roll);
      const reading = readCredential(new Headers(headersWith(text, roll)), ["authorization", "x-api-key"]);
      if (reading.ok && isTagged(reading.credential, peppers))
        return { counts, violations: [`${JSON.stringify(text)} passes for a credential made of ${real}`] };
      if (counts.credentials % 10_000 === 0) {
        progress(counts.credentials);
        await new Promise(setImmediate);
      }
    }

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
    const answers = await atATime(SENT_AT_A_TIME, texts, async (text) => send(rekey, text, roll));
    counts["over HTTP"] = texts.length;
    const after = await cost();
    const violations = answers.filter((fault) => fault !== null).slice(0, 10);
    for (const [what, count] of Object.entries(before)) {
      const now = after[what as keyof typeof after];
      if (now !== count) violations.push(`${what}: ${count} before, ${now} after`);
    }
    return { counts, violations };
  },
};

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
