"""Rows: one score, or one reason why there is none, with everything needed to repeat it.

No torch and no pandas here, and pyarrow only where a table is made: the plan of a run imports this file.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from .versions import ADDED, SCHEMA_VERSION

if TYPE_CHECKING:
    import pyarrow

Status = Literal["done", "not_applicable", "failed", "timeout", "out_of_memory", "interrupted", "pruned"]
STATUSES: tuple[str, ...] = get_args(Status)
SCORED = frozenset({"done", "not_applicable"})
KEY = ["run_id", "metric", "protocol_id", "level", "split", "sweep"]


class Row(BaseModel):
    """One line of the leaderboard; a caller fills what it knows.

    Units: ``value`` and its interval in ``unit`` (``fraction`` means [0, 1] or [-1, 1], shown as per cent), times in
    seconds, memory in MiB (2**20 bytes), ``n`` in images. ``settings`` and ``versions`` are JSON; a dict becomes it.

    Attributes:
        precision, batch_size: of training; empty and 0 where it is not known.
        rate_factor: on every learning rate of the recipe.
        views: stored of every image, that training showed in turn; 0: every epoch drew anew, or it is not known.
        accumulation: steps whose gradients were added up for one update, because a batch did not fit into memory.
        coupled_batch: images that loss terms over the batch saw at once, where that is not the batch: then this is
            another experiment; else 0.
        workers: processes that trained the run together.
        schema_version: of the file that the row was written to; see ``versions``.

    Raises:
        pydantic.ValidationError (a ValueError): unknown column or status, a ``done`` row without a finite value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    attempt: int = 0
    method: str
    variant: str = ""
    method_version: int = 1
    dataset: str
    dataset_fingerprint: str = ""
    backbone: str = ""
    weights: str = ""
    image_size: int = 0
    seed: int = 0
    epochs: int = 0
    fit_on: str = "train"
    preset: str = ""
    precision: str = ""
    batch_size: int = 0
    rate_factor: float = 1.0
    views: int = 0
    accumulation: int = 1
    coupled_batch: int = 0
    workers: int = 1
    settings: str = "{}"
    split: str = "test"
    metric: str = ""
    protocol: str = ""
    protocol_id: str = ""
    level: str = "final"
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None
    unit: str = ""
    higher_is_better: bool = True
    status: Status = "done"
    error: str = ""
    train_seconds: float | None = None
    explain_seconds: float | None = None
    score_seconds: float | None = None
    peak_memory_mb: float | None = None
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    device: str = ""
    hardware: str = ""
    threads: int | None = None
    versions: str = "{}"
    revision: str = ""
    sweep: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    schema_version: int = SCHEMA_VERSION

    @field_validator("settings", "versions", mode="before")
    @classmethod
    def _json(cls, value: Any) -> Any:
        return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value

    @field_validator("*", mode="after")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if isinstance(value, str):
            # The tail of a log may hold lone surrogates, which no UTF-8 file can.
            return value.encode("utf-8", "replace").decode()
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value

    @field_validator("value", "ci_low", "ci_high", mode="after")
    @classmethod
    def _finite(cls, value: float | None) -> float | None:
        if value is not None and not isfinite(value):
            raise ValueError("not a finite number; a score that broke is a row of status 'failed' with an error")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "Row":
        if self.status == "done" and (self.value is None or not self.metric or not self.protocol_id):
            raise ValueError("a done row has a metric, a protocol_id and a finite value")
        return self


COLUMNS: tuple[str, ...] = tuple(Row.model_fields)


@cache
def schema(version: int = SCHEMA_VERSION) -> "pyarrow.Schema":
    """The Parquet schema, read off :class:`Row` so that the two cannot differ; or that of an earlier version."""
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(),
             datetime: pa.timestamp("us", tz="UTC")}
    later = {name for since, names in ADDED.items() if since > version for name in names}
    fields = []
    for name, field in Row.model_fields.items():
        if name in later:
            continue
        kind, *optional = get_args(field.annotation) or (field.annotation,)
        if name == "status":
            kind, optional = str, []
        fields.append(pa.field(name, kinds[kind], nullable=bool(optional)))
    return pa.schema(fields)


def to_table(rows: Sequence[Row]) -> "pyarrow.Table":
    """Rows as an arrow table of :func:`schema`.

    Raises:
        ValueError: no row, or two rows under one key.
    """
    import pyarrow as pa

    if not rows:
        raise ValueError("no rows to write")
    keys = [tuple(getattr(row, name) for name in KEY) for row in rows]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"two rows under one key {dict(zip(KEY, twice, strict=True))}")
    return pa.Table.from_pylist([row.model_dump() for row in rows], schema=schema())


def to_frame(table: "pyarrow.Table"):
    """The tidy pandas frame of a row table: text never missing, whole numbers whole even where some are unknown."""
    frame = table.to_pandas()
    optional = [f.name for f in schema() if f.nullable and f.type == "int64"]
    return frame.astype(dict.fromkeys(optional, "Int64"))
