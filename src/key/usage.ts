import { epochMs, type EpochMs, HOUR_MS } from "./time.ts";

/** Routes that are told apart within an hour; what comes after them is counted together. */
const MAX_ROUTES = 16;
export const OTHER_ROUTES = "(other)";

/** So often something happened, by its name. */
export type Counts = Readonly<Record<string, number>>;

/**
 * What one key was used for in one hour of UTC. It is part of the counters, and so is exact as they are: over all hours
 * `admitted` and `units` add up to the key's own counters, whatever crashed in between.
 */
export type HourUse = {
  readonly start: EpochMs;
  /** Grows with whatever is counted: of two readings of an hour the one with more changes is the newer one. */
  readonly changes: number;
  readonly admitted: number;
  /** Units charged, less those given back. Below 0 where more was given back than charged in this hour. */
  readonly units: number;
  /** Refusals by reason. They are counted a few seconds late, and the last ones may be lost to a crash. */
  readonly refused: Counts;
  /** Admissions by route, at most so many. */
  readonly routes: Counts;
  readonly lastAdmittedAt: EpochMs | null;
};

export const hourOf = (at: EpochMs): EpochMs => epochMs(Math.floor(at / HOUR_MS) * HOUR_MS);

/** The hour of an instant, as far as it is counted: the current one, or a new one that has counted nothing. */
const hourAt = (hour: HourUse | null, now: EpochMs): HourUse =>
  // An hour that began later stands: the clock of a key never goes back.
  hour !== null && hour.start >= hourOf(now)
    ? hour
    : { start: hourOf(now), changes: 0, admitted: 0, units: 0, refused: {}, routes: {}, lastAdmittedAt: null };

/** The hour after one more admission. `route` is the asker's name for what is asked for; `null`: it has none. */
export function countAdmission(hour: HourUse | null, units: number, route: string | null, now: EpochMs): HourUse {
  const counted = hourAt(hour, now);
  return {
    ...counted,
    changes: counted.changes + 1,
    admitted: counted.admitted + 1,
    units: counted.units + units,
    routes: route === null ? counted.routes : withRoute(counted.routes, route),
    lastAdmittedAt: now,
  };
}

/** The hour after units were charged or, below 0, given back without an admission: a reservation was settled. */
export function countUnits(hour: HourUse | null, units: number, now: EpochMs): HourUse | null {
  if (units === 0) return hour;
  const counted = hourAt(hour, now);
  return { ...counted, changes: counted.changes + 1, units: counted.units + units };
}

/** The hour after so many refusals for each reason. */
export function countRefusals(hour: HourUse | null, refused: Counts, now: EpochMs): HourUse {
  const counted = hourAt(hour, now);
  return { ...counted, changes: counted.changes + 1, refused: sumOf(counted.refused, refused) };
}

export function sumOf(a: Counts, b: Counts): Counts {
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function withRoute(routes: Counts, route: string): Counts {
  const known = routes[route];
  if (known !== undefined) return { ...routes, [route]: known + 1 };
  const name = Object.keys(routes).length < MAX_ROUTES ? route : OTHER_ROUTES;
  return { ...routes, [name]: (routes[name] ?? 0) + 1 };
}
