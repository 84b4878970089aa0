import { CODE_OF_REASON, type Code } from "../http/codes.ts";
import { problem } from "../http/problem.ts";
import { sumOf, type Counts } from "../key/usage.ts";
import { DAY_MS, epochMs, type EpochMs, HOUR_MS, rfc3339 } from "../key/time.ts";
import { readUsage, type Usage, type UsagePage } from "../ledger/usage.ts";
import { json } from "./answer.ts";
import type { Surroundings } from "./operation.ts";
import { asOfLedger, cursorOf, toFill } from "./page.ts";
import { timeJson } from "./record-json.ts";
import type { UsageJson } from "./schema/usage.ts";

/** How far back is looked where nothing is said, in hours. */
const USUAL_SPAN = { hour: 24, day: 24 * 30 } as const;

/** How many hours or days a spreadsheet holds at most: of hours, more than a year. */
const MOST_ROWS = 10_000;

/** What a caller asks of usage. */
export type UsageQuestion = {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly by: "hour" | "day";
  readonly cursor?: EpochMs | undefined;
  readonly limit: number;
};

/** A page of usage, or all of it as CSV. `whose`: `null` where there is nothing of it for the one who asks. */
export async function usageAnswer(
  call: Pick<Surroundings, "env" | "request" | "requestId">,
  whose: Pick<UsagePage, "keyId" | "owner"> | null,
  { from, to, by, cursor, limit }: UsageQuestion,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const now = epochMs(Date.now());
  const until = to === undefined ? epochMs(now + 1) : epochMs(Date.parse(to));
  const since = cursor ?? epochMs(from === undefined ? startOf(until, by) : Date.parse(from));
  const wantsCsv = asksForCsv(call.request.headers.get("accept") ?? "");
  const most = wantsCsv ? MOST_ROWS : limit;
  const asked = { by, from: since, to: until, limit: toFill(most) };
  const found = whose === null ? [] : await readUsage(call.env.DB, { ...whose, ...asked });
  if (wantsCsv) return found.length > most ? tooMany(call, headers) : csv(call, found.map(usageJson), headers);
  const next = found[limit];
  const items = found.slice(0, limit).map(usageJson);
  const nextCursor = next === undefined ? null : cursorOf(String(next.start));
  return json(call, 200, { items, nextCursor, asOf: await asOfLedger(call.env.DB, now) }, headers);
}

/** Whether a table is asked for by name; `text/csv;q=0` says that it is not wanted (RFC 9110 section 12.5.1). */
const asksForCsv = (accept: string): boolean =>
  accept
    .split(",")
    .some((range) => /^\s*text\/csv\s*(?:;|$)/i.test(range) && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range));

/** A table that silently lacked its end would be taken for the whole: an invoice is made of it. */
function tooMany({ requestId }: Pick<Surroundings, "requestId">, headers: Readonly<Record<string, string>>): Response {
  const message = `begins too early: a table has at most ${MOST_ROWS} rows`;
  return problem("invalid-request", { requestId, headers, members: { errors: [{ path: "from", message }] } });
}

/** The place at which a page of usage goes on: the beginning of an hour or day. */
export const readStart = (text: string): EpochMs | null => (/^[0-9]{1,15}$/.test(text) ? epochMs(Number(text)) : null);

const startOf = (until: EpochMs, by: "hour" | "day"): number => {
  const step = by === "hour" ? HOUR_MS : DAY_MS;
  return Math.floor((until - USUAL_SPAN[by] * HOUR_MS) / step) * step;
};

const usageJson = ({ start, admitted, units, refused, routes, lastAdmittedAt }: Usage): UsageJson => ({
  start: rfc3339(start),
  admitted,
  units,
  refused: byCode(refused),
  routes: { ...routes },
  lastUsedAt: timeJson(lastAdmittedAt),
});

/** The core counts reasons, people read codes: a stranger's reasons are one code. */
function byCode(refused: Counts): Partial<Record<Code, number>> {
  let counts: Counts = {};
  for (const [reason, count] of Object.entries(refused)) {
    counts = sumOf(counts, { [CODE_OF_REASON[reason as keyof typeof CODE_OF_REASON] ?? reason]: count });
  }
  return counts;
}

/** RFC 4180: a header, and a row for each hour or day, with a column for each code that anything was refused with. */
function csv(
  { requestId }: Pick<Surroundings, "requestId">,
  rows: readonly UsageJson[],
  headers: Readonly<Record<string, string>>,
): Response {
  const codes = [...new Set(rows.flatMap(({ refused }) => Object.keys(refused)))].toSorted() as Code[];
  const lines = [
    ["start", "admitted", "units", ...codes, "lastUsedAt"],
    ...rows.map(({ start, admitted, units, refused, lastUsedAt }) => [
      start,
      admitted,
      units,
      ...codes.map((code) => refused[code] ?? 0),
      lastUsedAt ?? "",
    ]),
  ];
  return new Response(lines.map((line) => `${line.join(",")}\r\n`).join(""), {
    headers: {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": 'attachment; filename="usage.csv"',
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "rekey-request-id": requestId,
      ...headers,
    },
  });
}
