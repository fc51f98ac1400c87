"""The folder of a sweep: for each method its journal, what was asked, the kept setting and what was tested."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...durable import write_whole
from ...errors import UserError, unknown
from ...links import inside
from ...plain_json import parsed
from ..spec import RunSpec
from .config import TuneConfig

_REQUEST = ".request.json"


@dataclass(frozen=True)
class Begun:
    """What the search of one method was asked for, so that it can be told and drawn without its data set.

    Attributes:
        request: the latest.
        spec: of trial 0.
        protocol_id: of the trials.
        sampler: the one that the search was begun with.
    """

    request: TuneConfig
    spec: RunSpec
    protocol_id: str
    sampler: str


@dataclass(frozen=True)
class SweepFolder:
    """``<out>/sweeps/<name>``."""

    path: Path

    @property
    def name(self) -> str:
        """Of the sweep."""
        return self.path.name

    @property
    def out(self) -> Path:
        """The results that it belongs to."""
        return self.path.parent.parent

    @property
    def methods(self) -> list[str]:
        """Those that are searched, by name."""
        return sorted(file.name.removesuffix(_REQUEST) for file in self.path.glob(f"*{_REQUEST}"))

    def journal(self, method: str) -> Path:
        """Every trial, as Optuna writes it."""
        return self.path / f"{method}.log"

    def kept(self, method: str) -> Path:
        """The kept setting, as `harness run --config` takes it."""
        return self.path / f"{method}.yaml"

    def tests(self, method: str) -> Path:
        """What was tested, and what came of it."""
        return self.path / f"{method}.tests.json"

    def remember(self, method: str, begun: Begun) -> None:
        """Write down what is asked of a method's search.

        Raises:
            UserError: the folder cannot be written.
        """
        told = {"request": begun.request.model_dump(mode="json"), "spec": begun.spec.model_dump(mode="json"),
                "protocol_id": begun.protocol_id, "sampler": begun.sampler}
        write_whole(self._request(method), json.dumps(told, indent=1).encode())

    def begun(self, method: str) -> Begun | None:
        """What was written down; None before.

        Raises:
            UserError: it cannot be read.
        """
        try:
            told: Any = parsed(self._request(method).read_text())
            return Begun(TuneConfig(**told["request"]), RunSpec(**told["spec"]), str(told["protocol_id"]),
                         str(told["sampler"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, ValidationError):
            raise UserError(f"{self._request(method)} is not what was asked of a search; delete it, and give the "
                            "search's own command again, with its --sampler") from None

    def _request(self, method: str) -> Path:
        return self.path / f"{method}{_REQUEST}"


def sweep_folder(out: str | Path, name: str) -> SweepFolder:
    """Of a sweep, begun or not.

    Raises:
        UserError: it is a link that leads out of the results.
    """
    return SweepFolder(inside(Path(out).absolute(), "sweeps", name))


def begun_folders(out: str | Path, name: str | None = None) -> list[SweepFolder]:
    """Those of every sweep in a folder of results, or of the one called ``name``.

    Raises:
        UserError: there is none of that name.
    """
    out = Path(out).absolute()
    folders = [SweepFolder(inside(out, "sweeps", path.name)) for path in sorted((out / "sweeps").glob("*/"))]
    found = {folder.name: folder for folder in folders if folder.methods}
    if name is not None and name not in found:
        raise unknown("search", name, found)
    return list(found.values()) if name is None else [found[name]]
