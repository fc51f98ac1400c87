"""The union of rows that were published and rows to publish: in whatever order they come, the same rows come out.

Two rows are the same score where run, metric, protocol, level, split, sweep and attempt agree. Where they also agree in
status and value, they are one. Where not, they clash: the one that was finished first counts (of two finished at the
same time the one whose text comes first), the other is kept aside, and the clash is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..merge import counts
from ..rows import COLUMNS, KEY, SCORED

if TYPE_CHECKING:
    import pandas

_SCORE = [*KEY, "attempt"]
_CLAIM = [*_SCORE, "claimed", "claimed_value"]


@dataclass(frozen=True)
class Union:
    """What came of it.

    Attributes:
        counted: rows that count, ordered by key.
        aside: attempts that something supersedes, and what lost a clash: kept, for the next union has to know them.
        added: rows that nobody had published.
        clashes: one line for each score of ours that others have another value of.
    """

    counted: "pandas.DataFrame"
    aside: "pandas.DataFrame"
    added: int
    clashes: list[str]


def united(published: "pandas.DataFrame", own: "pandas.DataFrame") -> Union:
    """The union of two leaderboard frames; ``published`` holds rows that count and those kept aside."""
    import pandas as pd

    both = pd.concat([published.assign(own=False), own.assign(own=True)], ignore_index=True)
    scored = both["status"].isin(SCORED)
    both = both.assign(claimed=both["status"].where(scored, "attempt"),
                       claimed_value=both["value"].where(both["status"] == "done"))
    claims = _ordered(both).drop_duplicates(_CLAIM)
    winners = ~claims.duplicated(_SCORE)
    counted = winners.copy()
    counted[winners] = counts(claims[winners])
    known = both[~both["own"]].drop_duplicates(_CLAIM)
    return Union(_tidy(claims[counted]), _tidy(claims[~counted]), len(claims) - len(known),
                 list(_clashes(claims, both[both["own"]])))


def _ordered(rows: "pandas.DataFrame") -> "pandas.DataFrame":
    """First those finished first; the text decides between rows that were finished at once."""
    once = rows.drop_duplicates(list(COLUMNS))
    again = once.duplicated(_SCORE, keep=False)
    text = [repr(row) for row in once.loc[again, list(COLUMNS)].itertuples(index=False, name=None)]
    once = once.assign(text="")
    once.loc[again, "text"] = text
    return once.sort_values(["finished_at", "text"], kind="stable")


def _clashes(claims: "pandas.DataFrame", own: "pandas.DataFrame") -> Iterator[str]:
    """``claims`` in the order in which they count."""
    several = claims[claims.duplicated(_SCORE, keep=False)]
    if several.empty:
        return
    ours = own.drop_duplicates(_SCORE).set_index(_SCORE)["claimed_value"].to_dict()
    for score, found in several.groupby(_SCORE, sort=True):
        if score in ours:
            first = found.iloc[0]
            values = ", ".join(_value(value) for value in found["claimed_value"])
            where = f"protocol {first['protocol'] or first['protocol_id']}, {first['split']}"
            yield (f"{first['metric']} of run {first['run_id']} ({where}) has several values: {values}; the first "
                   f"counts, it was {'finished first' if first['finished_at'] == first['finished_at'] else 'chosen'}")


def _value(value: float) -> str:
    return "n/a" if value != value else f"{value:.6g}"


def _tidy(rows: "pandas.DataFrame") -> "pandas.DataFrame":
    return rows.sort_values([*_SCORE, "finished_at", "text"], ignore_index=True)[list(COLUMNS)]
