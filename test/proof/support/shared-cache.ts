/** An answer as far as a cache looks at it. */
export type Cacheable = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
};

type Stored = {
  readonly varies: readonly (readonly [name: string, value: string | null])[];
  readonly answer: Cacheable;
};

/**
 * A cache that many share, in front of the gateway: keeps whatever RFC 9111 does not forbid it to keep, and answers from
 * it whenever the standard lets it, as if nothing ever grew stale. Greedier than any that exists.
 */
export class SharedCache {
  readonly #stored = new Map<string, Stored[]>();
  readonly #heedsVary: boolean;
  kept = 0;
  hits = 0;

  /** @param heedsVary not every cache in the world does. */
  constructor(heedsVary: boolean) {
    this.#heedsVary = heedsVary;
  }

  find(target: string, request: Headers): Cacheable | null {
    const found = this.#stored
      .get(target)
      ?.find(({ varies }) => varies.every(([name, value]) => request.get(name) === value));
    if (found === undefined) return null;
    this.hits += 1;
    return found.answer;
  }

  offer(target: string, request: Headers, answer: Cacheable): void {
    const names = this.#heedsVary ? listOf(answer.headers.get("vary")) : [];
    if (!mayKeep(request, answer) || names.includes("*")) return;
    const varies = names.map((name) => [name, request.get(name)] as const);
    this.#stored.set(target, [...(this.#stored.get(target) ?? []), { varies, answer }]);
    this.kept += 1;
  }
}

const TARGETED = [
  "cdn-cache-control",
  "cloudflare-cdn-cache-control",
  "surrogate-control",
  "edge-control",
  "x-accel-expires",
];

/** RFC 9111 section 3, and 3.5 for a request with Authorization; another header means nothing to a cache. */
function mayKeep(request: Headers, { status, headers }: Cacheable): boolean {
  const directives = listOf(headers.get("cache-control"));
  // A targeted field (RFC 9213) takes the place of Cache-Control for who knows it.
  const targeted = TARGETED.map((name) => headers.get(name));
  if (targeted.some((value) => value !== null && !forbids(listOf(value)))) return true;
  if (status !== 200 || forbids(directives)) return false;
  const isPermitted = directives.some((each) => /^(public|s-maxage|must-revalidate)\b/.test(each));
  return isPermitted || !request.has("authorization");
}

const forbids = (directives: readonly string[]): boolean =>
  directives.some((each) => /^(private|no-store)$/.test(each) || each.startsWith("private="));

const listOf = (value: string | null): readonly string[] =>
  (value ?? "")
    .toLowerCase()
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
