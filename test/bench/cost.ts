import type { Counts } from "./workers/counted.ts";

/**
 * What Cloudflare charges on the Workers Paid plan beyond what the plan includes, in US dollars, as its pricing pages
 * said in November 2026 (developers.cloudflare.com: workers, durable-objects and d1, each under platform/pricing).
 */
export const PRICES = {
  asOf: "November 2026",
  /** For each million. */
  workerRequests: 0.3,
  workerCpuMs: 0.02,
  objectRequests: 0.15,
  rowsRead: 0.001,
  rowsWritten: 1,
  d1RowsRead: 0.001,
  d1RowsWritten: 1,
  /** For each GB-second that an object is awake; an object counts as 128 MB. */
  objectGbSeconds: 12.5 / 1e6,
} as const;

const OBJECT_GB = 0.128;

/** What is paid for: how often, for so many requests. */
export type Use = Counts & {
  readonly requests: number;
  /** Worker and objects together, so more than the Worker's part, which is what is billed; `null` where unknown. */
  readonly cpuMs: number | null;
};

/** Dollars for a million requests of this kind, without what an object costs while it is awake. */
export function dollarsPerMillion(use: Use): number {
  const workers = PRICES.workerRequests + (use.cpuMs ?? 0) * (PRICES.workerCpuMs / use.requests);
  return workers + dollarsOf(use) / (use.requests / 1e6);
}

/** Dollars for what was done in objects and in D1. Setting an alarm is a row written; an alarm that rings is a request. */
export const dollarsOf = ({ rpc, alarmRuns, rows, alarms, rowsRead, d1RowsRead, d1RowsWritten }: Counts): number =>
  ((rpc + alarmRuns) * PRICES.objectRequests +
    (rows + alarms) * PRICES.rowsWritten +
    rowsRead * PRICES.rowsRead +
    d1RowsRead * PRICES.d1RowsRead +
    d1RowsWritten * PRICES.d1RowsWritten) /
  1e6;

/** Dollars for keeping one object awake for so long. */
export const dollarsAwake = (seconds: number): number => seconds * OBJECT_GB * PRICES.objectGbSeconds;
