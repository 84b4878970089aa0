import { TIMED, runShort } from "./shares.ts";

runShort(TIMED);
