import { SimulatedLedger } from "../simulation/ledger.ts";
import { loadKeyObject } from "../simulation/platform.ts";
import { play, type Counts } from "../simulation/schedule.ts";
import type { Campaign } from "./campaign.ts";

/**
 * The object of a key as it is deployed, in a simulated world: several instances of it over one storage that only the
 * newest can write, while the older ones go on; messages that are late, lost, told twice and in another order; clocks that
 * differ and step back; writes that fail; and a ledger at the end of a bad line. One machine has no such platform.
 */
export const C6: Campaign = {
  name: "C6",
  title: "interleavings: superseded instances, lost messages, drifting clocks, a bad line to the ledger",
  short: 600,
  full: 200_000,
  unit: "schedules",
  async compute(size, seed, progress) {
    const counts: Counts = {};
    const KeyObject = await loadKeyObject();
    const ledger = new SimulatedLedger();
    for (let at = 0; at < size; at++) {
      const violation = await play(KeyObject, ledger, seed + at, counts);
      if (violation !== null) return { counts, violations: [violation], again: { seed: seed + at, size: 1 } };
      if (at % 200 === 0) progress(at);
    }
    return { counts: { ...counts, deliveries: ledger.deliveries }, violations: [] };
  },
};
