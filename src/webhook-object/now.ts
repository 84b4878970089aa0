import { epochMs, type EpochMs } from "../key/time.ts";

/** The machine's clock. It may step back: all that hangs on it is when something is tried. */
export const now = (): EpochMs => epochMs(Date.now());
