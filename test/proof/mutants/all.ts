import type { Mutant } from "./mutant.ts";
import { IN_THE_AUTHORITY } from "./planted/authority.ts";
import { IN_THE_CORE } from "./planted/core.ts";
import { IN_THE_WORKER } from "./planted/edge.ts";
import { IN_THE_OBJECT } from "./planted/object.ts";
import { IN_THE_INTERLEAVING } from "./planted/interleaved.ts";
import { IN_THE_POLICY } from "./planted/policy.ts";
import { IN_THE_RESTORE } from "./planted/restored.ts";
import { ONCE_SURVIVED } from "./planted/survivors.ts";
import { IN_WHAT_IS_TOLD } from "./planted/told.ts";
import { IN_THE_USAGE } from "./planted/usage.ts";

export const MUTANTS: readonly Mutant[] = [
  ...IN_THE_CORE,
  ...IN_THE_POLICY,
  ...IN_THE_OBJECT,
  ...IN_THE_INTERLEAVING,
  ...IN_THE_RESTORE,
  ...IN_THE_USAGE,
  ...IN_WHAT_IS_TOLD,
  ...IN_THE_AUTHORITY,
  ...IN_THE_WORKER,
  ...ONCE_SURVIVED,
];
