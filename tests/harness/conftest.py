"""The harness under test: its command line, requests that take seconds, and a third party's method."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

PLUGIN = Path(__file__).with_name("plugin")
sys.path.insert(0, str(PLUGIN))

import command  # noqa: E402

if TYPE_CHECKING:
    from partbench.harness.training.trainee import Trainee


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """A cache folder of the tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTBENCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def harness() -> Callable[..., command.Ended]:
    """``harness("list", "methods")``: the command line, in this process."""
    return command.harness


@pytest.fixture(scope="session")
def fresh() -> Callable[..., tuple[list[command.Ended], set[str]]]:
    """``fresh(["list", "methods"], ["--help"])``: in one new process; also the top-level modules that it imported."""
    def start(*commands: list[str]) -> tuple[list[command.Ended], set[str]]:
        done = subprocess.run([sys.executable, PLUGIN / "command.py", json.dumps(commands)], capture_output=True,
                              text=True, check=True, timeout=120)
        told = json.loads(done.stdout)
        return [command.Ended(**end) for end in told["ends"]], set(told["imported"])
    return start


@pytest.fixture(scope="session")
def asked(tiny_cub) -> Callable[..., dict]:
    """``asked(out, **changes)``: a request whose runs take a second or two."""
    def ask(out: Path, /, **changes) -> dict:
        return {"methods": ["ivpt", "prompt_cam"], "dataset": "cub", "data_root": str(tiny_cub),
                "backbone": "vit_tiny_patch16_224", "weights": "random", "image_size": 32, "epochs": 2,
                "batch_size": 4, "fidelity_images": 2, "in_process": True, "out": str(out)} | changes
    return ask


@pytest.fixture(scope="session")
def flags(asked) -> Callable[..., list[str]]:
    """The same request as flags of ``harness run``; None leaves a flag out, True stands alone."""
    def spell(out: Path, /, **changes) -> list[str]:
        spelt = []
        for name, value in asked(out, **changes).items():
            flag = "--" + name.replace("_", "-")
            if value is True:
                spelt.append(flag)
            elif name == "set":
                spelt += [part for pair in value for part in (flag, pair)]
            elif value is not None:
                spelt += [flag, ",".join(value) if isinstance(value, list) else str(value)]
        return spelt
    return spell


@pytest.fixture
def with_toy(monkeypatch):
    """The toy method in this process's registry."""
    from toy_card import TOY

    from partbench.methods.catalogue import registry

    monkeypatch.setitem(registry.cards, "toy", TOY)


@pytest.fixture(scope="session")
def trainee(tiny_cub, asked) -> Callable[..., "Trainee"]:
    """``trainee(name, folder, reporter)``: a training of a shipped method on a tiny backbone, six epochs in moments."""
    import torch

    from partbench import datasets
    from partbench.harness.config import make_config
    from partbench.harness.loaders import Normalise
    from partbench.harness.plan import make_plan
    from partbench.harness.progress import Reporter
    from partbench.harness.training.trainee import Trainee
    from partbench.methods import create
    from partbench.methods.contract.backbones import tiny_backbone

    backbone, data = tiny_backbone(), datasets.load("cub", root=tiny_cub)

    def make(name: str, folder: Path, reporter: Reporter | None = None, accumulation: int = 1, **settings) -> Trainee:
        torch.set_num_threads(1)
        given = {f"{name.partition('@')[0]}.{setting}": value for setting, value in settings.items()}
        spec = make_plan(make_config(asked(folder, methods=[name], epochs=6, batch_size=3, set=given))).jobs[0].spec
        torch.manual_seed(1)
        return Trainee(create(name, backbone, 3, **settings), spec, data, Normalise.of(backbone, torch.device("cpu")),
                       folder / "checkpoints", reporter or Reporter(), 0, accumulation=accumulation)

    return make


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """Of a new process in which the toy method is installed as a third party's package would be."""
    site = tmp_path_factory.mktemp("site")
    about = site / "partbench_toy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: partbench-toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[partbench.methods]\ntoy = toy_card:TOY\n")
    known = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(PLUGIN), str(site), known))),
                         "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
