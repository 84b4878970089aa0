import type { Fault } from "./faults.ts";

/** The query of a URL as one object, and what cannot be one: a parameter that is given twice means two things. */
export function readQuery(url: string): {
  readonly query: Readonly<Record<string, string>>;
  readonly faults: readonly Fault[];
} {
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  const faults: Fault[] = [];
  const at = url.indexOf("?");
  if (at === -1) return { query, faults };
  for (const [name, value] of new URL(url).searchParams) {
    if (!(name in query)) query[name] = value;
    else if (!faults.some(({ path }) => path === name)) faults.push({ path: name, message: "is given more than once" });
  }
  return { query, faults };
}
