import { FAULTS, runShort } from "./shares.ts";

runShort(FAULTS);
