"""Card of Huang et al. 2023."""

from pydantic import Field

from ...cards import Settings
from .base import MethodCard, Tunable


class Huang2023Settings(Settings):
    """Defaults are those of the public training script; ``alignment``, its threshold, ``feature_rate`` and
    ``layer_decay`` matter where the backbone is fine-tuned."""

    finetune: bool = Field(False, description="train a copy of the backbone in the joint stage")
    prototypes_per_class: int = Field(10, ge=1)
    dimension: int = Field(64, ge=1, description="channels of the add-on layer and of the prototypes")
    cluster: float = Field(0.8, ge=0, description="weight of the cosine to the nearest prototype of the own class")
    separation: float = Field(0.08, ge=0, description="weight of the cosine to the nearest prototype of another class")
    orthogonality: float = Field(1e-4, ge=0, description="weight of orthogonality of the prototypes of a class")
    alignment: float = Field(0.5, ge=0, description="weight of shallow-deep feature alignment, in the joint stage")
    alignment_threshold: float = Field(0.1, ge=0, description="difference of cosines that alignment lets pass")
    add_on_rate: float = Field(3e-3, gt=0, description="Adam rate of the add-on layer")
    prototype_rate: float = Field(3e-3, gt=0, description="Adam rate of the prototypes")
    aggregation_rate: float = Field(1e-6, gt=0, description="Adam rate of the aggregation weights: as in the public "
                                                            "code, so low that they stay about 1")
    feature_rate: float | None = Field(None, gt=0, description="Adam rate of the backbone in the joint stage; None: "
                                                               "1e-4 for a convolutional one, 1e-5 for a transformer")
    layer_decay: float = Field(0.75, gt=0, le=1, description="factor on the backbone's rate from each block of a "
                                                             "transformer to the one before it")
    weight_decay: float = Field(1e-3, ge=0, description="of the backbone and the add-on layer")


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
        "prototypes_per_class": Tunable(2, 20, integer=True),
        "dimension": Tunable(choices=(64, 128, 256)),
        "cluster": Tunable(0.08, 8, log=True),
        "separation": Tunable(0.008, 0.8, log=True),
        "orthogonality": Tunable(1e-5, 1e-2, log=True),
        "alignment": Tunable(0.05, 5, log=True),
        "add_on_rate": Tunable(1e-4, 1e-2, log=True),
        "prototype_rate": Tunable(1e-4, 1e-2, log=True),
        "feature_rate": Tunable(1e-6, 1e-3, log=True),
    },
    # The paper's 12 epochs go over 30 stored augmentations of every image.
    step_cost=0.5,
    step_costs={"finetune": 2.5},
    epochs={"quick": 11, "default": 25, "paper": 360},
    variants={
        "frozen": {"finetune": False},
        "finetune": {"finetune": True},
    },
)
