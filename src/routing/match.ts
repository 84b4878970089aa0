import { FOLDED, foldPattern, foldSegments, withoutExtension } from "./fold.ts";
import { fits, patternOf, type Pattern } from "./pattern.ts";
import { isStandardMethod, type RouteRule, type RouteTable } from "./rule.ts";
import { stricter } from "./stricter.ts";

/**
 * The rule that decides about a method on a canonical path.
 *
 * The first rule that fits the path as it is, and the first one that fits it as frameworks fold it (`fold.ts`): if those
 * are two, what is stricter of both holds, so that no spelling of a path is a way around its rule. `HEAD` is served by
 * what serves `GET`, and is judged like it.
 *
 * @returns `null`: no rule lets this method through.
 */
export function ruleFor(table: RouteTable, method: string, path: string): RouteRule | null {
  const compiled = compiledOf(table);
  const segments = path.split("/");
  const exact = compiled.first(method, ({ pattern }) => fits(pattern, segments)) ?? table.unnamed;
  if (exact === table.unnamed && !isStandardMethod(method)) return null;
  if (!table.folds || (compiled.isFolded && FOLDED.test(path))) return exact;

  const folded = foldSegments(segments);
  const met = compiled.first(method, ({ rule, folded: pattern }) => !rule.exact && fits(pattern, folded));
  const both = compiled.stricter(exact, met);
  // A rule that spells the extension out tells it apart from others.
  const isSpelledOut = met !== null && lastOf(compiled.patternOf(met)) === folded.at(-1);
  if (isSpelledOut) return both;
  const bare = withoutExtension(folded);
  const meant = compiled.first(method, ({ rule, bare: pattern }) => !rule.exact && fits(pattern, bare));
  return compiled.stricter(both, meant);
}

/** What is stricter of two rules of a table. */
export const combined = (table: RouteTable, one: RouteRule, other: RouteRule): RouteRule =>
  compiledOf(table).stricter(one, other);

/** Methods that some rule lets through on some path. */
export const forwardedMethods = (table: RouteTable, standard: readonly string[]): readonly string[] => [
  ...new Set([...standard, ...table.rules.flatMap(({ methods }) => methods ?? [])]),
];

type Entry = {
  readonly rule: RouteRule;
  readonly pattern: Pattern;
  readonly folded: Pattern;
  /** Folded, and without the extension of a literal last segment. */
  readonly bare: Pattern;
};

const lastOf = ({ segments, open }: Pattern): string | null => (open ? null : (segments.at(-1) ?? null));

/** How many combinations of rules are kept; more than any table meets in earnest. */
const MOST_COMBINED = 1_024;

/** A table taken apart once: every request goes through its rules. */
class Compiled {
  readonly isFolded: boolean;
  readonly #entries: readonly Entry[];
  readonly #byRule: ReadonlyMap<RouteRule, Entry>;
  readonly #combined = new Map<RouteRule, Map<RouteRule, RouteRule>>();
  #size = 0;

  constructor({ rules }: RouteTable) {
    this.#entries = rules.map((rule) => {
      const pattern = patternOf(rule.path);
      const folded = foldPattern(pattern);
      const bare = folded.open ? folded : { segments: withoutExtension(folded.segments), open: false };
      return { rule, pattern, folded, bare };
    });
    this.#byRule = new Map(this.#entries.map((entry) => [entry.rule, entry]));
    this.isFolded = this.#entries.every(
      ({ rule, pattern, bare }) => rule.exact || pattern.segments.join("/") === bare.segments.join("/"),
    );
  }

  first(method: string, isMet: (entry: Entry) => boolean): RouteRule | null {
    return this.#entries.find((entry) => methodFits(entry.rule, method) && isMet(entry))?.rule ?? null;
  }

  patternOf(rule: RouteRule): Pattern {
    return this.#byRule.get(rule)!.folded;
  }

  /** The same combination is the same rule, so that whatever else is remembered of a rule is found again. */
  stricter(one: RouteRule, other: RouteRule | null): RouteRule {
    if (other === null || other === one) return one;
    let known = this.#combined.get(one);
    if (known === undefined) this.#combined.set(one, (known = new Map()));
    let rule = known.get(other);
    if (rule === undefined) {
      rule = stricter(one, other);
      if (this.#size < MOST_COMBINED) known.set(other, rule);
      this.#size += 1;
    }
    return rule;
  }
}

export function methodFits({ methods }: RouteRule, method: string): boolean {
  if (methods === null) return isStandardMethod(method);
  return methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
}

const compiledTables = new WeakMap<RouteTable, Compiled>();

function compiledOf(table: RouteTable): Compiled {
  let compiled = compiledTables.get(table);
  if (compiled === undefined) compiledTables.set(table, (compiled = new Compiled(table)));
  return compiled;
}
