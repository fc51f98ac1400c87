"""Lengths of time, as users write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.harness.durations import in_words, seconds_of

COUNT = st.integers(0, 500)


@given(COUNT, COUNT, COUNT, st.sampled_from(["", " "]), st.booleans())
def test_hours_minutes_and_seconds_add_up_however_they_are_spaced(hours, minutes, seconds, space, loud):
    text = space.join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number)
    total = 3600 * hours + 60 * minutes + seconds
    if total:
        assert seconds_of(text.upper() if loud else text) == total
    else:
        with pytest.raises(UserError):
            seconds_of(text)


@pytest.mark.parametrize(("text", "seconds"), [("8h", 28800), ("90m", 5400), ("1h30m", 5400), (" 1.5 h ", 5400),
                                               (".5m", 30), ("1d", 86400)])
def test_units_are_days_hours_minutes_and_seconds(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "8", "h", "0h", "-1h", "nan", "nanh", "infh", "1e9h", "30m1h", "8 hours", "8h;",
                                  "٣h", "9" * 400 + "h"])
def test_anything_else_is_one_line_that_says_what_to_write(text):
    with pytest.raises(UserError, match=r"^--budget .*: no length of time above zero; write such as 8h") as told:
        seconds_of(text, "--budget")
    assert "\n" not in str(told.value)


def test_a_length_is_told_by_its_two_largest_units():
    assert [in_words(seconds) for seconds in (28800, 5400, 93784, 45, 0.2)] == [
        "8 h", "1 h 30 min", "1 d 2 h", "45 s", "0 s"]
