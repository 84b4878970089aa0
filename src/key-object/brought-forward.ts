import type { Head } from "../key/chain.ts";
import type { Circumstance } from "../key/change.ts";
import type { Fresh } from "../key/create.ts";
import type { KeyEvent } from "../key/event.ts";
import type { Key } from "../key/key.ts";
import { bury } from "../key/purge.ts";
import { knowsMore, recover, type LedgerView } from "../key/recover.ts";
import type { Page } from "./book.ts";

/** `behind`: the event behind which the next one goes on, where storage does not have it. */
type Forward = { readonly page: Page; readonly events: readonly KeyEvent[]; readonly behind: Head | null };

/** The state of a key whose storage was restored to an earlier time, as the ledger knows it. `null`: it was not. */
export function broughtForward(
  page: Page,
  view: LedgerView,
  mintFor: (key: Key) => Fresh,
  circumstance: Circumstance,
): Forward | null {
  const { key } = page;
  if (key === null) return null;
  const { newest } = view;
  if (view.status === "purged") {
    const sequence = Math.max(key.standing.sequence, newest.sequence);
    const grave = bury({ ...key, standing: { ...key.standing, sequence } }, circumstance);
    return { page: { ...page, key: null, vacancy: grave.vacancy }, events: [grave.event], behind: null };
  }
  if (!knowsMore(view, key)) return null;
  const { key: recovered, events } = recover(key, view, mintFor(key), circumstance);
  const behind = newest.sequence > key.standing.sequence ? newest : null;
  return { page: { ...page, key: recovered, delivered: behind?.sequence ?? page.delivered }, events, behind };
}
