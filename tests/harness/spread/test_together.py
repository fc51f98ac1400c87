"""Two processes that train together end where one ends, but for rounding."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from together import CASES, EPOCHS, trainee

from partbench.harness.spread.ranks import ALONE

PROGRAM = Path(__file__).parent.parent / "plugin" / "together.py"
ROUNDING = 1e-4
LAST = f"epoch-{EPOCHS:05d}"


@pytest.fixture(scope="module")
def trained(tiny_cub, tmp_path_factory):
    """What one process and two left: see together.py."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "of-2").mkdir()
    subprocess.run([sys.executable, PROGRAM, tiny_cub, folder], check=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def told(trained):
    """What each of the two processes met."""
    return [json.loads((trained / "of-2" / f"told-{rank}.json").read_text()) for rank in (0, 1)]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], but: tuple[str, ...] = ()) -> None:
    assert one.keys() == other.keys()
    for name in one.keys() - set(but):
        torch.testing.assert_close(other[name], one[name], rtol=ROUNDING, atol=ROUNDING,
                                   msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_processes_train_what_one_trains(case, trained):
    one, two = (load_file(trained / f"of-{world}" / case.name / "rank-0.safetensors") for world in (1, 2))
    inert = ("head.bias",) if case.method == "prompt_cam" else ()  # softmax does not see it: its gradient is rounding
    for state in (one, two):
        state["logits"] = state["logits"].log_softmax(1)
    same(one, two, but=inert)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_two_hold_the_same_bits(case, trained):
    first, second = (load_file(trained / "of-2" / case.name / f"rank-{rank}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_checkpoints_and_mean_losses_are_those_of_one_process(case, trained):
    one, two = (trained / f"of-{world}" / case.name / "checkpoints" for world in (1, 2))
    assert {file.name for file in one.iterdir()} == {file.name for file in two.iterdir()}
    assert load_file(one / f"{LAST}.safetensors").keys() == load_file(two / f"{LAST}.safetensors").keys()
    losses = [json.loads((folder / f"{LAST}.json").read_text())["losses"] for folder in (one, two)]
    assert [row[:3] for row in losses[0]] == [row[:3] for row in losses[1]]
    assert [row[3] for row in losses[1]] == pytest.approx([row[3] for row in losses[0]], rel=ROUNDING, abs=ROUNDING)


def test_one_process_goes_on_from_what_two_left(trained, tiny_cub):
    case = next(case for case in CASES if case.name == "vpt_deep")
    folder = trained / "of-2" / case.name / "checkpoints"
    for file in folder.glob(f"{LAST}*"):
        file.unlink()
    learner = trainee(str(tiny_cub), trained / "of-2", case, ALONE)
    learner.train()
    same(load_file(trained / "of-1" / case.name / "checkpoints" / f"{LAST}.safetensors"),
         load_file(folder / f"{LAST}.safetensors"))


def test_what_stops_one_stops_both_after_the_same_step_and_leaves_a_checkpoint_of_it(told, trained):
    assert [said["stopped"] for said in told] == ["Interrupted: "] * 2
    files = {file.stem for file in (trained / "of-2" / "stopped" / CASES[0].name / "checkpoints").iterdir()}
    assert "epoch-00002" not in files
    assert any("-step-" in name for name in files)


def test_where_one_cannot_begin_none_does_and_the_first_says_why(told):
    assert told[0]["unready"] == "UserError: process 2 of 2: no such folder; give another"
    assert told[1]["unready"].startswith("NotReady: ")


def test_what_is_no_number_in_one_ends_both_with_the_name_of_the_term(told):
    assert told[0]["no number"] == told[1]["no number"]
    assert told[0]["no number"].startswith("Diverged: loss broke in here: term is nan")


def test_the_gradient_of_a_term_over_all_images_is_that_of_one_process(told):
    assert [said["gradient"] for said in told] == [str(2 * (2.0 * 5) * 5)] * 2
