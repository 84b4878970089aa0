import type { Answer, Call } from "../model/call.ts";
import type { State } from "../model/key.ts";
import type { Decision, History, Operation } from "./operation.ts";

/** What came back over HTTP; `null`: nothing, or 503. */
export type Heard = {
  readonly answer: Answer;
  readonly decision: Decision | null;
  /** Of the record that came along, if one did. */
  readonly revision: number | null;
} | null;

/**
 * Writes down who asked what and what they heard, with one clock for all: all clients live in one process, so the order
 * in which calls left and answers came is known exactly.
 */
export class Recorder {
  #tick = 0;
  #life = 0;
  readonly #keys = new Map<string, { readonly first: State; readonly operations: Operation[] }>();

  /** Begins the history of a key whose state is known. */
  open(key: string, first: State): void {
    this.#keys.set(key, { first, operations: [] });
  }

  /** The product was killed: what is under way now is done already, or never. */
  killed(): void {
    this.#life += 1;
  }

  async record(key: string, client: number, call: Call, send: () => Promise<Heard>): Promise<Heard> {
    const life = this.#life;
    const calledAt = (this.#tick += 1);
    const heard = await send();
    const returnedAt = heard === null ? Infinity : (this.#tick += 1);
    const operation = { client, call, calledAt, returnedAt, life };
    const { operations } = this.#keys.get(key)!;
    operations.push(
      heard === null ? { ...operation, answer: null, decision: null, revision: null } : { ...operation, ...heard },
    );
    return heard;
  }

  /** All histories, by key. */
  get histories(): readonly History[] {
    return [...this.#keys].map(([key, { first, operations }]) => ({
      key,
      first,
      operations: withNamedSecrets(operations),
    }));
  }

  get size(): number {
    return this.#tick;
  }
}

/**
 * A call that issues a secret did so under the name that was heard; where the answer was lost, under the name that a
 * repeat of the call heard; where nobody ever heard it, under a name that nobody can present. A use that is handed a
 * successor or a reservation has no repeat: what is not heard of it has no name.
 */
function withNamedSecrets(operations: readonly Operation[]): readonly Operation[] {
  const heardOf = new Map<string, string>();
  for (const { call, answer } of operations) {
    if (!("header" in call) || call.header === null || typeof answer?.["secret"] !== "string") continue;
    const intent = `${call.do} ${call.header}`;
    if (!heardOf.has(intent)) heardOf.set(intent, answer["secret"]);
  }
  return operations.map((operation, at) => {
    const { call, answer } = operation;
    if (call.do === "use" && answer !== null) return { ...operation, call: { ...call, ...namesIn(answer) } };
    if (call.do === "use" || !("mints" in call)) return operation;
    const repeated = call.header === null ? undefined : heardOf.get(`${call.do} ${call.header}`);
    const heard = typeof answer?.["secret"] === "string" ? answer["secret"] : undefined;
    return { ...operation, call: { ...call, mints: repeated ?? heard ?? `never heard, ${at}` } };
  });
}

const namesIn = ({ secret, reservation }: Answer): { readonly mints?: string; readonly opens?: string } => ({
  ...(typeof secret === "string" && { mints: secret }),
  ...(typeof reservation === "string" && { opens: reservation }),
});
