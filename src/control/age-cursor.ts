import { cursorParameter } from "./page.ts";

/** The place of an item in a list that is newest first: when it was made, and its id. */
type AgePlace<Id extends string> = { readonly createdAt: number; readonly id: Id };

export const agePlace = ({ createdAt, id }: AgePlace<string>): string => `${createdAt}.${id}`;

/** Where a list goes on that is newest first. `isId` says what the ids in it look like. */
export const ageCursorParameter = <Id extends string>(isId: (text: string) => text is Id) =>
  cursorParameter((place): AgePlace<Id> | null => {
    const [createdAt, id, ...rest] = place.split(".");
    if (createdAt === undefined || id === undefined || rest.length > 0) return null;
    return /^[0-9]{1,15}$/.test(createdAt) && isId(id) ? { createdAt: Number(createdAt), id } : null;
  });
