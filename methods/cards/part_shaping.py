"""Settings of methods whose part maps share the patches and are shaped by IVPT's losses."""


from pydantic import Field

from ...cards import Settings
from .base import Tunable


class PartShapingSettings(Settings):
    """Weights of the terms, all one in the paper, and rates."""

    classification: float = Field(1.0, ge=0, description="weight of the cross-entropy")
    presence: float = Field(1.0, ge=0, description="weight of foreground presence")
    background_presence: float = Field(1.0, ge=0, description="weight of background presence near the border")
    entropy: float = Field(1.0, ge=0, description="weight of the per-patch entropy")
    total_variation: float = Field(1.0, ge=0, description="weight of total variation, for the paper's grid of 37 x 37: "
                                   "it grows as that grid over one's own, and on few patches lets one part take all")
    equivariance: float = Field(1.0, ge=0, description="weight of equivariance under an affine warp")
    orthogonality: float = Field(1.0, ge=0, description="weight of orthogonality of the part features")
    prototype_rate: float = Field(2e-4, gt=0, description="Adam rate of prototypes, bias maps and trained embeddings")
    head_rate: float = Field(1e-2, gt=0, description="Adam rate of everything behind the prototypes")


WEIGHTS = ("classification", "presence", "background_presence", "entropy", "total_variation", "equivariance",
           "orthogonality")
TUNABLES = {
    **dict.fromkeys(WEIGHTS, Tunable(low=0.03, high=30, log=True)),
    "prototype_rate": Tunable(low=1e-5, high=1e-2, log=True),
    "head_rate": Tunable(low=3e-4, high=0.3, log=True),
}
BATCH_COUPLED = {"presence": bool}  # each part's peak is sought among all images of the batch
PAPER = """@inproceedings{wang2026ivpt,
  title={Exploring Interpretability for Visual Prompt Tuning with Cross-layer Concepts},
  author={Wang, Yubin and Jiang, Xinyang and Cheng, De and Zhao, Xiangqian and Wang, Zilong and Li, Dongsheng
          and Zhao, Cairong},
  booktitle={ICLR}, year={2026}, note={arXiv:2503.06084}}"""
