/** The style of the report as a file: both colour schemes on a screen, black on white on A4 paper. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fff, #141517);
  --surface: light-dark(#fff, #1c1d20);
  --ink: light-dark(#1e1d1b, #eceae5);
  --ink-2: light-dark(#55514a, #b9b5ad);
  --ink-3: light-dark(#6b665d, #a09b92);
  --line: light-dark(#d9d4ca, #3a3d42);
  --control: light-dark(#948e82, #6b6f77);
  --accent: light-dark(#1d5a86, #86bfe8);
  --beam: light-dark(#c98a12, #f0b957);
  --cell: 29, 90, 134;
}
@media (prefers-color-scheme: dark) { :root { --cell: 134, 191, 232; } }
* { box-sizing: border-box; }
html {
  font: 400 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif;
  color: var(--ink); background: var(--paper); font-variant-numeric: tabular-nums;
}
body { margin: 0; }
main { width: min(52rem, 100%); margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1, h2, .headline { font-family: 'Iowan Old Style', Charter, Palatino, Georgia, 'Liberation Serif', serif; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 0.75rem; font-size: 1.25rem; }
p { margin: 0.5rem 0; }
.headline { font-size: 1.375rem; line-height: 1.3; }
.headline b { margin-right: 0.15em; font-size: 2.75rem; font-weight: 400; white-space: nowrap; }
.quiet { color: var(--ink-3); font-size: 0.875rem; }
.wide { overflow-x: auto; }
table { width: 100%; margin: 0 0 1.25rem; border-collapse: collapse; font-size: 0.875rem; }
caption { padding: 0.5rem 0; font-weight: 600; text-align: left; }
th, td { padding: 0.35rem 0.5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: break-word; }
tbody th { min-width: 8rem; }
thead th { color: var(--ink-2); vertical-align: bottom; }
.num { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.matrix td { text-align: center; padding: 0.3rem; min-width: 1.8rem; }
.matrix thead th { text-align: center; }
dl { margin: 0 0 1rem; font-size: 0.875rem; }
dl div { display: grid; grid-template-columns: 12rem minmax(0, 1fr); gap: 0.75rem; padding: 0.2rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--ink-2); }
dd { margin: 0; overflow-wrap: anywhere; }
ul { padding-left: 1.2rem; }
pre { margin: 0; padding: 0.75rem; border: 1px solid var(--line); border-radius: 7px; font: 0.75rem/1.5 ui-monospace, Menlo, Consolas, 'Liberation Mono', monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.5rem; }
figure { margin: 0; min-width: 0; }
figure svg { display: block; max-width: 100%; height: auto; color: var(--ink-2); }
@media (max-width: 30rem) {
  dl div { grid-template-columns: 1fr; gap: 0; }
}
@media print {
  @page { size: A4; margin: 16mm; }
  :root { color-scheme: light; --cell: 29, 90, 134; --ink: #000; --ink-2: #222; --ink-3: #333; --line: #999; --paper: #fff; }
  html { font-size: 10pt; background: #fff; color: #000; }
  main { width: 100%; padding: 0; }
  .wide { overflow: visible; }
  td { overflow-wrap: anywhere; }
  h2 { break-after: avoid; }
  tr, figure, dl div, .short, .matrix { break-inside: avoid; }
  thead { display: table-header-group; }
  caption { break-after: avoid; }
  .pictures { grid-template-columns: 1fr 1fr; }
  .matrix td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
