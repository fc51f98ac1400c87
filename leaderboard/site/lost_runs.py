"""Runs of a board that have no scores: those that ended without, and methods that other boards have."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from .. import page
from ..board import Board, Failure
from ..text import printable

_SHOWN = 20  # of runs and of names; the rest is counted


def summary(board: Board) -> str:
    """``2 runs failed, 1 ran out of time``, as text; empty where none did."""
    said = Counter(failure.status for failure in board.failures)
    return ", ".join(f"{count} {'run' if count == 1 else 'runs'}: {status.replace('_', ' ')}"
                     for status, count in sorted(said.items()))


def failures(found: Sequence[Failure]) -> str:
    """A table of runs and reasons."""
    rows = "".join(f'<tr><th scope="row">{page.name(printable(f.name))}</th><td>{f.seed}</td>'
                   f"<td>{escape(f.status.replace('_', ' '))}</td><td>{escape(printable(f.run_id))}</td>"
                   f'<td class="error">{escape(printable(f.error, 600))}</td></tr>' for f in found[:_SHOWN])
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("method", "seed", "outcome", "run", "reason"))
    more = f" The first {_SHOWN} of {len(found)}." if len(found) > _SHOWN else ""
    return ('<div class="scroll" tabindex="0" role="region" aria-label="Runs without scores"><table class="failures">'
            f"<caption>Runs without scores.{more} All that is known of one: harness why RUN</caption>"
            f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>")


def missing(board: Board, boards: Sequence[Board]) -> str:
    """Which methods of other boards have no line here, as text; empty where none are missing."""
    here = {line.name for line in board.lines}
    failed = {failure.name for failure in board.failures}
    names = sorted({line.name for other in boards for line in other.lines} - here)
    told = [printable(name, 60) + (" (failed)" if name in failed else "") for name in names]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return f"No scores here, but on other boards: {', '.join(told[:_SHOWN])}{more}." if told else ""
