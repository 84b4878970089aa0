import { C1 } from "./c1-linearizability.ts";
import { C2 } from "./c2-quotas.ts";
import { C3 } from "./c3-kill.ts";
import { C4 } from "./c4-abort.ts";
import { C5 } from "./c5-core.ts";
import { C6 } from "./c6-interleavings.ts";
import { C7 } from "./c7-lost-answers.ts";
import { C8 } from "./c8-bad-input.ts";
import { C9 } from "./c9-timing.ts";
import { C10 } from "./c10-outages.ts";
import { C11 } from "./c11-restore.ts";
import { C12 } from "./c12-time.ts";
import { C13 } from "./c13-noisy-neighbour.ts";
import { C14 } from "./c14-long-lived.ts";
import { C15 } from "./c15-cache-isolation.ts";
import type { Campaign } from "./campaign.ts";

export const CAMPAIGNS: readonly Campaign[] = [C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15];

/** Those that need no Worker, and run with the tests of the core. */
export const PURE: readonly Campaign[] = CAMPAIGNS.filter(({ run }) => run === undefined);
