import { describe, expect, it } from "vitest";
import { endOfAnswer } from "../bench/answer.ts";
import { dollarsAwake, dollarsOf, dollarsPerMillion } from "../bench/cost.ts";
import { answerOf } from "../bench/peers/desk.ts";
import { replaceSection } from "../bench/section.ts";
import { median, quantile, ratioOf } from "../bench/statistics.ts";
import { barPlot, linePlot } from "../bench/svg.ts";

describe("what the bench tells", () => {
  it("takes the middle of an odd number of values, and the mean of the two middle ones of an even number", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 2, 4, 8])).toBe(6);
  });

  it("takes as a quantile a value that was seen, by the nearest rank", () => {
    const values = [30, 10, 20, 40];
    expect([0, 0.25, 0.5, 0.51, 0.99, 1].map((q) => quantile(values, q))).toEqual([10, 10, 20, 30, 40, 40]);
  });

  it("compares medians, and gives the spread of the ratios within a round", () => {
    expect(ratioOf([10, 20, 30], [10, 10, 10])).toEqual({ value: 2, least: 1, most: 3 });
  });

  it("sees where an answer ends, with a length before it is there, in chunks when it is", () => {
    const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    expect(endOfAnswer(`${whole}HTTP`)).toBe(whole.length);
    expect(endOfAnswer(whole.slice(0, -1))).toBe(whole.length);
    expect(endOfAnswer(whole.slice(0, -4))).toBe(-1);
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    expect(endOfAnswer(chunked)).toBe(chunked.length);
    expect(endOfAnswer(chunked.slice(0, -2))).toBe(-1);
  });

  it("has a peer answer as many bytes as Rekey does", () => {
    const answer = answerOf({ valid: true, keyId: "k", limit: 500, used: 1 }, 600);
    expect(answer).toHaveLength(600);
    expect(JSON.parse(answer)).toMatchObject({ valid: true, quota: { used: 1, remaining: 499 } });
  });
});

describe("what a million requests cost", () => {
  const NOTHING = { rpc: 0, rows: 0, rowsRead: 0, alarms: 0, alarmRuns: 0, d1: 0, d1RowsWritten: 0, d1RowsRead: 0 };

  it("is the Worker's price alone for what reaches no object", () => {
    expect(dollarsPerMillion({ ...NOTHING, requests: 1000, cpuMs: 0 })).toBe(0.3);
    expect(dollarsPerMillion({ ...NOTHING, requests: 1000, cpuMs: 1000 })).toBe(0.32);
  });

  it("adds a request and a row for each that an object admits alone, and counts an alarm as a row", () => {
    expect(dollarsPerMillion({ ...NOTHING, rpc: 1000, rows: 1000, requests: 1000, cpuMs: null })).toBeCloseTo(1.45, 10);
    expect(dollarsOf({ ...NOTHING, alarms: 1e6 })).toBe(1);
    expect(dollarsOf({ ...NOTHING, alarmRuns: 1e6 })).toBe(0.15);
  });

  it("takes an object that is awake as 128 MB", () => {
    expect(dollarsAwake(1e6)).toBeCloseTo(1.6, 10);
  });
});

describe("where the bench writes", () => {
  const document = "a\n<!-- begin peers: written by a run -->\nold\n<!-- end peers -->\nb\n";

  it("replaces its own section and nothing else", () => {
    const written = replaceSection(document, "peers", "new");
    expect(written).toBe("a\n<!-- begin peers: written by a run -->\n\nnew\n\n<!-- end peers -->\nb\n");
    expect(replaceSection(written, "peers", "new")).toBe(written);
  });

  it("adds nothing to a document without that section", () => {
    expect(() => replaceSection(document, "growth", "new")).toThrow("no section growth");
  });
});

describe("a plot", () => {
  it("draws a bar as long as its value, with its spread, and escapes what it is told", () => {
    const plot = barPlot("Speed", "/s", [
      { label: "a < b", value: 50, least: 40, most: 100 },
      { label: "c", value: 25, least: 25, most: 25 },
    ]);
    const [first, second] = [...plot.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map((match) => Number(match[1]));
    expect(first).toBe(2 * second!);
    expect(plot.match(/class="line"/g)).toHaveLength(1);
    expect(plot).toContain("a &lt; b");
    expect(plot).toContain("prefers-color-scheme: dark");
  });

  it("puts the points of a line in their order, the larger one higher", () => {
    const plot = linePlot("Growth", "keys", "ms", [
      {
        name: "p50",
        points: [
          [100, 1],
          [1000, 2],
          [10_000, 4],
        ],
      },
    ]);
    const dots = [...plot.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
    expect(dots).toHaveLength(3);
    expect(dots.map(([x]) => x)).toEqual(dots.map(([x]) => x).toSorted((a, b) => a - b));
    expect(dots.map(([, y]) => y)).toEqual(dots.map(([, y]) => y).toSorted((a, b) => b - a));
  });

  it("is drawn of nothing but zeros too", () => {
    const plot = barPlot("None", "s", [{ label: "a", value: 0, least: 0, most: 0 }]);
    expect(plot).not.toMatch(/NaN|Infinity/);
  });
});
