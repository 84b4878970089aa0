import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orAfter } from "../../src/or-after.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("waiting for somebody", () => {
  it("ends with the answer, or with its failure, and leaves no timer behind", async () => {
    expect(await orAfter(Promise.resolve("answer"), 100, "silence")).toBe("answer");
    await expect(orAfter(Promise.reject(new Error("no")), 100, "silence")).rejects.toThrow("no");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends after so many milliseconds, and hears nothing of what comes later", async () => {
    const late = Promise.withResolvers<string>();
    const waiting = vi.fn<(heard: string) => void>();
    void orAfter(late.promise, 100, "silence").then(waiting);
    await vi.advanceTimersByTimeAsync(99);
    expect(waiting).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    late.reject(new Error("too late"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(waiting.mock.calls).toEqual([["silence"]]);
  });
});
