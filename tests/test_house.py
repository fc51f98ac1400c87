"""The structure of the house: imports point down, nothing is imported under two names, cards need no torch."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import partbench

ROOT = Path(partbench.__file__).parent
FOLDERS = ("datasets", "metrics", "methods", "leaderboard", "sweeps", "harness")


def _python(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_imports_point_down_the_house(tmp_path):
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--config", ROOT / "pyproject.toml", "--no-cache"], cwd=tmp_path,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_imported_twice_under_two_names(tmp_path):
    twice = _python(
        "import sys, pkgutil, importlib, partbench\n"
        "for part in ('datasets', 'metrics', 'methods', 'leaderboard', 'sweeps', 'harness'):\n"
        "    package = importlib.import_module(f'partbench.{part}')\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "files = [m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)]\n"
        f"homes = tuple(f'{ROOT}/{{name}}' for name in ({(*FOLDERS, '__init__', 'cards', 'errors')!r}))\n"
        "ours = [f for f in files if f.startswith(homes)]\n"
        "print(sorted({f for f in ours if ours.count(f) > 1}), len(ours) > 40)", tmp_path)
    assert twice == "[] True"


def test_no_folder_is_installed_as_a_top_level_module():
    top = distribution("partbench").read_text("top_level.txt").split()
    assert top == ["partbench"]


def test_every_package_folder_is_declared():
    import tomllib

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {".".join(("partbench", *file.parent.relative_to(ROOT).parts))
             for folder in FOLDERS for file in (ROOT / folder).rglob("__init__.py")}
    assert found == set(declared) - {"partbench"}


def test_tests_are_no_package():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_every_listed_name_exists_and_contents_are_lazy(tmp_path):
    loaded = _python(
        "import sys, partbench\n"
        "from partbench import datasets, harness, leaderboard, methods, metrics, sweeps\n"
        "lazy = not {'torch', 'ray', 'pandas'} & set(sys.modules)\n"
        "for package in (datasets, harness, leaderboard, methods, metrics, sweeps, partbench):\n"
        "    for name in package.__all__:\n"
        "        getattr(package, name)\n"
        "print(lazy)", tmp_path)
    assert loaded == "True"
