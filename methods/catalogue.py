"""The methods there are, and how one is built."""

from typing import TYPE_CHECKING, Any

from ..cards import Registry
from ..errors import UserError
from .cards.base import MethodCard, split_name

if TYPE_CHECKING:
    from .backbone import Backbone
    from .base import Method


def _shipped() -> list[MethodCard]:
    from . import cards

    return [cards.IVPT, cards.PROMPT_CAM, cards.VPT_SHALLOW, cards.VPT_DEEP, cards.VPT_DEEP_PROTO, cards.E2VPT,
            cards.PROTOPNET, cards.HUANG2023, cards.LINEAR_PROBE]


registry: Registry[MethodCard] = Registry("method", _shipped, "partbench.methods")


def create(name: str, backbone: "Backbone", classes: int, **settings: Any) -> "Method":
    """Build a method: ``create("ivpt@bias", backbone, classes=200, prototypes=[17, 14, 11, 8, 5])``.

    Parameters are initialised from torch's global generator: seed it first.

    Raises:
        UserError: unknown method, variant or setting, a value out of bounds, or a convolutional backbone for a method
            that needs tokens.
    """
    method, variant = split_name(name)
    card = registry.get(method)
    if backbone.convolutional and not card.convolutional:
        raise UserError(f"{method} needs a vision transformer and '{backbone.name}' is convolutional; "
                        "choose one of: harness list backbones")
    return card.load()(backbone, classes, card.resolve(variant, settings))
