import type { Answer, Call } from "../model/call.ts";
import { explains } from "../model/explains.ts";
import { step, type State } from "../model/key.ts";

/** One call on one key, as whoever made it saw it. */
export type Operation = {
  readonly client: number;
  readonly call: Call;
  /** Ticks of the recorder's clock: of two events of the history, the earlier one has the smaller number. */
  readonly calledAt: number;
  /** `Infinity` while nothing was heard. */
  readonly returnedAt: number;
  /** `null`: not known. It was lost, or 503; it may have happened or not. */
  readonly answer: Answer | null;
  /** The object's own number of the decision; `null` where it tells none. */
  readonly decision: Decision | null;
  /**
   * Of the record that came with the answer. No part of the answer that the model must give: what refusals leave in the
   * history of a key, by the minute, takes numbers as well, and the model knows no minutes.
   */
  readonly revision: number | null;
  /** How often the product had been killed when the call was made. What was not done by the next time never is. */
  readonly life: number;
};

export type Decision = { readonly boot: number; readonly n: number };

/** All that was seen of one key, from its first state on. */
export type History = { readonly key: string; readonly first: State; readonly operations: readonly Operation[] };

/**
 * Whether an answer may come from what a Worker remembers of a secret that is dead for good: it tells no decision. Such a
 * refusal is right if it was right before, because what makes it so is never undone.
 */
export const mayBeRemembered = ({ call, answer, decision }: Operation): boolean =>
  call.do === "use" && decision === null && (answer?.code === "key-rotated" || answer?.code === "key-revoked");

/** Histories know no time but their own order: policies in them have no ends and windows that come to pass meanwhile. */
const TIMELESS = 0;

/** The state after the operation, if what was heard is what must be heard in this state; `null` if it is not. */
export function after(state: State, { call, answer }: Operation): State | null {
  const told = step(state, call, TIMELESS);
  return answer === null || explains(told.answer, answer) ? told.state : null;
}

/** What the model would have said. */
export const expected = (state: State, { call }: Operation): Answer => step(state, call, TIMELESS).answer;

export const isKnown = ({ answer }: Operation): boolean => answer !== null;

/** One line about an operation, for people. */
export const lineOf = ({ client, call, answer, decision, calledAt, returnedAt }: Operation): string =>
  `client ${client} [${calledAt}, ${returnedAt}] ${decision === null ? "" : `${decision.boot}.${decision.n} `}` +
  `${JSON.stringify(call)} heard ${JSON.stringify(answer)}`;
