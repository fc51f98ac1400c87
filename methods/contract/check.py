"""The contract of methods: what each must keep to be compared on equal terms, whoever wrote it."""

from collections.abc import Callable, Mapping
from typing import Any

from ..cards.base import MethodCard, split_name
from ..catalogue import registry
from .card import declared, light, tunable
from .coupling import separate
from .evidence import (
    aimed,
    convolutional,
    finite_terms,
    independent,
    plain,
    repeatable,
    shaped,
    still_shaped,
    stored,
    various,
)
from .learning import falls, intended, pointed, resumed, rounded, shared_out
from .trial import Trial

CLAUSES: dict[str, Callable[[Trial], None]] = {
    "the card is complete": declared,
    "the card needs no torch": light,
    "what can be tuned is a setting": tunable,
    "shapes and ids fit every backbone": shaped,
    "every variant explains": various,
    "convolutional backbones fit where the card says so": convolutional,
    "stages train and share the epochs out": shared_out,
    "only what is meant to train trains": intended,
    "shapes and ids hold after training": still_shaped,
    "evaluation draws and changes nothing": repeatable,
    "a training resumes to the same bits": resumed,
    "the predicted class is explained unless another is named": aimed,
    "images do not see each other": independent,
    "a plain tensor is a batch": plain,
    "stored tokens stand for images": stored,
    "the loss is made of finite terms": finite_terms,
    "images meet in the loss only where the card says so": separate,
    "the loss falls": falls,
    "saliency finds what tells classes apart": pointed,
    "bf16 rounds and does no more": rounded,
}
"""What a method must keep, by the name that a broken clause is reported under."""


def check_method(method: MethodCard | str, *, toy: Mapping[str, Any] | None = None, toy_epochs: int | None = None,
                 **settings: Any) -> None:
    """Put a method through the contract, on backbones of a few thousand weights: seconds.

    Args:
        method: its card, or the name it is registered under, with ``@variant`` for one of its variants.
        toy: settings for one clause alone: trained on 64 pictures of two classes that only the colour of the top-left
            patch tells apart, a method's largest saliency is there. Weights of losses that suppose larger parts, or
            rates for few steps.
        toy_epochs: passes over these pictures; None: those of the card's preset ``quick``.
        settings: the method's, as for :func:`~partbench.methods.create`.

    Raises:
        AssertionError: ``"<clause>: what is wrong"``, for the first clause that is broken.
        UserError: no method, variant or setting of that name.
    """
    name, variant = split_name(method) if isinstance(method, str) else (method, "")
    card = registry.get(name) if isinstance(name, str) else name
    trial = Trial(card, variant, settings, toy or {}, toy_epochs)
    card.resolve(variant, {**settings, **(toy or {})})
    for clause in CLAUSES:
        check_clause(trial, clause)


def check_clause(trial: Trial, clause: str) -> None:
    """One clause of :data:`CLAUSES`.

    Raises:
        AssertionError: ``"<clause>: what is wrong"``.
    """
    try:
        CLAUSES[clause](trial)
    except AssertionError as broken:
        raise AssertionError(f"{clause}: {broken} ({trial.name})") from None
    except Exception as error:  # a stranger's method may fail in any way
        raise AssertionError(f"{clause}: {type(error).__name__}: {error} ({trial.name})") from error
