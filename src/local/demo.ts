import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { controlClient, RekeyError, valueOf } from "../client/index.ts";
import { command, Stop } from "./command.ts";
import { readDevVar } from "./dev-vars.ts";
import { isHealthy, startLocal } from "./local-rekey.ts";
import { localSettings } from "./settings.ts";

const HELP = `
npm run demo

Tells the story of two keys over real HTTP and checks every sentence of it: 500 requests at once on a
quota of 50, a rotation, a revocation, a forgery. Uses the Rekey that \`npm start\` runs, or starts one
of its own and removes it afterwards. Exits with 1 if anything differs from what is promised.

  PORT                 where \`npm start\` listens (8787)
  URL                  tell it to another deployment; REKEY_ADMIN_TOKEN is then its admin token
`;

const QUOTA = 50;
const AT_ONCE = 500;

await command(HELP, [], async () => {
  const { url, token, stop } = await findOrStart();
  try {
    const broken = await tell(url, token);
    if (broken > 0) throw new Stop(`${broken} of the sentences above ${broken === 1 ? "does" : "do"} not hold.`);
    console.log("\nEvery sentence held.");
  } catch (cause) {
    throw cause instanceof RekeyError ? new Stop(`Rekey refused a call of the demo: ${cause.message}`) : cause;
  } finally {
    await stop();
  }
});

type Found = { readonly url: string; readonly token: string; readonly stop: () => Promise<void> };

async function findOrStart(): Promise<Found> {
  const named = process.env["URL"]?.replace(/\/+$/, "");
  const url = named ?? `http://127.0.0.1:${localSettings(process.env).port}`;
  if (await isHealthy(url)) {
    console.log(`Using the Rekey at ${url}.`);
    return { url, token: adminToken(), stop: async () => {} };
  }
  if (named !== undefined) throw new Stop(`No Rekey answers at ${named}.`);

  const stateDir = await mkdtemp(join(tmpdir(), "rekey-demo-"));
  const forget = () => rm(stateDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const rekey = await startLocal({ port: 0, stateDir, progress: console.log });
    console.log(`Started a Rekey at ${rekey.url} for this demo.`);
    const stop = () => rekey.stop().then(forget);
    // Interrupted: the story ends here, and so does what was started for it.
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => void stop().then(() => process.exit(1)));
    return { url: rekey.url, token: adminToken(), stop };
  } catch (cause) {
    await forget();
    throw cause;
  }
}

function adminToken(): string {
  const token = process.env["REKEY_ADMIN_TOKEN"] || readDevVar("REKEY_ADMIN_TOKEN");
  if (!token) throw new Stop("No admin token: set REKEY_ADMIN_TOKEN, or run `npm start` once to have one made.");
  return token;
}

/** Tells the story to the Rekey at `url`; returns how many sentences did not hold. */
async function tell(url: string, token: string): Promise<number> {
  let broken = 0;
  const expect = (sentence: string, seen: string, promised: string) => {
    const holds = seen === promised;
    if (!holds) broken += 1;
    console.log(`  ${holds ? "✓" : "✗"} ${sentence}: ${seen}${holds ? "" : `, but promised is ${promised}`}`);
  };

  /** One request through the gateway. "admitted", or status and code of the refusal. */
  const use = async (credential: string): Promise<string> => {
    const response = await fetch(`${url}/hello`, { headers: { authorization: `Bearer ${credential}` } });
    const text = await response.text();
    const refused = response.headers.get("content-type")?.startsWith("application/problem+json") === true;
    return refused ? `${response.status} ${(JSON.parse(text) as { code: string }).code}` : "admitted";
  };

  const rekey = controlClient({ url, token });

  console.log(`\n${AT_ONCE} requests at once on a quota of ${QUOTA}`);
  const metered = valueOf(await rekey.createKey({ name: "demo: a quota", quota: { limit: QUOTA, period: "none" } }));
  const began = performance.now();
  const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, () => use(metered.key)));
  const tookMs = Math.round(performance.now() - began);
  const counts = Map.groupBy(outcomes, (outcome) => outcome);
  console.log(`    ${metered.record.id} was used ${AT_ONCE} times in parallel, in ${tookMs} ms`);
  expect("admitted", String(counts.get("admitted")?.length ?? 0), String(QUOTA));
  expect(
    "refused with 429 quota-exceeded",
    String(counts.get("429 quota-exceeded")?.length ?? 0),
    String(AT_ONCE - QUOTA),
  );

  console.log("\nA rotation");
  const first = valueOf(await rekey.createKey({ name: "demo: a rotation" }));
  const { id } = first.record;
  expect("the key works", await use(first.key), "admitted");
  const rotated = valueOf(await rekey.rotateKey(id, { expectedVersion: first.record.version }));
  console.log(`    ${id} is rotated; it is now version ${rotated.record.version}`);
  expect("the very next request with the old key", await use(first.key), "401 key-rotated");
  expect("the very next request with the new key", await use(rotated.key), "admitted");
  const late = await Promise.all(Array.from({ length: 100 }, () => use(first.key)));
  expect("admitted of 100 more with the old key", String(late.filter((each) => each === "admitted").length), "0");

  console.log("\nA forgery");
  expect("the new key with one character changed", await use(forge(rotated.key)), "401 invalid-key");
  expect("and the genuine one", await use(rotated.key), "admitted");

  console.log("\nA revocation");
  valueOf(await rekey.revokeKey(id, { reason: "the demo is over" }));
  expect("the very next request with the key", await use(rotated.key), "401 key-revoked");
  valueOf(await rekey.revokeKey(metered.record.id, { reason: "the demo is over" }));
  return broken;
}

/** Changes one character in the middle of the secret, as somebody would who guesses. */
function forge(credential: string): string {
  const at = credential.length - 30;
  const other = credential[at] === "A" ? "B" : "A";
  return credential.slice(0, at) + other + credential.slice(at + 1);
}
