"""Fixtures for every folder of tests."""

import os
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

# Tests run in as many processes as there are cores: where each of these used them all, they would fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def _beside(name: str):
    """A module of this folder, without putting the folder on the path (it holds a `datasets`, too)."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def write_tiny_cub() -> Callable[..., Path]:
    """The function that writes a small folder in CUB's layout: see tiny_cub.py."""
    return _beside("tiny_cub").write_tiny_cub


@pytest.fixture(scope="session")
def tiny_cub(write_tiny_cub, tmp_path_factory) -> Path:
    """A folder in CUB's layout: 3 classes of 4 training and 3 test pictures, 96 x 80. Do not write into it."""
    return write_tiny_cub(tmp_path_factory.mktemp("tiny") / "cub")


@pytest.fixture
def loopback(monkeypatch):
    """A web server on this machine that misbehaves when told to: see loopback.py."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with _beside("loopback").Server() as server:
        yield server


@pytest.fixture(scope="session")
def tiny_layouts():
    """Functions that write small folders in official layouts: see tiny_layouts.py."""
    return _beside("tiny_layouts")
