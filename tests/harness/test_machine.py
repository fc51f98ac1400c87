"""What this machine offers, told without torch."""

import os

import pytest
import torch

from partbench.harness.config import make_config
from partbench.harness.foresight.machine import cpu, gpu_names, this_machine
from partbench.harness.results.provenance import hardware


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A driver that answers so."""
    def answer(script: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return answer


def config(**changes):
    return make_config({"methods": "ivpt", "dataset": "cub"} | changes)


def test_a_cpu_is_called_as_rows_call_it():
    assert cpu() == hardware(torch.device("cpu"))


def test_shares_of_gpus_say_how_many_runs_fit(driver, monkeypatch):
    driver("echo NVIDIA H100 80GB HBM3; echo NVIDIA H100 80GB HBM3")
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    told = [this_machine(config(**changes)) for changes in (
        {}, {"gpus_per_run": 0.25}, {"gpus_per_run": 0.25, "threads": 4}, {"gpus_per_run": 1, "workers_per_run": 2},
        {"in_process": True}, {"address": "auto"})]
    assert {one.hardware for one in told} == {"NVIDIA H100 80GB HBM3"}
    assert [one.at_once for one in told] == [2, 8, 4, 1, 1, None]
    assert [one.gpus for one in told] == [1, 0.25, 0.25, 2, 1, 1]
    without = this_machine(config(gpus_per_run=0, threads=4))
    assert (without.hardware, without.gpus, without.at_once) == (cpu(), 0, 4)


@pytest.mark.parametrize(("seen", "names"), [("", 0), ("-1", 0), ("1", 1), ("0,1", 2)])
def test_gpus_that_are_hidden_from_a_process_are_not_offered(seen, names, driver, monkeypatch):
    driver("echo one; echo one")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    assert len(gpu_names()) == names


@pytest.mark.parametrize("script", ["exit 9", "", "echo No devices were found >&2; exit 6"])
def test_a_driver_that_does_not_answer_offers_nothing(script, driver):
    driver(script)
    assert gpu_names() == []


def test_memory_limits_how_many_runs_fit(monkeypatch):
    monkeypatch.setattr("partbench.harness.foresight.machine._memory", lambda: 8 * 2**30)
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert this_machine(config(gpus_per_run=0, memory_per_run=3 * 2**30)).at_once == 2
