import { isKeyId } from "../key/credential.ts";
import type { EventPlace } from "../ledger/events.ts";
import { cursorParameter } from "./page.ts";

/** Where a list goes on that is in the order of events: of all keys' events, and of the alerts among them. */
export const eventPlace = ({ at, keyId, sequence }: EventPlace): string => `${at}.${keyId}.${sequence}`;

export const eventCursorParameter = () =>
  cursorParameter((text): EventPlace | null => {
    const [at, keyId, sequence, ...rest] = text.split(".");
    if (at === undefined || keyId === undefined || sequence === undefined || rest.length > 0) return null;
    if (!/^[0-9]{1,15}$/.test(at) || !isKeyId(keyId) || !/^[1-9][0-9]{0,14}$/.test(sequence)) return null;
    return { at: Number(at), keyId, sequence: Number(sequence) };
  });
