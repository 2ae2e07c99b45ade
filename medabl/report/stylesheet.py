"""The look of ``report.html``: light and dark, phone to print, nothing fetched."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f7f9; --ink: #1b1f24; --soft: #57606a; --rule: #d5dae0;
  --accent: #0072b2; --blue: #0072b2;
  --warn-ground: #fff4e0; --warn-ink: #6b4300; --warn-edge: #e69f00;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181c; --panel: #1c2228; --ink: #e6e9ec; --soft: #9aa5b0; --rule: #343c45;
    --accent: #56b4e9; --blue: #3f9fe0;
    --warn-ground: #33260d; --warn-ink: #ffd58a; --warn-edge: #e69f00;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 var(--sans); font-variant-numeric: tabular-nums;
}
main, header, footer { max-width: 72rem; margin-inline: auto;
  padding-inline: clamp(1rem, 4vw, 2rem); }
header { padding-top: clamp(1.1rem, 3vw, 2rem); }
p, li { max-width: 44rem; }
p { margin: 0 0 .8rem; }
.kicker { margin: 0 0 .25rem; color: var(--soft); font-size: .875rem; }
h1 { margin: 0 0 .35rem; font-size: clamp(1.55rem, 1.1rem + 2.2vw, 2.3rem); line-height: 1.15;
  letter-spacing: -.015em; text-wrap: balance; }
h2 { margin: 2.6rem 0 .5rem; padding-top: .9rem; border-top: 1px solid var(--rule);
  font-size: 1.3rem; line-height: 1.25; }
h3 { margin: 1.5rem 0 .4rem; font-size: 1.02rem; }
.certainty { font-size: 1.08rem; color: var(--soft); }
.first { display: grid; gap: 1.2rem 2.2rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 56rem) {
  .first { grid-template-columns: minmax(0, 1.08fr) minmax(0, 1fr); align-items: start; }
}
ul.plain { margin: .4rem 0 .8rem; padding-left: 1.1rem; }
ul.plain li { margin-bottom: .35rem; }
.warning { margin: .5rem 0; padding: .55rem .85rem; max-width: none; border-radius: .3rem;
  background: var(--warn-ground); color: var(--warn-ink); border-left: 4px solid var(--warn-edge); }
.note { color: var(--soft); font-size: .9rem; }
nav { margin: 1.4rem 0 0; font-size: .9rem; }
nav a { margin-right: 1rem; white-space: nowrap; display: inline-block; padding-block: .2rem; }
a { color: var(--accent); text-underline-offset: .15em; }
.scroll { overflow-x: auto; margin: .6rem 0 1rem; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.35; }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .38rem .75rem .38rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); white-space: nowrap; }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--ink); font-weight: 600; }
th[scope=row] { font-weight: 600; }
td small { display: block; color: var(--soft); font-size: .78rem; }
tr.published td { color: var(--soft); font-weight: 400; font-style: italic; }
tr.group th, tr.group td { border-top: 2px solid var(--rule); }
.full th, .full td { font-size: .82rem; }
.full thead th { white-space: normal; max-width: 6.2rem; }
figure { margin: .8rem 0 1.4rem; }
.first figure { margin-top: 0; }
summary { cursor: pointer; font-weight: 600; margin: 1rem 0 .4rem; }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .9rem; max-width: 44rem; }
figure svg { display: block; height: auto; max-width: 100%; }
@media (max-width: 40rem) {
  .wide svg { max-width: none; width: 40rem; }
  .compact th, .compact td { padding-right: .5rem; font-size: .82rem; }
}
.tiles { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }
.tiles figure { margin: 0; background: var(--panel); border-radius: .25rem; overflow: hidden; }
.tiles img { display: block; width: 100%; height: auto; }
.tiles figcaption { margin: 0; padding: .3rem .5rem; background: var(--panel); color: var(--ink);
  font-size: .82rem; line-height: 1.3; }
.key { display: inline-block; width: 1.6em; height: .28em; vertical-align: middle;
  border-radius: .1em; margin-right: .3em; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1.2rem;
  font-size: .9rem; margin: .6rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
footer { padding-block: 2rem 3rem; color: var(--soft); font-size: .85rem; }
@media print {
  :root { --paper: #fff; --panel: #f5f7f9; --ink: #000; --soft: #444; --rule: #bbb; --accent: #000;
    --blue: #0072b2;
    --warn-ground: #fff; --warn-ink: #000; color-scheme: light; }
  @page { margin: 15mm 14mm; }
  body { font-size: 10pt; line-height: 1.4; }
  main, header, footer { max-width: none; padding-inline: 0; }
  nav { display: none; }
  .first { grid-template-columns: minmax(0, 1fr); gap: .4rem; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; } th, td { padding-right: 5pt; }
  td small { font-size: 6.5pt; }
  .full th, .full td { font-size: 6.5pt; padding-right: 4pt; } .full td small { font-size: 5.8pt; }
  h1 { font-size: 17pt; } .certainty { font-size: 11pt; }
  .first figure svg { max-height: 55mm; width: auto; }
  h2 { break-after: avoid; margin-top: 1.4rem; } h3 { break-after: avoid; }
  figure, tr, .warning, .subject { break-inside: avoid; }
  figure svg, .wide svg { width: auto; max-width: 100%; }
  .tiles { grid-template-columns: repeat(4, 1fr); }
  details::details-content { content-visibility: visible; height: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
