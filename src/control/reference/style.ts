/** The one style of every page. Follows the reader's light or dark, and fits a telephone. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fff, #14171a);
  --tint: light-dark(#f5f7f6, #1b1f23);
  --line: light-dark(#dfe5e2, #2e343a);
  --ink: light-dark(#1c2421, #dde3e0);
  --faint: light-dark(#5b6863, #94a09b);
  --accent: light-dark(#0b6e4f, #4fc79b);
  --warm: light-dark(#8a5300, #e0a95c);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 3px; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h1, h2, h3, h4 { line-height: 1.25; margin: 0; }
h1 { font-size: 2rem; letter-spacing: -0.02em; }
h2 { font-size: 1.4rem; letter-spacing: -0.01em; }
h3 { font-size: 1.1rem; }
h4 { font-size: 0.8rem; color: var(--faint); margin: 1.4rem 0 0.4rem; font-weight: 600; }
p { margin: 0.6rem 0; max-width: 44rem; }
code, pre { font-family: var(--mono); font-size: 0.86em; }
code { background: var(--tint); border-radius: 4px; padding: 0.1em 0.3em; overflow-wrap: anywhere; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1rem; overflow: auto;
  max-height: 32rem; margin: 0; line-height: 1.5; }
pre code { background: none; padding: 0; font-size: 0.82rem; overflow-wrap: normal; }
.frame { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 92rem; margin: 0 auto; }
.contents { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; padding: 1.6rem 1rem 2rem 1.4rem;
  border-right: 1px solid var(--line); font-size: 0.9rem; }
.contents ul { list-style: none; margin: 0.2rem 0 1rem; padding: 0; }
.contents li a { display: block; padding: 0.14rem 0; color: var(--ink); text-decoration: none; }
.contents li a:hover { color: var(--accent); }
.contents .brand { font-weight: 700; font-size: 1.1rem; color: var(--ink); text-decoration: none; }
.contents .chapter { color: var(--faint); font-weight: 600; font-size: 0.8rem; text-decoration: none; }
.contents summary { cursor: pointer; font-weight: 600; padding: 0.3rem 0; }
.contents summary + * { margin-top: 0.8rem; display: inline-block; }
main { padding: 1.6rem 2.4rem 6rem; min-width: 0; }
.chapter-head { margin-top: 3.4rem; padding-top: 1.2rem; border-top: 2px solid var(--ink); }
.operation { margin-top: 2rem; padding-top: 1.6rem; border-top: 1px solid var(--line); }
.chapter-head + .operation { border-top: 0; padding-top: 0; margin-top: 1.2rem; }
.operation > h3 a, .shape > h3 a { color: inherit; text-decoration: none; }
.route { display: flex; flex-wrap: wrap; gap: 0.3rem 0.6rem; align-items: baseline; margin: 0.5rem 0; }
.route code { background: none; padding: 0; font-size: 0.92rem; }
.method { font: 700 0.74rem/1 var(--mono); border: 1px solid currentcolor; border-radius: 5px; padding: 0.25rem 0.4rem; color: var(--accent); }
.method.changes { color: var(--warm); }
.needs { color: var(--faint); font-size: 0.9rem; }
.sides { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 2rem; }
.sides > * { min-width: 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th { text-align: left; font-weight: 600; }
th code { background: none; padding: 0; }
.fields th { width: 36%; }
th, td { border-top: 1px solid var(--line); padding: 0.45rem 0.8rem 0.45rem 0; vertical-align: top; }
tr:first-child > * { border-top: 0; }
td p { margin: 0; }
.type { color: var(--faint); font-size: 0.86em; }
.must { color: var(--warm); font-weight: 400; font-size: 0.86em; display: block; }
.codes { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.15rem 0.9rem; }
.answer { margin: 0.7rem 0 0.3rem; font-size: 0.9rem; }
.status { font-family: var(--mono); font-weight: 700; }
.shape { margin-top: 2rem; }
.narrow { max-width: 40rem; margin: 0 auto; padding: 4rem 1.4rem; }
.narrow .status { color: var(--faint); }
@media (max-width: 75rem) {
  .sides { grid-template-columns: minmax(0, 1fr); }
}
@media (min-width: 52.01rem) {
  .contents summary { display: none; }
  .contents details::details-content { content-visibility: visible; block-size: auto; }
}
@media (max-width: 52rem) {
  .frame { display: block; }
  .contents { position: static; max-height: none; border-right: 0; border-bottom: 1px solid var(--line); padding: 1rem 1.2rem; }
  main { padding: 1.2rem 1.2rem 4rem; }
  h1 { font-size: 1.6rem; }
  .fields, .fields tbody, .fields tr, .fields th, .fields td { display: block; }
  .fields th { width: auto; padding-bottom: 0; }
  .fields tr:first-child th { border-top: 0; }
  .fields td { border-top: 0; padding-top: 0.1rem; }
}
`;
