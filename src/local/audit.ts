import { controlClient, valueOf, type ChainProof, type ControlClient, type Result } from "../client/index.ts";
import { command, Stop } from "./command.ts";
import { readDevVar } from "./dev-vars.ts";
import { localSettings } from "./settings.ts";

const HELP = `
npm run audit -- <key id> | --all [--url <url>] [--token <token>]

Checks whether the ledger's copy of a key's history is what the key itself wrote, or that of every key
in the ledger, and names the first event that was altered, removed or inserted. Changes nothing.

  --all       every key that the ledger lists; one whose row was deleted is not among them
  --url       the deployment (http://127.0.0.1:8787, or the PORT of \`npm start\`)
  --token     the admin token, or a control key with rekey:audit:read (and rekey:keys:read for --all);
              better in the environment, as REKEY_ADMIN_TOKEN. Without either: that of .dev.vars.

Exits with 0 if every history is intact, with 1 if one is not, and with 2 if one could not be checked.
`;

/** The histories that are looked at together. Each asks one object, and the ledger once or more. */
const AT_ONCE = 4;

/** Exit codes. Broken outweighs unknown: it is the worse news. */
const BROKEN = 1;
const UNKNOWN = 2;

await command(
  HELP,
  ["all"],
  async ({ all = false }, words, { url, token }) => {
    if (all === words.length > 0 || words.length > 1) throw new Stop("Name one key, or all: --all.", UNKNOWN);
    const client = controlClient({ url: url ?? localUrl(), token: token ?? adminToken() });
    const ids = all ? idsOf(client) : words;
    const tally = { intact: 0, behind: 0, broken: 0, unknown: 0 };
    await forEach(ids, AT_ONCE, async (id) => {
      const result = await client.proveKeyEvents(id);
      // Purged since it was listed: nobody can say what its history should be.
      const isGone = all && !result.ok && result.problem.code === "not-found";
      if (!isGone) count(tally, id, result);
      if (process.stderr.isTTY) process.stderr.write(`\r${progressOf(tally)}`);
    });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    console.log(progressOf(tally));
    if (tally.broken > 0) throw new Stop("The ledger was changed behind the keys' backs.", BROKEN);
    if (tally.unknown > 0) throw new Stop("Not every history could be checked.", UNKNOWN);
  },
  { positionals: true, texts: ["url", "token"] },
);

type Tally = { intact: number; behind: number; broken: number; unknown: number };

/** Counts what a proof came to, and says what is worth a line. */
function count(tally: Tally, id: string, result: Result<ChainProof>): void {
  if (!result.ok) {
    tally.unknown += 1;
    return console.log(`? ${id}: not checked (${result.problem.code})`);
  }
  const { fault, anchor, head, verifiedThrough, onlyInLedger } = result.value;
  if (fault !== null) {
    tally.broken += 1;
    return console.log(`✗ ${id}: event ${fault.sequence} was ${fault.kind}. ${fault.message}`);
  }
  tally.intact += 1;
  const late = head.sequence - verifiedThrough;
  if (late > 0) tally.behind += 1;
  for (const { first, last } of onlyInLedger) {
    console.log(`! ${id}: events ${first} to ${last} are known from the ledger alone; the key had been restored`);
  }
  if (late > 0 || anchor.sequence > 0) {
    const from = anchor.sequence > 0 ? `, beginning behind event ${anchor.sequence}` : "";
    const way = late > 0 ? `; ${late} more on the way to the ledger` : "";
    console.log(`✓ ${id}: intact up to event ${verifiedThrough}${from}${way}`);
  }
}

function progressOf({ intact, behind, broken, unknown }: Tally): string {
  return `${intact} intact (${behind} with events on the way), ${broken} broken, ${unknown} not checked`;
}

async function* idsOf(client: ControlClient): AsyncGenerator<string> {
  for (let cursor: string | null = ""; cursor !== null;) {
    const result = await client.listKeys({ limit: 200, ...(cursor !== "" && { cursor }) });
    if (!result.ok) throw new Stop(`The keys could not be listed: ${result.problem.code}.`, UNKNOWN);
    const page = valueOf(result);
    for (const { id } of page.items) yield id;
    cursor = page.nextCursor;
  }
}

/** Does something with each item, so many at a time. */
async function forEach<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  atOnce: number,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const item of items) {
    const one: Promise<void> = act(item).finally(() => running.delete(one));
    running.add(one);
    if (running.size >= atOnce) await Promise.race(running);
  }
  await Promise.all(running);
}

function localUrl(): string {
  return `http://127.0.0.1:${localSettings(process.env).port}`;
}

function adminToken(): string {
  const token = process.env["REKEY_ADMIN_TOKEN"] || readDevVar("REKEY_ADMIN_TOKEN");
  if (!token) throw new Stop("No token: set REKEY_ADMIN_TOKEN, or use --token.", UNKNOWN);
  return token;
}
