import type { Digest } from "./digest.ts";

/** One request that wants in. What came later is optional: during a deploy an older Worker does not send it. */
export type Admission = {
  readonly presented: Digest;
  /** Units of quota; 0 needs rate room but no quota. */
  readonly cost: number;
  /** Hold the cost as a reservation, to be settled when it is known. */
  readonly reserve?: boolean;
  /** Scopes of which the key must cover every one. */
  readonly scopes: readonly string[];
  /** Scopes of which the key must cover at least one; empty: no such demand. */
  readonly anyScope: readonly string[];
  /** The client's address as the asker knows it; `null`: not known. */
  readonly ip: string | null;
  /** How many exchanges of this key are open beside this one; absent: the asker brings no slot for it. */
  readonly open?: number;
  /** Whether the asker is the gateway, where a key's exchanges can be counted. */
  readonly viaGateway?: boolean;
  /** How many changes the key may make in a minute, of which this is one; absent: this is none. */
  readonly changesPerMinute?: number;
  /** How many requests with the same secret were refused in the object's place since it was last asked about it. */
  readonly alsoRefused?: number;
  /** The only owner whose keys exist for the one who asks; absent: every owner's. */
  readonly onlyOwner?: string;
  /** Say which rule decided, and what each counter held. */
  readonly explain?: boolean;
  /** The request that is to be admitted, for the events that its admission may cause. */
  readonly requestId?: string;
  /** What was called, for people: nothing is decided by it. */
  readonly call?: Called;
  /** Only ask: nothing is taken, and the answer is information, not an admission. */
  readonly dryRun: boolean;
};

/** `null` where the asker does not know it. */
export type Called = {
  readonly method: string | null;
  readonly path: string | null;
  /** The asker's name for what is called, one of few: a pattern, not a path. */
  readonly route: string | null;
  /** Of the client's address, ISO 3166-1 alpha-2. */
  readonly country: string | null;
};
