"""The metrics there are, as cards: what each is called, measures in and needs. No torch."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from ..cards import Card, Registry


@dataclass(frozen=True, kw_only=True)
class MetricCard(Card):
    """A metric's card. ``load()`` gives its accumulator class, built from a :class:`~.protocol.Protocol`.

    Attributes:
        needs: what ``update`` takes, so that one evaluation loop feeds every metric:

            - ``logits``: ``update(logits [N, C], labels [N])``
            - ``peaks``: ``update(peaks [N, K, 2], keypoints [N, P, 2], visible [N, P], labels, part_ids [N, K])``
            - ``noisy_peaks``: the same with ``perturbed_peaks [D, N, K, 2]`` after ``peaks``
            - ``strengths``: the same with ``strengths [N, K]``, each map's maximum, after ``peaks``
            - ``cover``: ``update(cover [N], labels)``, see :func:`part_cover`
            - ``assignment``: ``update(assignment [N, M], labels, true, counts)``, ``true`` [N, M] being the annotated
              parts (None: each column is one) and ``counts`` [N, M] how often each pair occurs (None: once)
            - ``overlap``: ``update(overlap [N, 4], labels)``, see :func:`mask_overlap`
            - ``centroids``: ``update(centroids [N, K, 2], active [N, K], keypoints [N, P, 2], visible [N, P], boxes
              [N, 4], labels, fit [N])``; the images where ``fit`` holds are learnt from, the others scored
            - ``deletion``, ``insertion``: ``update(curve [N, S+1], labels)``
            - ``occlusion``: ``update(evidence [N, P], score_drop [N, P], valid [N, P], labels)``

            and on data sets with planted truth alone:

            - ``removal``: ``update(evidence [N, P], score_drop [N, P], valid [N, P], labels)``
            - ``planted``: ``update(share [N], counted [N], labels)``, see :func:`discriminative_share`
            - ``background``: ``update(distance [N, D], labels)``, see :func:`total_variation`
        unit: ``fraction`` is shown as per cent, ``index`` as it is.
        higher_is_better: direction of ranking.
        bounds: smallest and largest possible value.
        shared_parts: needs part ids that mean the same concept in every class, so that class-specific
            parts are ``not_applicable``.
        annotated_parts: takes peaks, and means nothing where no keypoint is annotated.
    """

    needs: Literal["logits", "peaks", "noisy_peaks", "strengths", "cover", "assignment", "overlap", "centroids",
                   "deletion", "insertion", "occlusion", "removal", "planted", "background"]
    unit: Literal["fraction", "index"] = "fraction"
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    shared_parts: bool = False
    annotated_parts: bool = False


HUANG = """@inproceedings{huang2023evaluation,
  title={Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks},
  author={Huang, Qihan and Xue, Mengqi and Huang, Wenqi and Zhang, Haofei and Song, Jie and Jing, Yongcheng
          and Song, Mingli},
  booktitle={ICCV}, year={2023}}"""
RISE = """@inproceedings{petsiuk2018rise,
  title={RISE: Randomized Input Sampling for Explanation of Black-box Models},
  author={Petsiuk, Vitali and Das, Abir and Saenko, Kate},
  booktitle={BMVC}, year={2018}}"""
NONPARAM = """@inproceedings{zhu2025interpretable,
  title={Interpretable Image Classification via Non-parametric Part Prototype Learning},
  author={Zhu, Zhijie and Fan, Lei and Pagnucco, Maurice and Song, Yang},
  booktitle={CVPR}, year={2025}}"""
PIPNET = """@inproceedings{nauta2023pipnet,
  title={PIP-Net: Patch-Based Intuitive Prototypes for Interpretable Image Classification},
  author={Nauta, Meike and Schl{\\"o}tterer, J{\\"o}rg and van Keulen, Maurice and Seifert, Christin},
  booktitle={CVPR}, year={2023}}"""
HESSE = """@inproceedings{hesse2023funnybirds,
  title={FunnyBirds: A Synthetic Vision Dataset for a Part-Based Analysis of Explainable AI Methods},
  author={Hesse, Robin and Schaub-Meyer, Simone and Roth, Stefan},
  booktitle={ICCV}, pages={3981--3991}, year={2023}}"""


def _card(name: str, title: str, where: str, needs: str, **more) -> MetricCard:
    return MetricCard(name=name, title=title, implementation=f"partbench.metrics.{where}", needs=needs, **more)


def _shipped() -> list[MetricCard]:
    return [
        _card("accuracy", "Accuracy", "classification:Accuracy", "logits"),
        _card("accuracy_top5", "Top-5 accuracy", "classification:AccuracyTop5", "logits"),
        _card("accuracy_balanced", "Balanced accuracy", "classification:AccuracyBalanced", "logits"),
        _card("consistency", "Consistency", "part_consistency:Consistency", "peaks", paper=HUANG, annotated_parts=True),
        _card("consistency_gain", "Consistency gain", "part_consistency_gain:ConsistencyGain", "peaks", version=2,
              bounds=(-1.0, 1.0), annotated_parts=True),
        _card("consistency_global", "Consistency over all classes", "consistency_variants:ConsistencyGlobal", "peaks",
              annotated_parts=True),
        _card("consistency_min3", "Consistency of parts shown three times", "consistency_variants:ConsistencyMin3",
              "peaks", annotated_parts=True),
        _card("consistency_soft", "Hit rate of the best part", "consistency_variants:ConsistencySoft", "peaks",
              annotated_parts=True),
        _card("stability", "Stability", "part_stability:Stability", "noisy_peaks", paper=HUANG, annotated_parts=True),
        _card("stability_active", "Stability where something is hit", "part_stability:StabilityActive", "noisy_peaks",
              annotated_parts=True),
        _card("empty_rate", "Concepts that hit nothing", "part_stability:EmptyRate", "peaks", higher_is_better=False,
              annotated_parts=True),
        _card("nmi", "NMI", "clustering:NMI", "assignment", shared_parts=True),
        _card("ari", "ARI", "clustering:ARI", "assignment", bounds=(-0.5, 1.0), shared_parts=True),
        _card("keypoint_regression", "Keypoint regression error", "landmarks:KeypointRegression", "centroids",
              bounds=(0.0, inf), higher_is_better=False, shared_parts=True),
        _card("foreground_iou", "Foreground IoU", "overlap:ForegroundIoU", "overlap"),
        _card("background_iou", "Background IoU", "overlap:BackgroundIoU", "overlap"),
        _card("insertion", "Insertion", "fidelity:Insertion", "insertion", paper=RISE),
        _card("deletion", "Deletion", "fidelity:Deletion", "deletion", paper=RISE, higher_is_better=False),
        _card("insertion_normalised", "Insertion over the clean score", "fidelity:InsertionNormalised", "insertion",
              bounds=(0.0, inf)),
        _card("deletion_normalised", "Deletion over the clean score", "fidelity:DeletionNormalised", "deletion",
              bounds=(0.0, inf), higher_is_better=False),
        _card("distinctiveness", "Distinctiveness", "separation:Distinctiveness", "peaks", paper=NONPARAM),
        _card("comprehensiveness", "Comprehensiveness", "cover:Comprehensiveness", "cover", paper=NONPARAM),
        _card("purity", "Purity", "part_purity:Purity", "strengths", paper=PIPNET, annotated_parts=True),
        _card("occlusion_agreement", "Occlusion agreement", "occlusion:OcclusionAgreement", "occlusion", unit="index",
              bounds=(-1.0, 1.0)),
        _card("planted_evidence", "Planted evidence", "planted:PlantedEvidence", "removal", paper=HESSE, unit="index",
              bounds=(-1.0, 1.0)),
        _card("planted_saliency", "Planted saliency", "planted:PlantedSaliency", "planted"),
        _card("background_sensitivity", "Background sensitivity", "background:BackgroundSensitivity", "background",
              higher_is_better=False),
    ]


registry: Registry[MetricCard] = Registry("metric", _shipped, "partbench.metrics")


def versions() -> dict[str, int]:
    """Version of every shipped metric, by name: part of a protocol's identity."""
    return {card.name: card.version for card in _shipped()}
