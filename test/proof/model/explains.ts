import { isDeepStrictEqual } from "node:util";
import type { Answer } from "./call.ts";

/** Whether the model says what was heard: every fact of it. Not everything that the model knows is told to everybody. */
export const explains = (told: Answer, heard: Answer): boolean =>
  Object.entries(heard).every(([fact, value]) => isDeepStrictEqual(value, told[fact]));
