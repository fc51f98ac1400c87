"""The table and its figures on one page that opens from disk."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import plotly.graph_objects as go
import plotly.io

from .row import Row

_HEAD = """<!doctype html><meta charset="utf-8"><title>partbench: speed</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ccc }
td:first-child, td:last-child { text-align: left }</style><h1>partbench: speed</h1>
<p>Medians, with the least and the most of the repetitions. A plain forward is the frozen backbone alone on the same
batch.</p>"""


def write_page(path: Path, sections: Mapping[str, Sequence[Row]]) -> None:
    """Write the rows of every section: a figure for each unit, then the table."""
    parts = [_HEAD]
    for title, rows in sections.items():
        parts.append(f"<h2>{html.escape(title)}</h2>")
        for unit in dict.fromkeys(row.unit for row in rows if row.value is not None):
            # The first figure of the page brings Plotly's script for all.
            script = not any("plotly" in part for part in parts[1:])
            parts.append(plotly.io.to_html(_figure([row for row in rows if row.unit == unit], unit), full_html=False,
                                           include_plotlyjs=script))
        parts.append(_table(rows))
    path.write_text("\n".join(parts))


def _figure(rows: Sequence[Row], unit: str) -> go.Figure:
    rows = [row for row in rows if row.value is not None][::-1]  # Plotly draws from below
    errors = {"type": "data", "array": [(row.high or row.value) - row.value for row in rows],
              "arrayminus": [row.value - (row.value if row.low is None else row.low) for row in rows]}
    bars = go.Bar(x=[row.value for row in rows], y=[row.what for row in rows], orientation="h", error_x=errors)
    figure = go.Figure(bars)
    figure.update_layout(height=120 + 24 * len(rows), xaxis_title=unit, margin={"l": 10, "r": 10, "t": 10, "b": 40},
                         template="plotly_white")
    return figure.update_yaxes(automargin=True)


def _table(rows: Sequence[Row]) -> str:
    lines = ["<table><tr><th></th><th>median</th><th>least</th><th>most</th><th></th><th></th></tr>"]
    for row in rows:
        cells = [row.what, *("" if figure is None else f"{figure:,.4g}" for figure in (row.value, row.low, row.high)),
                 row.unit, row.note]
        lines.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</table>"])
