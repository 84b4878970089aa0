import { parseCredential } from "../../src/key/credential.ts";

/** What each run has its own of. Instants and decisions only have to be such; the others stay the same all along. */
const KINDS: readonly { readonly same: boolean; readonly fits: (text: string) => boolean }[] = [
  { same: true, fits: (text) => /^key_[0-9A-Za-z]{16}$/.test(text) },
  { same: true, fits: (text) => /^res_[0-9A-Za-z]{16}_[0-9A-Za-z]{16}$/.test(text) },
  { same: true, fits: (text) => /^wh_[0-9A-Za-z]{16}$/.test(text) },
  { same: true, fits: (text) => /^evt_test_[0-9A-Za-z]{16}$/.test(text) },
  { same: true, fits: (text) => /^whsec_[0-9A-Za-z+/]{43}=$/.test(text) },
  { same: true, fits: (text) => /^alert_[0-9A-Za-z]{16}_[1-9][0-9]*$/.test(text) },
  { same: true, fits: (text) => parseCredential(text) !== null },
  { same: true, fits: (text) => /^…[0-9A-Za-z]{4}$/.test(text) },
  { same: false, fits: (text) => /^req_[0-9a-f]{32}$/.test(text) },
  { same: false, fits: (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) },
  // The hash of an event.
  { same: false, fits: (text) => /^[A-Za-z0-9_-]{43}$/.test(text) },
  { same: false, fits: (text) => /^\d+\.\d+$/.test(text) },
];

export type StandIns = {
  /** The live value in the words of the example: where both have one of a kind, the example's. */
  readonly retold: (live: unknown, example: unknown) => unknown;
  /** A request of the example, with what this run has in place of what stands for it. */
  readonly real: <Request>(example: Request) => Request;
};

/** Learns, answer by answer, what stands for what. */
export function standIns(): StandIns {
  const realOf = new Map<string, string>();

  const retold = (live: unknown, example: unknown): unknown => {
    if (typeof live === "string" && typeof example === "string") return retoldText(live, example);
    if (Array.isArray(live) && Array.isArray(example)) return live.map((item, index) => retold(item, example[index]));
    if (!isRecord(live) || !isRecord(example)) return live;
    return Object.fromEntries(Object.entries(live).map(([name, value]) => [name, retold(value, example[name])]));
  };

  const retoldText = (live: string, example: string): string => {
    const kind = KINDS.find(({ fits }) => fits(live) && fits(example));
    if (kind === undefined) return live;
    if (!kind.same) return example;
    const known = realOf.get(example);
    if (known === undefined) realOf.set(example, live);
    return known === undefined || known === live ? example : live;
  };

  const real = <Request>(example: Request): Request => {
    let text = JSON.stringify(example);
    for (const [standIn, live] of realOf) text = text.replaceAll(standIn, live);
    return JSON.parse(text) as Request;
  };

  return { retold, real };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
