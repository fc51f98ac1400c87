"""The README's examples, exactly as they are written there."""

import re
from pathlib import Path

import pytest
import torch

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def examples():
    section = README.read_text().split("## Use the metrics alone\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def run(example):
    torch.manual_seed(0)
    exec(compile(example, README.name, "exec"), {"__name__": "example"})


def test_ten_lines_score_a_model_without_the_harness(examples, capsys):
    assert len([line for line in examples[0].splitlines() if line]) == 10
    run(examples[0])
    consistency, gain = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert 0 <= consistency <= 1
    assert -1 <= gain <= 1


def test_a_training_loop_says_scores_and_intervals_every_epoch(examples, capsys):
    run(examples[1])
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in said] == [["epoch", f"{epoch}:", name] for epoch in range(2)
                                                  for name in ("accuracy", "consistency")]
    for line in said:
        score, low, high = (float(number) for number in re.findall(r"\d\.\d{3}", line))
        assert 0 <= low <= score <= high <= 1
