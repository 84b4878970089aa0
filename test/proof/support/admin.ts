import type { Rekey } from "../../support/rekey.ts";
import { ask } from "./http.ts";

/** A key as its holder has it. */
export type Issued = { readonly id: string; readonly key: string };

/** A call of the control API that must succeed. */
export async function control(rekey: Rekey, path: string, body: object = {}): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${rekey.adminToken}` };
  const response = await ask(`${rekey.url}/_rekey/v1${path}`, { method: "POST", headers, body });
  if (response === null || response.status >= 300) throw new Error(`${path}: ${response?.status} ${response?.body}`);
  return JSON.parse(response.body) as Record<string, unknown>;
}

/** Issues a key; a campaign names what matters to it. */
export async function issue(rekey: Rekey, body: object = {}): Promise<Issued> {
  const { key, record } = await control(rekey, "/keys", { name: "a key", ...body });
  return { id: (record as { id: string }).id, key: key as string };
}
