"""Settings of methods with m prototypes per class on the patches of a backbone, ProtoPNet's and those after it."""

from pydantic import Field

from ...cards import Settings
from .base import Prefix, Tunable


class PatchPrototypeSettings(Settings):
    """``feature_rate`` and ``layer_decay`` matter where the backbone is fine-tuned."""

    finetune: bool = Field(False, description="train a copy of the backbone in the joint stages")
    prototypes_per_class: int = Field(10, ge=1)
    add_on_rate: float = Field(3e-3, gt=0, description="Adam rate of the add-on layers")
    prototype_rate: float = Field(3e-3, gt=0, description="Adam rate of the prototypes")
    feature_rate: float | None = Field(None, gt=0, description="Adam rate of the backbone in the joint stages; None: "
                                                               "1e-4 for a convolutional one, 1e-5 for a transformer")
    layer_decay: float = Field(0.75, gt=0, le=1, description="factor on the backbone's rate from each block of a "
                                                             "transformer to the one before it")
    weight_decay: float = Field(1e-3, ge=0, description="of the backbone and the add-on layers")


def frozen_prefix(settings: PatchPrototypeSettings) -> Prefix | None:
    """The whole backbone, unless it trains."""
    return None if settings.finetune else Prefix()


TUNABLES = {
    "prototypes_per_class": Tunable(2, 20, integer=True),
    "dimension": Tunable(choices=(64, 128, 256)),
    "cluster": Tunable(0.025, 25, log=True),
    "separation": Tunable(0.0025, 2.5, log=True),
    "add_on_rate": Tunable(1e-4, 0.1, log=True),
    "prototype_rate": Tunable(1e-4, 0.1, log=True),
    # Choices, since the default, which goes by the backbone, lies on no range.
    "feature_rate": Tunable(choices=(None, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3), where={"finetune": bool}),
    "weight_decay": Tunable(3e-5, 0.03, log=True),
}
VARIANTS = {"frozen": {"finetune": False}, "finetune": {"finetune": True}}
