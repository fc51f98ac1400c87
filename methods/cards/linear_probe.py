"""Card of the linear probe."""

from typing import Literal

from pydantic import Field

from ...cards import Settings
from .base import MethodCard, Prefix, Tunable


class LinearProbeSettings(Settings):
    """The rate was chosen on a validation split, where two backbones agreed on it."""

    explainer: Literal["attention", "grad_cam", "layer_cam", "eigen_cam", "rollout"] = Field(
        "attention", description="what the saliency is; the trained probe is the same. attention: the class token's in "
                                 "the last block, mean of its heads; eigen_cam, rollout and attention know no target")
    features: Literal["class_token", "class_token_and_mean_patch"] = Field(
        "class_token", description="what the head reads of the final norm's output; where a backbone has no class "
                                   "token, the mean patch")
    learning_rate: float = Field(2e-3, gt=0, description="AdamW rate of the head")
    weight_decay: float = Field(1e-4, ge=0)


def _prefix(settings: LinearProbeSettings) -> Prefix | None:
    return None if settings.explainer == "rollout" else Prefix(left=1)


LINEAR_PROBE = MethodCard(
    name="linear_probe",
    title="Linear probe",
    implementation="partbench.methods.linear_probe:LinearProbe",
    settings=LinearProbeSettings,
    maps="attention heads of the class token in the last block, renormalised over patches; nobody trained them to be "
         "parts: a floor, not a result",
    tunables={
        "learning_rate": Tunable(1e-4, 1e-1, log=True),
        "weight_decay": Tunable(1e-6, 1e-1, log=True),
    },
    explaining=("explainer",),
    step_cost=0.35,
    variants={
        "grad_cam": {"explainer": "grad_cam"},
        "layer_cam": {"explainer": "layer_cam"},
        "eigen_cam": {"explainer": "eigen_cam"},
        "rollout": {"explainer": "rollout"},
    },
    batch_coupled=False,
    shares_batches=True,
    prefix=_prefix,
)
