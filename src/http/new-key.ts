/**
 * By which an admission hands out the key's next secret where there is no body of ours to say it in. Only to the holder
 * of the present one, in an answer that no cache keeps.
 */
export const NEW_KEY_HEADER = "rekey-new-key";
