import type { Key } from "./key.ts";

const WEEK = 7 * 24 * 60 * 60_000;

type Secret = Pick<Key, "rules" | "installedAt" | "uses">;

/** When the current secret has had its time. */
export const dueByAge = ({ rules, installedAt }: Secret): number | null =>
  rules.rotation === null || rules.rotation.afterMs === null ? null : installedAt + rules.rotation.afterMs;

/** Whether it has had its uses or its time: the N-th admission is the last that it has. */
export const isDue = (key: Secret, now: number): boolean =>
  key.uses >= (key.rules.rotation?.afterUses ?? Infinity) || now >= (dueByAge(key) ?? Infinity);

/** A tenth of its time is left, but at most a week. */
export const isSoonByAge = (key: Secret, now: number): boolean => {
  const due = dueByAge(key);
  return due !== null && now >= due - Math.min(WEEK, Math.floor(key.rules.rotation!.afterMs! / 10));
};

/** Or a tenth of its uses, but at least one. */
export const isSoon = (key: Secret, now: number): boolean => {
  const uses = key.rules.rotation?.afterUses ?? Infinity;
  return isSoonByAge(key, now) || key.uses >= uses - Math.max(1, Math.floor(uses / 10));
};
