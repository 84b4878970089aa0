import * as z from "zod/mini";
import { BOUNDS } from "../../key/policy.ts";
import { listOf } from "./fields.ts";
import { verifyAnswer, verifyQuestion } from "./verify.ts";

export const verifyQuestions = z.lazy(() =>
  z.strictObject({
    items: listOf(verifyQuestion, BOUNDS.batch),
  }),
);

/** One answer for each question, in their order. */
export const verifyAnswers = z.lazy(() => z.strictObject({ items: z.array(verifyAnswer) }));
