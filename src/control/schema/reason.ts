import * as z from "zod/mini";
import { reason } from "./fields.ts";

/** The body of every change that needs no more than a reason. */
export const reasonBody = z.lazy(() => z.strictObject({ reason }));
