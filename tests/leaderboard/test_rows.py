"""Rows: what a score must say."""

import pytest

from partbench.leaderboard import COLUMNS, Row
from partbench.leaderboard.rows import schema, to_table

DESIGN = """
run_id attempt method variant method_version dataset dataset_fingerprint backbone weights image_size seed epochs
fit_on preset precision batch_size rate_factor views accumulation coupled_batch workers settings split metric
protocol protocol_id level value ci_low ci_high n unit higher_is_better status error train_seconds explain_seconds
score_seconds peak_memory_mb trainable_parameters total_parameters device hardware threads versions revision sweep
started_at finished_at schema_version
""".split()


def test_columns_and_parquet_schema_are_the_designs_in_its_order():
    assert list(COLUMNS) == schema().names == DESIGN


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_done_row_has_a_finite_value(row, value):
    with pytest.raises(ValueError, match="finite"):
        row(value=value)


def test_an_interval_is_finite_too(row):
    with pytest.raises(ValueError, match="finite"):
        row(ci_low=float("nan"))


def test_unknown_columns_and_statuses_are_refused(row):
    with pytest.raises(ValueError, match="Extra inputs"):
        row(colour="red")
    with pytest.raises(ValueError, match="status"):
        row(status="almost")


def test_a_metric_that_does_not_apply_needs_no_value(row):
    assert row("nmi", None, status="not_applicable", ci_low=None, ci_high=None).value is None


def test_settings_given_as_a_dict_are_stored_as_sorted_json():
    assert Row(run_id="a", method="ivpt", dataset="cub", status="failed", settings={"b": 1, "a": [2]}
               ).settings == '{"a": [2], "b": 1}'


def test_text_that_utf8_cannot_hold_is_still_stored(failed):
    assert to_table([failed(error="tail \udcff")])["error"].to_pylist() == ["tail ?"]


def test_two_rows_under_one_key_are_refused(row):
    with pytest.raises(ValueError, match="two rows under one key"):
        to_table([row(), row(value=0.5)])
