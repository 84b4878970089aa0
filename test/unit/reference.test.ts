import { describe, expect, it } from "vitest";
import { html, Html, inline } from "../../src/control/reference/html.ts";
import { reference } from "../../src/control/reference/reference.ts";
import { CODES } from "../../src/http/codes.ts";
import { contract, described } from "../support/contract.ts";

describe("what is put into a page is text", () => {
  it.each([
    [`<script>alert("1")</script>`, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"],
    ["a & b", "a &amp; b"],
    [`' onload='x`, "&#39; onload=&#39;x"],
  ])("%s", (text, escaped) => {
    expect(html`<p title="${text}">${text}</p>`.text).toBe(`<p title="${escaped}">${escaped}</p>`);
    expect(html`${inline(`\`${text}\``)}`.text).toBe(`<code>${escaped}</code>`);
    expect(html`${[text, [text]]}`.text).toBe(escaped + escaped);
  });

  it("unless it is a page's own HTML, and nothing is written for what is absent", () => {
    expect(html`${html`<b>${"<"}</b>`}${null}${false}${0}`.text).toBe("<b>&lt;</b>0");
    expect(html`${new Html("<i>")}`.text).toBe("<i>");
  });
});

describe("the reference page", () => {
  const page = reference(contract).text;
  const targets = new Set([...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!));
  const links = [...page.matchAll(/ href="([^"]+)"/g)].map((match) => match[1]!);

  it.each(described.map(({ operation }) => [operation.operationId] as const))("has a section for %s", (operationId) => {
    expect(targets).toContain(operationId);
    expect(links).toContain(`#${operationId}`);
  });

  it.each(Object.keys(CODES))("leads to the page of %s", (code) => {
    expect(links).toContain(`/_rekey/problems/${code}`);
  });

  it("leads nowhere that it does not have, and out of the deployment never", () => {
    const missing = links.filter((link) => link.startsWith("#") && !targets.has(link.slice(1)));
    expect(missing).toEqual([]);
    expect(links.filter((link) => !link.startsWith("#") && !link.startsWith("/_rekey/"))).toEqual([]);
  });

  it("names a place once", () => {
    expect(page.match(/ id="[^"]+"/g)!.length).toBe(targets.size);
  });

  it("has neither script nor style nor anything that loads", () => {
    expect(page).not.toMatch(
      /<(?:script|style|link|img|iframe|object|embed|form|base|meta)\b|\son\w+=|\sstyle=|\ssrc=/i,
    );
  });

  it("has a command for every operation", () => {
    expect(page.match(/<code>curl/g)!.length).toBeGreaterThanOrEqual(described.length);
  });

  it("shows every field of a body with its bounds", () => {
    const section = page.slice(page.indexOf('id="rotateKey"'), page.indexOf('id="revokeKey"'));
    for (const text of [
      "expectedVersion",
      "graceSeconds",
      "0 to 2,592,000",
      "default <code>0</code>",
      "1 to 256 characters",
    ]) {
      expect(section).toContain(text);
    }
  });
});
