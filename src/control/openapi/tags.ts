import type { Tag } from "./types.ts";

/** The chapters of the document, in the order in which they are read. */
export const TAGS = [
  { name: "Keys", description: "Issue keys, read them, change them, end them." },
  { name: "Verdicts", description: "Ask whether a key is to be let in now." },
  { name: "Self-service", description: "What the holder of a key may do with the key itself." },
  { name: "Owners", description: "Decide for every key of an owner at once." },
  { name: "History", description: "What happened, when, by whom, from where, and how much was used." },
  { name: "Webhooks", description: "Be told of what happens, by signed messages." },
  { name: "This deployment", description: "Whether it works, and what it says of itself." },
] as const satisfies readonly Tag[];

type Chapter = (typeof TAGS)[number]["name"];

/** The first that fits. */
const CHAPTERS: readonly (readonly [RegExp, Chapter])[] = [
  [/^\/_rekey\/v1\/webhooks\b/, "Webhooks"],
  [/\/(?:events|usage|clients|alerts)\b/, "History"],
  [/^\/_rekey\/v1\/keys\b/, "Keys"],
  [/^\/_rekey\/v1\/verify\b/, "Verdicts"],
  [/^\/_rekey\/v1\/self\b/, "Self-service"],
  [/^\/_rekey\/v1\/owners\b/, "Owners"],
  [/^\/_rekey\//, "This deployment"],
];

export const chapterOf = (path: string): Chapter => CHAPTERS.find(([fits]) => fits.test(path))![1];
