"""The union of rows: the same whoever publishes first, however often, and with every clash told."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.leaderboard.publish.rows import decode, empty, encode
from partbench.leaderboard.publish.union import united
from partbench.leaderboard.rows import Row, to_frame, to_table

EARLY = datetime(2026, 1, 1, tzinfo=UTC)


def _frame(*rows):
    return to_frame(to_table(rows)) if rows else empty()


def _score(value, run_id="ab", **changes):
    known = {"method": "ivpt", "dataset": "cub", "metric": "accuracy", "protocol_id": "1a2b", "finished_at": EARLY}
    return Row(run_id=run_id, value=value, **known | changes)


def _attempt(attempt, run_id="ab", protocol_id="", error=""):
    return Row(run_id=run_id, method="ivpt", dataset="cub", attempt=attempt, status="failed", protocol_id=protocol_id,
               level="", error=error, finished_at=EARLY)


def _published(union):
    return pd.concat([union.counted, union.aside], ignore_index=True)


def _after(frames):
    """Published one after the other, each through its file."""
    return reduce(lambda known, own: decode(encode(_published(united(known, own))), "there"), frames, empty())


scores = st.builds(_score, st.sampled_from([0.1, 0.2]), run_id=st.sampled_from(["ab", "cd"]),
                   protocol_id=st.sampled_from(["1a2b", "3c4d"]), hardware=st.sampled_from(["", "a GPU"]),
                   finished_at=st.sampled_from([None, EARLY, EARLY + timedelta(hours=1)]))
attempts = st.builds(_attempt, st.integers(1, 3), run_id=st.sampled_from(["ab", "cd"]),
                     protocol_id=st.sampled_from(["", "1a2b", "3c4d"]), error=st.sampled_from(["", "no memory"]))
publishers = st.lists(st.one_of(scores, attempts), max_size=5, unique_by=lambda row: (
    row.run_id, row.metric, row.protocol_id)).map(lambda rows: _frame(*rows))


@settings(max_examples=25, deadline=None)
@given(st.lists(publishers, min_size=2, max_size=3), st.randoms())
def test_the_order_of_publishers_changes_nothing_and_once_more_changes_nothing(frames, random):
    once = _after(frames)
    again = _after(random.sample([*frames, *frames, once], 2 * len(frames) + 1))
    pd.testing.assert_frame_equal(once, again)


def test_scores_finished_first_count_and_both_sides_are_kept_and_told():
    early, late = _frame(_score(0.7)), _frame(_score(0.8, finished_at=EARLY + timedelta(days=1)))
    for first, second in ((early, late), (late, early)):
        union = united(_published(united(empty(), first)), second)
        assert union.counted["value"].tolist() == [0.7]
        assert union.aside["value"].tolist() == [0.8]
        assert len(union.clashes) == 1
        assert "accuracy of run ab" in union.clashes[0]
        assert "0.7, 0.8" in union.clashes[0]


def test_the_same_score_measured_again_in_other_time_is_no_clash():
    union = united(_frame(_score(0.7, train_seconds=10)), _frame(_score(0.7, train_seconds=20)))
    assert (len(union.counted), len(union.aside), union.clashes, union.added) == (1, 0, [], 0)


def test_a_clash_of_others_is_none_of_ours():
    published = _published(united(_frame(_score(0.7)), _frame(_score(0.8))))
    assert united(published, _frame(_score(0.5, run_id="cd"))).clashes == []


def test_a_score_puts_an_attempt_of_another_publisher_aside():
    union = united(_frame(_attempt(2)), _frame(_score(0.7)))
    assert union.counted["status"].tolist() == ["done"]
    assert union.aside["status"].tolist() == ["failed"]
