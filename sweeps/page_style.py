"""How the pages of searches look beyond what pages share, and their script: from a mark to its line, and sorting."""

from ..leaderboard.fragments import STYLE as _FRAGMENTS

STYLE = _FRAGMENTS + """
.trials th:first-child { min-width: 3.5rem; max-width: 5rem; text-align: right; }
.trials :is(td, th):nth-child(2) { min-width: 11rem; max-width: 16rem; overflow-wrap: break-word; }
.trials td { white-space: nowrap; }
.trials td:nth-child(2) { white-space: normal; }
.trials :is(td, th):is(:nth-child(3), :last-child) { text-align: left; }
.trials .said { display: block; color: var(--faint); font-size: 0.8125rem; unicode-bidi: isolate; }
.trials thead button { all: unset; cursor: pointer; }
.trials thead button:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.trials th[aria-sort="ascending"] button::after { content: " \\25B2"; }
.trials th[aria-sort="descending"] button::after { content: " \\25BC"; }
.trials tr { scroll-margin-top: 30vh; }
.trials tr:is(:target, :focus) > * { background: var(--band); outline: 1px solid var(--link); }
.undrawn { color: var(--faint); }
"""

SCRIPT = """
for (const place of plots) place.on("plotly_click", event => {
  const line = document.getElementById(event.points[0].customdata);
  if (!line) return;
  location.hash = line.id;
  line.focus({preventScroll: true});
  line.scrollIntoView({block: "center", inline: "start"});
});
const first = text => Number(text.split(",")[0]);
for (const table of document.querySelectorAll("table.trials")) for (const head of table.tHead.rows[0].cells) {
  const button = document.createElement("button");
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const down = head.ariaSort === "ascending", at = head.cellIndex;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = row => row.cells[at].textContent.trim();
    const rows = [...table.tBodies[0].rows], full = rows.filter(text), empty = rows.filter(row => !text(row));
    const numbers = full.every(row => !Number.isNaN(first(text(row))));
    full.sort((a, b) => (numbers ? first(text(a)) - first(text(b)) : 0)
      || text(a).localeCompare(text(b), "en", {numeric: true}));
    table.tBodies[0].append(...(down ? full.reverse() : full), ...empty);
  });
}
"""
