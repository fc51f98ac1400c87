"""What a blind guess scores: for every data set and protocol the audit, or the controls that were run beside methods.

Every board with a consistency column has a section here, so that :func:`address` holds whatever was audited.
"""

import hashlib
from collections.abc import Sequence
from html import escape

from .. import audit_page as audited
from ..audit_data import AuditData
from ..board import Board, Line
from ..fragments import table
from ..text import heading, line_name, number, printable
from .frame import Page, Section
from .material import Material

NAME = "audit"
_LEAD = ("What scores of the part metrics mean. Blind guesses look at no image: what they reach, a method has not "
         "earned.")
_METRIC = "consistency"


def address(dataset: str, protocol_id: str) -> str:
    """Where the site says what a blind guess scores; of every data set and protocol that has consistency."""
    return f"{NAME}.html#{_anchor(dataset, protocol_id)}"


def page(material: Material) -> Page | None:
    """None where nothing is scored on annotated parts and nothing was audited."""
    audits = material.audits
    places = {(a.dataset, a.protocol.id): a.protocol.name for a in audits}
    for board in material.boards:
        if any(column.metric == _METRIC for column in board.columns):
            places.setdefault((board.dataset, board.protocol_id), board.protocol)
    sections = [Section(_anchor(*place), _title(place[0], name, place[1]), _section(place, audits, material.boards))
                for place, name in sorted(places.items())]
    return Page(NAME, "Audit", "Audit", _LEAD, sections) if sections else None


def _section(place: tuple[str, str], audits: Sequence[AuditData], boards: Sequence[Board]) -> str:
    own = [audit for audit in audits if (audit.dataset, audit.protocol.id) == place]
    beside = next((board for board in boards if (board.dataset, board.protocol_id) == place and _blind(board)), None)
    command = f"harness audit --dataset {printable(place[0], 60)}"
    if own:
        return "".join(_audit(audit, _anchor(*place)) for audit in own)
    advice = ("<p>Nobody audited this data set under this protocol here: "
              f"<code>{escape(command)}</code> does, from annotations alone.</p>")
    if beside is None:
        return advice
    return _controls(beside) + advice


def _audit(audit: AuditData, anchor: str) -> str:
    split = "" if audit.split == "test" else f"<h3>Split {escape(printable(audit.split, 40))}</h3>"
    anchor = f"{anchor}-{audit.split}"
    more = (_folded("Every part, and a peak that never moves", audited.constant(audit))
            + _folded("Against the half-size", audited.half_sizes(audit, f"{anchor}-half-size"))
            + _folded("Against the threshold", audited.thresholds(audit, f"{anchor}-threshold"))
            + _folded("What a difference of one point needs", audited.comparisons(audit)))
    return split + _said(audit) + audited.scores(audit) + more


def _said(audit: AuditData) -> str:
    shown = f"{number(audit.best_here, 'fraction')} %"
    return (f"<p>The same place marked on every image, with the model left out, reaches a consistency of {shown} on "
            f"{audit.images:,} images of {audit.classes:,} classes. Its consistency gain is 0 by construction.</p>")


def _controls(board: Board) -> str:
    """Blind controls that were run beside the methods."""
    lines = _blind(board)
    columns = [column for column in board.columns if any(column.metric in line.scores for line in lines)]
    rows = [(line_name(line), [audited.score(line.scores.get(column.metric), column.unit) for column in columns])
            for line in lines]
    return table("Controls that were run beside the methods: explanations that look at no image, or at its edges "
                 "alone. Fractions in per cent, with 95 % intervals.", "control",
                 [heading(column) for column in columns], rows)


def _blind(board: Board) -> list[Line]:
    return [line for line in board.controls if not line.judges]


def _folded(title: str, html: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html}</details>"


def _title(dataset: str, protocol: str, protocol_id: str) -> str:
    return printable(f"{dataset} · protocol {protocol or 'unknown'} ({protocol_id})")


def _anchor(dataset: str, protocol_id: str) -> str:
    return f"audit-{hashlib.sha256(f'{dataset}/{protocol_id}'.encode()).hexdigest()[:8]}"
