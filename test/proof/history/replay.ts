import { createHash } from "node:crypto";
import type { State } from "../model/key.ts";
import { after, expected, isKnown, lineOf, mayBeRemembered, type History, type Operation } from "./operation.ts";

/**
 * Replays a history through the model in the order in which the key's object says that it decided. `null` if all of it
 * is explained, otherwise what is not.
 *
 * A passing replay exhibits a linearization, so taking the system's own numbers for it does not weaken the check: if
 * they are wrong, the replay fails. Three things are held:
 *   1. every answer that was heard is the model's, in this order, each call of unknown outcome being put in wherever it
 *      may have happened, or nowhere;
 *   2. real time agrees: when A returned before B was called, A's decision is not after B's;
 *   3. revisions grow with every change of the model's, and with nothing else.
 */
export function replay(history: History): string | null {
  const numbered = history.operations.filter((each) => isKnown(each) && each.decision !== null);
  const order = numbered.toSorted((a, b) => a.decision!.boot - b.decision!.boot || a.decision!.n - b.decision!.n);
  const unknown = history.operations.filter((each) => !isKnown(each));
  const states = explanation(history.first, order, unknown);
  if (typeof states === "string") return `${history.key}: ${states}`;
  const fault = againstTime(order, states) ?? unplaced(history, order, states);
  return fault === null ? null : `${history.key}: ${fault}`;
}

/** After so many different attempts a history counts as unexplained. One that is right takes a few hundred at most. */
const PATIENCE = 20_000;

/** The states between the operations, the first one included; or what cannot be explained. */
function explanation(
  first: State,
  order: readonly Operation[],
  unknown: readonly Operation[],
): readonly State[] | string {
  type Point = {
    readonly at: number;
    readonly state: State;
    readonly pending: readonly Operation[];
    readonly last: Revisions | null;
  };
  const states: State[] = [];
  const tried = new Set<string>();
  const choices: Point[] = [{ at: 0, state: first, pending: unknown, last: null }];
  let furthest = { at: -1, says: "" };

  // A history that is right is explained in a few attempts; one that is wrong might be tried for ever.
  while (choices.length > 0 && tried.size < PATIENCE) {
    let { at, state, pending, last } = choices.pop()!;
    let fault: string | null = null;
    for (; at < order.length; at++) {
      const operation = order[at]!;
      states[at] = state;
      // Later, if this does not lead to the end: one of the calls of unknown outcome happened just before.
      for (const each of distinct(pending.filter(({ calledAt }) => calledAt < operation.returnedAt))) {
        const happened = after(state, each)!;
        if (happened === state) continue;
        const rest = pending.filter((other) => other !== each);
        const name = digest(`${at} ${rest.map(kindOf).toSorted().join()} ${JSON.stringify([last, happened])}`);
        if (tried.has(name)) continue;
        tried.add(name);
        choices.push({ at, state: happened, pending: rest, last });
      }
      const next = after(state, operation);
      if (next === null) break;
      const revisions = revisionsAfter(operation, next);
      fault = last && revisions && misnumbered(last, revisions);
      if (fault !== null) break;
      state = next;
      last = revisions ?? last;
      // What was under way when the product was killed is done by now, or never.
      if (pending.some(({ life }) => life < operation.life)) {
        pending = pending.filter(({ life }) => life >= operation.life);
      }
    }
    if (at === order.length) {
      states[at] = state;
      return states;
    }
    if (at > furthest.at) {
      const says = JSON.stringify(expected(state, order[at]!));
      const where = JSON.stringify(state).slice(0, 1_000);
      furthest = { at, says: `${lineOf(order[at]!)}, ${fault ?? `the model ${says}`} in ${where}` };
    }
  }
  return furthest.says;
}

/** What was heard, and what the model says: they differ by what was noted down meanwhile, and only grow apart. */
type Revisions = { readonly heard: number; readonly told: number };

const revisionsAfter = ({ revision }: Operation, state: State): Revisions | null =>
  revision === null || state.is !== "key" ? null : { heard: revision, told: state.revision };

/** A revision that did not grow although the key had changed, or that grew although it had not; `null`: neither. */
function misnumbered(was: Revisions, is: Revisions): string | null {
  const changes = is.told - was.told;
  const steps = is.heard - was.heard;
  return steps < changes || (changes === 0 && steps !== 0) ? `${changes} changes, but ${steps} revisions` : null;
}

/** A short name for a long one: hundreds of thousands of them are kept. */
const digest = (text: string): string => createHash("md5").update(text).digest("base64");

/** Calls that are the same call, before the same kill, are the same choice. */
const distinct = (pending: readonly Operation[]): readonly Operation[] => [
  ...new Map(pending.map((each) => [kindOf(each), each])).values(),
];
const kindOf = ({ call, life }: Operation): string => `${life} ${JSON.stringify(call)}`;

/** Where each decision stands among the others. In a boot without a change any order is the same. */
function placesOf(order: readonly Operation[], states: readonly State[]): readonly number[] {
  const places: number[] = [];
  for (let from = 0; from < order.length;) {
    const { boot } = order[from]!.decision!;
    let to = from;
    while (to < order.length && order[to]!.decision!.boot === boot) to++;
    const isQuiet = states[from] === states[to];
    for (let at = from; at < to; at++) places.push(isQuiet ? from : at);
    from = to;
  }
  return places;
}

/** A decision that came after another's although its call had returned before the other was made. */
function againstTime(order: readonly Operation[], states: readonly State[]): string | null {
  const places = placesOf(order, states);
  let earliest: Operation | null = null;
  for (let at = order.length - 1, group = at; at >= 0; at = group) {
    while (group >= 0 && places[group] === places[at]) group--;
    const same = order.slice(group + 1, at + 1);
    const late = same.find(({ calledAt }) => earliest !== null && earliest.returnedAt < calledAt);
    if (late !== undefined) return `${lineOf(earliest!)} had returned before ${lineOf(late)} was called`;
    for (const each of same) if (earliest === null || each.returnedAt < earliest.returnedAt) earliest = each;
  }
  return null;
}

/**
 * An answer without a number, as a stranger gets: it must be right in some state that held while it was under way; one
 * that a Worker may remember, in that or in an earlier one.
 */
function unplaced({ operations }: History, order: readonly Operation[], states: readonly State[]): string | null {
  const anonymous = operations.filter((each) => isKnown(each) && each.decision === null);
  for (const each of anonymous) {
    const from = mayBeRemembered(each) ? 0 : order.findLastIndex(({ returnedAt }) => returnedAt < each.calledAt) + 1;
    const to = order.findIndex(({ calledAt }) => calledAt > each.returnedAt);
    const held = states.slice(from, (to === -1 ? order.length : to) + 1);
    if (!held.some((state) => after(state, each) === state)) return `no state explains ${lineOf(each)}`;
  }
  return null;
}
