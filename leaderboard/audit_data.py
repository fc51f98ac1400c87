"""What an audit found, as JSON beside its page: everything but the maps of constant peaks. No torch."""

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ..metrics import Protocol
from .audited import Audit, Audited, Comparison, Part
from .board import Column
from .files import Folder
from .text import printable

FOLDER = "audit"


class AuditData(BaseModel):
    """An :class:`~partbench.leaderboard.Audit` in plain numbers; attributes of the same names mean the same."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, from_attributes=True)

    dataset: str
    split: str
    title: str
    protocol: Protocol
    images: int
    classes: int
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    stale_half_size: int
    best: tuple[int, int]
    best_on_train: float
    best_here: float
    constant_mean: float
    stale_constant_mean: float
    half_sizes: tuple[int, ...]
    thresholds: tuple[float, ...]
    lines: tuple[Audited, ...]
    comparisons: tuple[Comparison, ...]

    @classmethod
    def of(cls, audit: Audit) -> "AuditData":
        """What of an audit goes to disk."""
        return cls(**{name: getattr(audit, name) for name in cls.model_fields})

    @model_validator(mode="after")
    def _whole(self) -> "AuditData":
        for line in self.lines:
            for curve, settings in ((line.half_sizes, self.half_sizes), (line.thresholds, self.thresholds)):
                if not len(curve.consistency) == len(curve.gain) == len(settings):
                    raise ValueError("a curve has another number of points than there are settings")
        return self


def read_audits(folder: Folder) -> tuple[list[AuditData], list[str]]:
    """Every audit under a results folder in the order of their names, and a line for each that cannot be used."""
    found, problems = [], []
    for file in folder.list(FOLDER, ".json"):
        try:
            found.append(AuditData.model_validate_json(folder.read(file.path)))
        except (OSError, ValidationError) as error:
            reason = str(error).splitlines()[0][:120]
            problems.append(f"{FOLDER}/{printable(file.name)} ({reason}); make it again: harness audit")
    return found, problems
