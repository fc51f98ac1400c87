"""What a user asks for: the fields of `harness run`, whether they come as flags, YAML or Python arguments."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import UserError, unknown

_LARGEST_CONFIG = 1_000_000  # bytes; a settings file is a page of text


class RunConfig(BaseModel):
    """A request for runs: every method with every seed. None means: as the data set or the method says.

    With several ``rate_factors`` each method first trains ``rate_epochs`` epochs with each of them on its learning
    rates, and keeps the one with the best accuracy on val: see :mod:`.rates`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = Field(min_length=1)
    dataset: str
    data_root: str | None = None
    backbone: str | None = None
    weights: str | None = None
    image_size: int | None = Field(None, ge=1, le=4096)
    labels: str | None = None
    decoded_side: int | None = Field(None, ge=1)
    epochs: int | None = Field(None, ge=1)
    batch_size: int | None = Field(None, ge=1)
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    rate_factors: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = Field((1.0,), min_length=1)
    rate_epochs: int = Field(4, ge=1)
    set: dict[str, Any] = Field(default_factory=dict)
    preset: Literal["quick", "default", "paper"] | None = None
    fit_on: Literal["train", "train+val"] = "train"
    split: Literal["val", "test"] = "test"
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = Field(1, ge=1)
    protocol: str = "partbench"
    fidelity_images: int | None = Field(None, ge=1)
    controls: bool = False
    out: str = "results"
    force: bool = False
    in_process: bool = False
    address: str | None = None
    gpus_per_run: float | None = Field(None, ge=0)

    @field_validator("methods", "seeds", "rate_factors", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """``"one,other@variant"``, one value, or a list of them."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return [value] if isinstance(value, int | float) else value

    @field_validator("seeds", "rate_factors")
    @classmethod
    def _distinct(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if min(value) < 0:
            raise ValueError("seeds are not negative")
        return tuple(dict.fromkeys(value))


def make_config(given: dict[str, Any], file: str | None = None) -> RunConfig:
    """The request from a YAML ``file`` with ``given`` values on top; None in ``given`` means not given.

    Raises:
        UserError: unreadable file, unknown field (with the nearest name), value out of bounds.
    """
    values = _read(Path(file)) if file else {}
    given = {name: value for name, value in given.items() if value is not None}
    if isinstance(values.get("set"), dict):
        given["set"] = {**values["set"], **given.get("set", {})}
    values |= given
    for name in values:
        if name not in RunConfig.model_fields:
            raise unknown("field of a run", str(name), RunConfig.model_fields)
    try:
        return RunConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).replace("_", "-")
        if first["type"] == "missing":
            raise UserError(f"{flag} is missing; see: harness run --help") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{flag} {first['input']!r}: {message}; see: harness run --help") from None


def parse_set(pairs: list[str]) -> dict[str, Any]:
    """``["method.counts=17,14", "method.rate=1e-3"]`` -> ``{"method.counts": [17, 14], "method.rate": 0.001}``.

    Raises:
        UserError: no ``method.setting=value``.
    """
    found = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or "." not in name:
            raise UserError(f"--set {pair}: write method.setting=value, a list with commas; "
                            "for settings see: harness show METHOD")
        parts = [_scalar(part) for part in text.split(",")]
        found[name.strip()] = parts[0] if len(parts) == 1 else parts
    return found


def _scalar(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    # YAML 1.1 reads 1e-3 as text, and dates where nobody meant one.
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if text == "null":
        return None
    return value if isinstance(value, bool | int | float) else text


class _Plain(yaml.SafeLoader):
    """YAML without aliases: a page of aliases to aliases stands for more text than fits into memory."""

    def compose_node(self, *where: Any) -> yaml.Node:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it uses an alias, *name: write the value out")
        return super().compose_node(*where)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise UserError(f"--config {path} is larger than {_LARGEST_CONFIG} bytes; that is no settings file")
        values = yaml.load(path.read_text(encoding="utf-8"), _Plain)
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror}; give a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"--config {path} is not YAML ({first}); write what the flags hold, one per line") from None
    if not isinstance(values, dict):
        raise UserError(f"--config {path} holds no fields; write what the flags hold, such as: dataset: cub")
    return values
