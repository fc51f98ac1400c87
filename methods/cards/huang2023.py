"""Card of Huang et al. 2023."""

from pydantic import Field

from .base import MethodCard, Tunable
from .patch_prototypes import TUNABLES, VARIANTS, PatchPrototypeSettings, frozen_prefix


class Huang2023Settings(PatchPrototypeSettings):
    """Defaults are those of the public training script; ``alignment``, its threshold, ``feature_rate`` and
    ``layer_decay`` matter where the backbone is fine-tuned."""

    dimension: int = Field(64, ge=1, description="channels of the add-on layer and of the prototypes")
    cluster: float = Field(0.8, ge=0, description="weight of the cosine to the nearest prototype of the own class")
    separation: float = Field(0.08, ge=0, description="weight of the cosine to the nearest prototype of another class")
    orthogonality: float = Field(1e-4, ge=0, description="weight of orthogonality of the prototypes of a class")
    alignment: float = Field(0.5, ge=0, description="weight of shallow-deep feature alignment, in the joint stage")
    alignment_threshold: float = Field(0.1, ge=0, description="difference of cosines that alignment lets pass")
    aggregation_rate: float = Field(1e-6, gt=0, description="Adam rate of the aggregation weights: as in the public "
                                                            "code, so low that they stay about 1")


HUANG2023 = MethodCard(
    name="huang2023",
    title="Huang et al. 2023",
    implementation="partbench.methods.huang2023:Huang2023",
    paper="""@inproceedings{huang2023evaluation,
  title={Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks},
  author={Huang, Qihan and Xue, Mengqi and Huang, Wenqi and Zhang, Haofei and Song, Jie and Jing, Yongcheng
          and Song, Mingli},
  booktitle={ICCV}, year={2023}, note={arXiv:2212.05946}}""",
    settings=Huang2023Settings,
    maps="projection of every patch on each prototype of the target class; prototypes are not training patches",
    class_specific=True,
    convolutional=True,
    tunables={
        **TUNABLES,
        "orthogonality": Tunable(3e-6, 3e-3, log=True),
        "alignment": Tunable(0.015, 15, log=True, where={"finetune": bool}),
    },
    # The paper's 12 epochs go over 30 stored augmentations of every image.
    step_cost=0.5,
    step_costs={"finetune": 2.5},
    epochs={"quick": 11, "default": 25, "paper": 360},
    variants=VARIANTS,
    batch_coupled=False,
    shares_batches=True,
    prefix=frozen_prefix,
)
