import { createServer } from "node:http";
import { dice, type Dice } from "../../support/dice.ts";
import { onLoopback, type OnLoopback } from "../../support/on-loopback.ts";
import { PATHS } from "../../support/path-corpus.ts";
import { deploy } from "../support/deployment.ts";
import { issue } from "../support/admin.ts";
import { ask } from "../support/http.ts";
import { SharedCache, type Cacheable } from "../support/shared-cache.ts";
import type { Campaign } from "./campaign.ts";

/** Under it the rule says `cacheable`: the origin's word to shared caches stands. Anywhere else it does not. */
const CACHEABLE = "/shared";
const ROUTES = [{ path: `${CACHEABLE}/*`, cacheable: true }];

/** What an origin says to caches: each line by itself, and several at once. */
const SAYINGS: readonly (readonly [name: string, value: string])[] = [
  ["cache-control", "public, max-age=600"],
  ["cache-control", "PUBLIC, S-MaxAge=600"],
  ["cache-control", "s-maxage=600, must-revalidate"],
  ["cache-control", "max-age=600"],
  ["cache-control", 'private="set-cookie", public'],
  ["cache-control", 'no-cache="x, private", public'],
  ["cache-control", 'public, "unclosed'],
  ["cache-control", ", ,public,,"],
  ["cache-control", "immutable, must-understand, stale-while-revalidate=60"],
  ["expires", "Fri, 01 Jan 2100 00:00:00 GMT"],
  ["pragma", "public"],
  ["age", "1"],
  ["etag", '"the same for all"'],
  ["last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"],
  ["cdn-cache-control", "public, max-age=600"],
  ["cloudflare-cdn-cache-control", "max-age=600"],
  ["surrogate-control", "max-age=600"],
  ["edge-control", "cache-maxage=600"],
  ["x-accel-expires", "600"],
  ["vary", "accept-encoding"],
  ["vary", "*"],
  ["set-cookie", "session=1"],
];

/** Whatever comes first behind the host, as clients can write it who build a URL from it. */
const PLAIN_PATHS = PATHS.filter((path) => /^[!-~]+$/.test(path) && !/[?#]/.test(path));

/** How a client asks: what a cache on the way may take as leave to answer by itself. */
const QUESTIONS: readonly Readonly<Record<string, string>>[] = [
  {},
  { "cache-control": "only-if-cached" },
  { "cache-control": "max-stale=100000" },
  { "if-none-match": '"the same for all"' },
  { "if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT" },
  { range: "bytes=0-10" },
];

/**
 * The holders of two keys, and somebody without any, ask for the same things through a cache that they share; the origin
 * says everything to caches that an origin may say, and answers everybody with their own name. Nobody ever gets what was
 * said to another: not from the cache, not from the gateway.
 */
export const C15: Campaign = {
  name: "C15",
  title: "answers that a shared cache would give to another",
  short: 300,
  full: 4_000,
  unit: "things asked for",
  async run(size, seed, progress) {
    await using origin = await startTalkativeOrigin();
    await using rekey = await deploy({ origin: origin.url, vars: { ROUTES: JSON.stringify(ROUTES) } });
    const holders = await Promise.all([issue(rekey), issue(rekey)]);
    const roll = dice(seed);
    // What a rule lets caches keep they keep apart by `Vary`. Of anything else nothing may depend on their heeding it.
    const [strict, careless] = [new SharedCache(true), new SharedCache(false)];
    const violations: string[] = [];
    const counts = { "things asked for": 0, requests: 0, "kept by the cache": 0, "answered by the cache": 0 };
    for (let at = 0; at < size && violations.length === 0; at++) {
      const sayings = Array.from({ length: 1 + roll.below(4) }, () => roll.pick(SAYINGS));
      const path = roll.onceIn(4) ? `${CACHEABLE}/${at}` : roll.pick(PLAIN_PATHS);
      const cache = path.startsWith(CACHEABLE) ? strict : careless;
      const target = `${path}?${new URLSearchParams({ at: String(at), say: JSON.stringify(sayings) }).toString()}`;
      for (const asker of shuffled(roll, [...holders, ...holders, null])) {
        const header = roll.pick(["authorization", "x-api-key"] as const);
        const headers = { ...roll.pick(QUESTIONS), ...credentialIn(header, asker?.key) };
        const given = new Headers(headers);
        const response = cache.find(target, given) ?? (await fetchThrough(rekey.url, target, headers));
        counts.requests += 1;
        cache.offer(target, given, response);
        const fault = faultOf(response, asker?.id ?? null, path.startsWith(CACHEABLE));
        if (fault !== null) violations.push(`${path} of an origin that says ${JSON.stringify(sayings)}: ${fault}`);
      }
      counts["things asked for"] += 1;
      counts["kept by the cache"] = strict.kept + careless.kept;
      counts["answered by the cache"] = strict.hits + careless.hits;
      progress(at + 1);
    }
    // The control: what a rule lets caches keep, this one keeps, and gives to the same holder again.
    if (violations.length === 0 && strict.hits === 0) violations.push("the cache never answered anybody");
    return { counts, violations };
  },
};

/** What is wrong about an answer to the holder of this key; `null`: nothing. */
function faultOf({ status, headers, body }: Cacheable, keyId: string | null, isCacheable: boolean): string | null {
  const control = headers.get("cache-control") ?? "";
  // A refusal: of who has no key, or of a path that cannot be read in one way only.
  if (status === 401 || status === 400) {
    if (status === 401 && keyId !== null) return "the holder of a key was answered 401";
    return control === "no-store" ? null : `a refusal says ${control}`;
  }
  if (status !== 200) return `answered ${status}`;
  if (body !== keyId) return `${keyId ?? "who has no key"} hears what was said to ${body}`;
  const vary = (headers.get("vary") ?? "").toLowerCase();
  if (vary !== "*" && !(vary.includes("authorization") && vary.includes("x-api-key"))) return `it varies by ${vary}`;
  return isCacheable || /^private\b/.test(control) ? null : `it says ${control}`;
}

const credentialIn = (header: "authorization" | "x-api-key", key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { [header]: header === "authorization" ? `Bearer ${key}` : key };

async function fetchThrough(door: string, target: string, headers: Record<string, string>): Promise<Cacheable> {
  const response = await ask(door + target, { method: "GET", headers });
  if (response === null) throw new Error(`nothing was heard of ${target}`);
  const lines = Object.entries(response.headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each) => [name, each]),
  );
  return { status: response.status, headers: new Headers(lines as [string, string][]), body: response.body };
}

/** Says to caches what the query asks it to, and to everybody the id of their own key. */
async function startTalkativeOrigin(): Promise<OnLoopback> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!.slice(request.url!.indexOf("?")), "http://origin");
    for (const [name, value] of JSON.parse(searchParams.get("say")!) as typeof SAYINGS)
      response.appendHeader(name, value);
    response.end(request.headers["rekey-key-id"]);
  });
  return onLoopback(server);
}

function shuffled<Item>(roll: Dice, items: readonly Item[]): readonly Item[] {
  const left = [...items];
  return items.map(() => left.splice(roll.below(left.length), 1)[0]!);
}
