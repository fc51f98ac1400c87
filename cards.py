"""Cards: what the harness knows of a component without importing it (no torch, no ray)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from .errors import UserError, unknown

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_plain(name: str) -> bool:
    """Whether a name can become part of a file's name, whoever chose it."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Settings(BaseModel):
    """Base of every component's settings: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A component as the plan, the lists and the validation see it.

    Attributes:
        name: what users type.
        title: what tables print.
        implementation: where the component is, ``"module:attribute"``; imported by :meth:`load` only.
        paper: BibTeX, or None.
        version: raised when numbers change; part of a run's identity.
        settings: pydantic model of what can be set, with bounds and defaults.
    """

    name: str
    title: str
    implementation: str
    paper: str | None = None
    version: int = 1
    settings: type[BaseModel] = Settings

    def load(self) -> Any:
        """Import the component and return it."""
        return locate(self.implementation)


def locate(path: str) -> Any:
    """Import ``"module:attribute"``."""
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


C = TypeVar("C", bound=Card)


class Registry(Generic[C]):
    """The cards of one kind: those shipped here, and those of third parties under an entry-point group."""

    def __init__(self, kind: str, shipped: Callable[[], list[C]], group: str):
        self.kind = kind
        self._shipped = shipped
        self._group = group
        self.broken: dict[str, str] = {}

    @cached_property
    def cards(self) -> dict[str, C]:
        """Every card by name. A third party's card that fails to import is kept in ``broken`` with the reason."""
        cards = {card.name: card for card in self._shipped()}
        for entry in entry_points(group=self._group):
            try:
                card = entry.load()
            except Exception as error:  # a stranger's module may fail in any way, and must break nothing else
                self.broken[entry.name] = f"{type(error).__name__}: {error}"
            else:
                if all(map(is_plain, (card.name, *getattr(card, "variants", ())))):
                    cards.setdefault(card.name, card)
                else:
                    self.broken[entry.name] = "its name, or a variant's, is not 1 to 64 letters, digits, - and _"
        return cards

    def names(self) -> list[str]:
        return sorted(self.cards)

    def get(self, name: str) -> C:
        """The card called ``name``.

        Raises:
            UserError: there is none; names the nearest one.
        """
        if name in self.cards:
            return self.cards[name]
        if name in self.broken:
            raise UserError(f"{self.kind} '{name}' cannot be imported ({self.broken[name]}); mend or remove it")
        raise unknown(self.kind, name, self.cards)
