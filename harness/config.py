"""What a user asks for: the fields of `harness run`, whether they come as flags, YAML or Python arguments."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..errors import UserError, unknown
from .durations import seconds_of
from .memory_sizes import bytes_of

Asked = TypeVar("Asked", bound="Request")
_LARGEST_CONFIG = 1_000_000  # bytes; a settings file is a page of text
LARGEST_SEED = 2**63 - 1  # rows hold no larger number
_MOST = 2**31 - 1  # of anything that is counted
_MOST_THREADS = 1024


class Request(BaseModel):
    """What any training needs to know. None means: as the data set or the method says.

    ``prefix_store`` is in bytes, or text such as ``32GB``: what stored views of all runs may take; 0: no views are
    stored.

    ``timeout`` is in seconds, or text such as ``3h``; ``memory_per_run`` in bytes, or text such as ``6GB``: None is no
    limit. ``gradient_checkpointing`` trades time for memory, see :class:`~partbench.methods.Backbone`.
    ``workers_per_run`` processes train each run together, each of them with its threads, GPUs and memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = Field(min_length=1)
    dataset: str
    data_root: str | None = None
    backbone: str | None = None
    weights: str | None = None
    image_size: int | None = Field(None, ge=1, le=4096)
    labels: str | None = None
    decoded_side: int | None = Field(None, ge=1, le=_MOST)
    epochs: int | None = Field(None, ge=1, le=_MOST)
    batch_size: int | None = Field(None, ge=1, le=_MOST)
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    set: dict[str, Any] = Field(default_factory=dict)
    preset: Literal["quick", "default", "paper"] | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = Field(1, ge=1, le=_MOST_THREADS)
    protocol: str = "partbench"
    fidelity_images: int | None = Field(None, ge=1, le=_MOST)
    out: str = "results"
    in_process: bool = False
    address: str | None = None
    prefix_store: int | None = Field(None, ge=0, lt=2**60)
    gradient_checkpointing: bool = False
    gpus_per_run: float | None = Field(None, ge=0)
    memory_per_run: int | None = Field(None, ge=2**20)
    workers_per_run: int = Field(1, ge=1)
    timeout: float | None = Field(None, gt=0, allow_inf_nan=False)

    @field_validator("timeout", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        return seconds_of(value, "--timeout") if isinstance(value, str) else value

    @field_validator("memory_per_run", mode="before")
    @classmethod
    def _bytes(cls, value: Any) -> Any:
        return bytes_of(value) if isinstance(value, str) else value

    @field_validator("prefix_store", mode="before")
    @classmethod
    def _store(cls, value: Any) -> Any:
        return bytes_of(value, "--prefix-store", "a store", 0) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_process(self) -> "Request":
        if self.in_process and self.workers_per_run > 1:
            raise UserError("--in-process trains in this process, and --workers-per-run takes several; leave one out")
        return self

    @field_validator("methods", "seeds", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 0 or max(value) > LARGEST_SEED:
            raise ValueError(f"seeds are not negative, and at most {LARGEST_SEED}")
        return tuple(dict.fromkeys(value))


class RunConfig(Request):
    """A request for runs: every method with every seed.

    With several ``rate_factors`` each method first trains ``rate_epochs`` epochs with each of them on its learning
    rates, and keeps the one with the best accuracy on val: see :mod:`.rates`. ``sweep`` names the search that settings
    come from: the rows say it. With a ``budget``, in seconds or such as ``8h``, no run is started that would not end
    within it.
    """

    rate_factors: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = Field((1.0,), min_length=1)
    rate_epochs: int = Field(4, ge=1)
    fit_on: Literal["train", "train+val"] = "train"
    split: Literal["val", "test"] = "test"
    controls: bool = False
    sweep: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    force: bool = False
    budget: float | None = Field(None, gt=0, allow_inf_nan=False)

    @field_validator("budget", mode="before")
    @classmethod
    def _budget(cls, value: Any) -> Any:
        return seconds_of(value, "--budget") if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_of_both(self) -> "RunConfig":
        if self.force and self.budget is not None:
            raise UserError("--force with --budget would begin again with every command; give one of them")
        return self

    @field_validator("rate_factors", mode="before")
    @classmethod
    def _factors(cls, value: Any) -> Any:
        return listed(value)

    @field_validator("rate_factors")
    @classmethod
    def _distinct_factors(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(dict.fromkeys(value))


def listed(value: Any) -> Any:
    """``"one,other@variant"``, one value, or a list of them, as a list."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return [value] if isinstance(value, int | float) else value


def store_limit(limit: str | None, none: bool) -> str | None:
    """What ``--prefix-store`` and ``--no-prefix-store`` say together.

    Raises:
        UserError: they contradict each other.
    """
    if none and limit is not None:
        raise UserError("--prefix-store and --no-prefix-store exclude each other; give one of them")
    return "0" if none else limit


def make_config(given: dict[str, Any], file: str | None = None) -> RunConfig:
    """The request for runs from a YAML ``file`` with ``given`` values on top; None in ``given`` means not given.

    Raises:
        UserError: unreadable file, unknown field (with the nearest name), value out of bounds.
    """
    return make_request(RunConfig, "run", given, file)


def make_request(kind: type[Asked], command: str, given: dict[str, Any], file: str | None = None) -> Asked:
    """A request of any kind, as :func:`make_config` makes one for runs.

    Args:
        command: whose request it is, for what an error says.

    Raises:
        UserError: unreadable file, unknown field (with the nearest name), value out of bounds.
    """
    values = _read(Path(file)) if file else {}
    given = {name: value for name, value in given.items() if value is not None}
    for mapping in ("set", "search"):  # flags add to what the file holds
        if isinstance(values.get(mapping), dict):
            given[mapping] = {**values[mapping], **given.get(mapping, {})}
    values |= given
    for name in values:
        if name not in kind.model_fields:
            raise unknown(f"field of harness {command}", str(name), kind.model_fields)
        if "\0" in str(values[name]):
            raise UserError(f"--{name.replace('_', '-')} holds a NUL byte, which no name has; leave it out")
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).replace("_", "-")
        if first["type"] == "missing":
            raise UserError(f"{flag} is missing; see: harness {command} --help") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{flag} {first['input']!r}: {message}; see: harness {command} --help") from None


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
    except (yaml.YAMLError, RecursionError):
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
        with open(path, "rb") as file:
            content = file.read(_LARGEST_CONFIG + 1)  # a device would never end
        if len(content) > _LARGEST_CONFIG:
            raise UserError(f"--config {path} is larger than {_LARGEST_CONFIG} bytes; that is no settings file")
        values = yaml.load(content.decode(), _Plain)
    except OSError as error:
        raise UserError(f"--config {path}: {error.strerror}; give a YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise UserError(f"--config {path} is not YAML ({first}); write what the flags hold, one per line") from None
    if not isinstance(values, dict):
        raise UserError(f"--config {path} holds no fields; write what the flags hold, such as: dataset: cub")
    return values
