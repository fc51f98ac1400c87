"""Reproduction files: each can be asked for as it stands, without data or weights at hand."""

from pathlib import Path

import pytest

import partbench
from partbench.harness.config import make_config
from partbench.harness.foresight.cost import Sizes, costs
from partbench.harness.plan import make_plan

FOLDER = Path(partbench.__file__).parent / "experiments"
FILES = sorted(FOLDER.rglob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_reproduction_file_names_what_exists_and_its_command(file):
    plan = make_plan(make_config({}, str(file)), fingerprint="absent")
    assert plan.todo
    sizes = Sizes({"train": 9, "val": 1, "train+val": 10, "test": 5}, parts=15, planted=False)
    assert all(cost.forwards > 0 for cost in costs(plan.jobs, sizes))
    comment = [line.removeprefix("#").strip() for line in file.read_text().splitlines() if line.startswith("#")]
    name = f"experiments/{file.relative_to(FOLDER)}"
    assert f"harness run --config {name} --data-root PATH/TO/CUB_200_2011" in comment
    assert any("--dry-run" in line for line in comment)
    assert not any(field in file.read_text() for field in ("\nout:", "\ndata_root:", "\nweights:"))


def test_the_small_files_ask_for_the_same_rows_as_the_published_ones():
    for file in FOLDER.glob("*.yaml"):
        small = make_config({}, str(FOLDER / "small" / file.name))
        assert small.methods == make_config({}, str(file)).methods
        assert (small.epochs, small.rate_factors, small.rate_epochs) == (15, (1.0, 3.0), 4)
    assert len(FILES) == 7
