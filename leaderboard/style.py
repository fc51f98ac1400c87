"""How the page looks, in light and in dark, and the few lines of script that draw its figures."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --faint: #5a5a5a; --line: #d5d5d5; --band: #f4f4f2;
  --link: #005a9c; --right: #006b4f; --wrong: #a63c00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e6; --paper: #16181b; --faint: #a9adb3; --line: #3a3f45;
  --band: #1f2226; --link: #7cc4ff; --right: #5fd3ae; --wrong: #ff9d66; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2.5rem) 4rem; max-width: 100rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0.5rem 0; line-height: 1.2; }
h2 { margin: 2.5rem 0 0.75rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.3rem;
  line-height: 1.3; }
p, nav { max-width: 50rem; }
nav ul { padding-left: 1.2rem; }
a { color: var(--link); }
a:focus-visible, .scroll:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; color: var(--faint); padding: 0 0 0.6rem; max-width: min(50rem, 90vw);
  position: sticky; left: 0; }
th, td { padding: 0.35rem 0.7rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; font-size: 0.875rem; }
th:first-child { position: sticky; left: 0; z-index: 1; background: var(--paper); text-align: left; font-weight: 600;
  min-width: 10rem; max-width: 16rem; overflow-wrap: break-word; unicode-bidi: isolate; }
td:nth-child(2), th:nth-child(2), .failures th { text-align: left; }
.numbers :is(td, th):nth-child(2) { text-align: right; }
.interval { display: block; color: var(--faint); font-size: 0.8125rem; white-space: nowrap; }
.controls tr > * { background: var(--band); color: var(--faint); font-weight: 400; }
.failures td { text-align: left; unicode-bidi: isolate; }
.failures .error { min-width: 16rem; max-width: 50rem; overflow-wrap: anywhere; }
.figures { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 0.25rem; }
.gallery th, .gallery td { padding: 0.2rem; border: 0; text-align: left; font-size: 0.875rem; }
.gallery thead th { vertical-align: top; font-weight: 400; }
.gallery th:first-child { min-width: 6rem; max-width: 9rem; padding-right: 0.6rem; }
.gallery tbody th { font-weight: 400; }
.gallery .method > * { padding-top: 1.1rem; border-top: 1px solid var(--line); vertical-align: bottom; }
.gallery .method th { font-weight: 600; }
.gallery img { display: block; width: 9.5rem; height: auto; border-radius: 3px; }
.legend ul { display: flex; flex-wrap: wrap; gap: 0.1rem 0.8rem; margin: 0 0 0.4rem; padding: 0; list-style: none;
  color: var(--faint); font-size: 0.8125rem; }
.legend span { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.3em; border-radius: 2px; }
.right { color: var(--right); }
.wrong { color: var(--wrong); }
@media (max-width: 40rem) { th, td { padding: 0.3rem 0.45rem; } .gallery img { width: 7.5rem; }
  th:first-child { min-width: 7rem; max-width: 8.5rem; font-size: 0.875rem; }
  .gallery th:first-child { min-width: 5.5rem; max-width: 6rem; } }
@media print { .scroll { overflow: visible; } }
"""

SCRIPT = """
"use strict";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const ink = () => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
const plots = [...document.querySelectorAll("script[data-for]")].map(data => {
  const spec = JSON.parse(data.textContent), place = document.getElementById(data.dataset.for);
  spec.layout.font.color = ink();
  if (!window.Plotly) {
    place.textContent = "plotly.min.js is missing beside this page; the tables hold the numbers.";
    return null;
  }
  Plotly.newPlot(place, spec.data, spec.layout, {responsive: true, displayModeBar: false});
  return place;
}).filter(Boolean);
dark.addEventListener("change", () => plots.forEach(place => Plotly.relayout(place, {"font.color": ink()})));
"""
