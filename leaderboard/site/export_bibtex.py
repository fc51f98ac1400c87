"""What to cite for a board: the papers of its methods, data set and metrics, as their cards give them."""

import re
from collections.abc import Iterator

from ...cards import Card
from ...datasets import registry as datasets
from ...methods import registry as methods
from ...metrics import registry as metrics
from ..board import Board

_KEY = re.compile(r"@\w+\{\s*([^,\s]+)")


def bibtex(*boards: Board) -> str:
    """BibTeX entries of methods, then data sets, then metrics, each once; what has no card or no paper is left out."""
    entries = {}
    for card in _cards(boards):
        for entry in re.split(r"\n(?=@)", (card.paper or "").strip()):
            key = _KEY.match(entry)
            if key:
                entries.setdefault(key[1], entry)
    return "\n\n".join(entries.values()) + "\n" * bool(entries)


def _cards(boards: tuple[Board, ...]) -> Iterator[Card]:
    named = [(methods, (line.name.partition("@")[0] for board in boards for line in board.lines)),
             (datasets, (board.dataset for board in boards)),
             (metrics, (column.metric for board in boards for column in board.columns))]
    for registry, names in named:
        yield from (registry.cards[name] for name in dict.fromkeys(names) if name in registry.cards)
