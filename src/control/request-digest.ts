import { digestOf, type Digest } from "../key/digest.ts";

/**
 * What a call asks for, as one digest: a repeat of it has the same, whatever order the members of its body are in.
 * Of the body as it was sent: what a default stands for may change from one release to the next.
 */
export const requestDigest = (method: string, path: string, body: unknown): Digest =>
  digestOf(`${method} ${path}\n${canonicalJson(body)}`);

/** JSON with the members of every object in one order. For bodies that were judged: their depth is bounded. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(",")}}`;
}
