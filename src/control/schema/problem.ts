import * as z from "zod/mini";
import { CODES, type Code } from "../../http/codes.ts";

/** One code of the closed list, as its page explains it. */
export const problemExplanation = z.lazy(() =>
  z.strictObject({
    code: z.enum(Object.keys(CODES) as Code[]),
    status: z.int(),
    title: z.string(),
    explanation: z.string(),
  }),
);

export type ProblemExplanation = z.output<typeof problemExplanation>;
