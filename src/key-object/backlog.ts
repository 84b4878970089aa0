import type { Page } from "./book.ts";

/**
 * How many events may wait for the ledger before what is only worth counting is not numbered any more. A change is never
 * held back: people make few of them, and each is worth its row. Refusals stay in the counts of their hours.
 */
export const BACKLOG_LIMIT = 10_000;

/** The sequence of the newest event that an object has made; 0 before the first. */
export const sequenceOf = ({ key, vacancy }: Page): number =>
  key?.standing.sequence ?? (vacancy?.kind === "purged" ? vacancy.sequence : 0);

/** How many events the ledger has not heard of yet; after a change of ledgers, how many it will be told again at most. */
export const backlogOf = (page: Page): number => sequenceOf(page) - page.delivered;
