import type { Call } from "../model/call.ts";
import type { State } from "../model/key.ts";
import { after, isKnown, type History, type Operation } from "./operation.ts";

/**
 * Whether a history has an order that the model explains and that real time allows, found by search alone: the second
 * opinion, which does not look at the numbers of the object.
 *
 * Source: J. Wing and C. Gong, "Testing and verifying concurrent objects" (1993), with the memory of G. Lowe, "Testing
 * for linearizability" (2017): a set of calls put in order and the state they lead to is tried only once. Exponential at
 * worst: for histories of some 1,000 operations by some 16 clients, and given up after so many `steps`.
 */
export function search({ first, operations }: History, steps = 200_000): "yes" | "no" | "given up" {
  let patience = steps;
  const head = listOf(operations);
  let toExplain = operations.filter(isKnown).length;
  let state = first;
  let done = 0n;
  const tried = new Set<string>();
  const path: { readonly entry: Entry; readonly before: State }[] = [];

  for (let entry = head.next; toExplain > 0;) {
    if (entry === null) return "no";
    if ((patience -= 1) < 0) return "given up";
    const isReturn = entry.returns === null;
    const next: State | null = isReturn ? null : after(state, entry.operation);
    // What is unknown and would change nothing might as well not have happened.
    const isPointless = next === state && !isKnown(entry.operation);
    if (next !== null && !isPointless && isNew(done | entry.bit, next)) {
      path.push({ entry, before: state });
      state = next;
      done |= entry.bit;
      if (isKnown(entry.operation)) toExplain -= 1;
      takeOut(entry);
      entry = head.next;
    } else {
      // Behind a return lies what was called after it: nothing there may come first.
      entry = isReturn || entry.next === null ? backtrack() : entry.next;
    }
  }
  return "yes";

  function isNew(calls: bigint, led: State): boolean {
    // All calls before the first one in the list are done: what differs is behind it.
    const from = head.next!.index;
    const name = `${from} ${(calls >> BigInt(from)).toString(36)} ${nameOf(led)}`;
    return !tried.has(name) && tried.add(name) !== undefined;
  }

  /** Undoes the last choice; the entry to go on with, or `null` when no choice is left. */
  function backtrack(): Entry | null {
    for (let last = path.pop(); last !== undefined; last = path.pop()) {
      const changed = state !== last.before;
      state = last.before;
      done &= ~last.entry.bit;
      if (isKnown(last.entry.operation)) toExplain += 1;
      putBack(last.entry);
      // A use or a reading that fits here and changes nothing is right here if it is right anywhere: there is no other
      // choice to try. A suspension of what is suspended is not: somewhere else it may be what suspends.
      const isSettled = !changed && SAYS_ALL.has(last.entry.operation.call.do);
      if (!isSettled && last.entry.next !== null) return last.entry.next;
    }
    return null;
  }
}

/** Calls that, where they change something, say so by an answer which they give nowhere else. */
const SAYS_ALL: ReadonlySet<Call["do"]> = new Set(["use", "read", "read-self"]);

/** A call or a return, in a list in the order of real time. A return (`returns === null`) closes what is before it. */
type Entry = {
  readonly operation: Operation;
  readonly index: number;
  readonly bit: bigint;
  /** Of a call: its return; of a call that never returned: itself. Of a return: `null`. */
  returns: Entry | null;
  previous: Entry | null;
  next: Entry | null;
};

const names = new WeakMap<State, string>();
function nameOf(state: State): string {
  let name = names.get(state);
  if (name === undefined) names.set(state, (name = JSON.stringify(state)));
  return name;
}

function listOf(operations: readonly Operation[]): { next: Entry | null } {
  const events: { readonly at: number; readonly entry: Entry }[] = [];
  const called = operations.toSorted((a, b) => a.calledAt - b.calledAt);
  for (const [index, operation] of called.entries()) {
    const blank = { operation, index, bit: 1n << BigInt(index), previous: null, next: null };
    const call: Entry = { ...blank, returns: null };
    const returned: Entry = { ...blank, returns: null };
    call.returns = isKnown(operation) ? returned : call;
    events.push({ at: operation.calledAt, entry: call });
    if (isKnown(operation)) events.push({ at: operation.returnedAt, entry: returned });
  }
  const head = { next: null } as unknown as Entry;
  let last = head;
  for (const { entry } of events.toSorted((a, b) => a.at - b.at)) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

function takeOut(call: Entry): void {
  for (const entry of call.returns === call ? [call] : [call, call.returns!]) {
    entry.previous!.next = entry.next;
    if (entry.next !== null) entry.next.previous = entry.previous;
  }
}

function putBack(call: Entry): void {
  for (const entry of call.returns === call ? [call] : [call.returns!, call]) {
    entry.previous!.next = entry;
    if (entry.next !== null) entry.next.previous = entry;
  }
}
