import * as z from "zod/mini";
import { rfc3339, type EpochMs } from "../key/time.ts";
import { behindSince } from "../ledger/late.ts";
import { timestamp, withDefault } from "./schema/fields.ts";

/** How many items a list answers at once. */
export const PAGE = { least: 1, most: 200, usual: 50 } as const;

/** A query parameter that is read into a value; `null` from `read` means it cannot be. */
export const parameter = <Value>(read: (text: string) => Value | null, message: string) =>
  z.pipe(
    z.string(),
    z.transform((text: string, context) => {
      const value = read(text);
      if (value !== null) return value;
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    }),
  );

export const booleanParameter = parameter(
  (text) => (text === "true" ? true : text === "false" ? false : null),
  "must be true or false",
).register(z.globalRegistry, { type: "boolean" });

export const limitParameter = withDefault(
  parameter((text) => {
    const limit = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
    return limit >= PAGE.least && limit <= PAGE.most ? limit : null;
  }, `must be a whole number from ${PAGE.least} to ${PAGE.most}`).register(z.globalRegistry, {
    type: "integer",
    minimum: PAGE.least,
    maximum: PAGE.most,
  }),
  PAGE.usual,
);

/** Where a list goes on, as an opaque text. `read` gets what `cursorOf` was given and judges it again: callers invent. */
export const cursorParameter = <Place>(read: (place: string) => Place | null) =>
  z.optional(
    parameter((text) => {
      const place = decode(text);
      return place === null ? null : read(place);
    }, "is not a cursor of this list"),
  );

export const cursorOf = (place: string): string => btoa(place).replaceAll("=", "");

function decode(cursor: string): string | null {
  try {
    return atob(cursor);
  } catch {
    return null;
  }
}

/** How many items are asked for to fill a page: one more than it holds tells whether there is a next page. */
export const toFill = (limit: number): number => limit + 1;

/**
 * A page out of the items that were asked for to fill it.
 * @param placeOf the place of an item as a text: behind the last one goes the next page on.
 */
export function pageIn<Item>(found: readonly Item[], limit: number, placeOf: (item: Item) => string) {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: found.length > limit && last !== undefined ? cursorOf(placeOf(last)) : null };
}

/** The shape of every list. */
export const pageOf = <Item extends z.ZodMiniType>(item: Item) =>
  z.lazy(() => z.strictObject({ items: z.array(item), nextCursor: z.nullable(z.string()), asOf: timestamp }));

/** Since when a list from the ledger may lack something: now, or while keys catch up after an outage, its beginning. */
export const asOfLedger = async (db: D1Database, now: EpochMs): Promise<string> =>
  rfc3339((await behindSince(db, now)) ?? now);

/** A list in which there is nothing for the one who asks. */
export const emptyPage = (now: EpochMs) => ({ items: [], nextCursor: null, asOf: rfc3339(now) });
