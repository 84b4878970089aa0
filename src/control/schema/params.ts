import * as z from "zod/mini";
import { keyId } from "./fields.ts";

/** The parameters of every path that names a key. */
export const keyParams = z.lazy(() => z.strictObject({ id: keyId }));

/** A query that knows no parameter. */
export const noParameters = z.lazy(() => z.strictObject({}));
