"""An audit on a terminal."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .audited import Audit
from .text import cell, heading, number, printable


def audit_summary(audit: Audit) -> RenderableType:
    """A line for every metric and a column for every explanation, then what the figures of the page come down to."""
    table = Table("", *(escape(printable(line.name)) for line in audit.lines), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for column in audit.columns:
        cells = (cell(line.scores.get(column.metric), column.unit) for line in audit.lines)
        table.add_row(escape(heading(column)), *map(escape, cells))
    if audit.stale_half_size in audit.half_sizes:
        at = audit.half_sizes.index(audit.stale_half_size)
        for what in ("consistency", "gain"):
            values = [getattr(line.half_sizes, what)[at] for line in audit.lines]
            table.add_row(f"{what}, half-size {audit.stale_half_size}", *map(_shown, values))
    return Group(Text(_about(audit)), table, *(Text(line) for line in _facts(audit)))


def _about(audit: Audit) -> str:
    rules = audit.protocol
    return (f"{printable(audit.title)} (id {rules.id}): {audit.images:,} images of {audit.classes:,} classes, "
            f"half-size {rules.half_size} on {rules.canvas} pixels, threshold {rules.threshold}; in per cent")


def _facts(audit: Audit) -> list[str]:
    (x, y), stale = audit.best, audit.stale_half_size
    facts = [f"best constant peak: ({x}, {y}), {_shown(audit.best_on_train)} on train, "
             f"{_shown(audit.constant[y, x])} on {audit.split}; mean over all places "
             f"{_shown(audit.constant.mean())}, with half-size {stale} {_shown(audit.stale_constant.mean())}"]
    return facts + [
        f"{printable(pair.first)} and {printable(pair.second)}: {printable(pair.metric.replace('_', ' '))} differs by "
        f"{_shown(pair.difference)} points; smallest detectable here {_shown(pair.detectable)}; one point takes "
        f"{pair.classes:,} classes ({pair.images:,} images)" for pair in audit.comparisons]


def _shown(value: float | None) -> str:
    return "n/a" if value is None else number(float(value), "fraction")
