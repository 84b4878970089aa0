import type { Rekey } from "../../support/rekey.ts";
import { ask } from "./http.ts";

/** How many objects of keys have been woken since the start, of a product with a faulty ledger. */
export async function woken({ url }: Rekey): Promise<number> {
  const response = await ask(`${url}/_abort-point`, { method: "POST", headers: {}, body: { key: "" } });
  return (JSON.parse(response!.body) as { woken: number }).woken;
}
