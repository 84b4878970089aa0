import { TRAFFIC, runShort } from "./shares.ts";

runShort(TRAFFIC);
