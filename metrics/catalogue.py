"""The metrics there are, as cards: what each is called, measures in and needs. No torch."""

from dataclasses import dataclass
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
            - ``assignment``: ``update(assignment [N, P], labels)``
            - ``deletion``, ``insertion``: ``update(curve [N, S+1], labels)``

            and on data sets with planted truth alone:

            - ``removal``: ``update(evidence [N, P], score_drop [N, P], valid [N, P], labels)``
            - ``planted``: ``update(saliency [N, h, w], part_masks [N, P, H, W], discriminative [N, P], labels)``
            - ``background``: ``update(probabilities [N, C], changed [N, D, C], labels)``
        unit: ``fraction`` is shown as per cent, ``index`` as it is.
        higher_is_better: direction of ranking.
        bounds: smallest and largest possible value.
        shared_parts: needs part ids that mean the same concept in every class, so that class-specific
            parts are ``not_applicable``.
    """

    needs: Literal["logits", "peaks", "noisy_peaks", "assignment", "deletion", "insertion", "removal", "planted",
                   "background"]
    unit: Literal["fraction", "index"] = "fraction"
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    shared_parts: bool = False


HUANG = """@inproceedings{huang2023evaluation,
  title={Evaluation and Improvement of Interpretability for Self-Explainable Part-Prototype Networks},
  author={Huang, Qihan and Xue, Mengqi and Huang, Wenqi and Zhang, Haofei and Song, Jie and Jing, Yongcheng
          and Song, Mingli},
  booktitle={ICCV}, year={2023}}"""
RISE = """@inproceedings{petsiuk2018rise,
  title={RISE: Randomized Input Sampling for Explanation of Black-box Models},
  author={Petsiuk, Vitali and Das, Abir and Saenko, Kate},
  booktitle={BMVC}, year={2018}}"""
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
        _card("consistency", "Consistency", "part_consistency:Consistency", "peaks", paper=HUANG),
        _card("consistency_gain", "Consistency gain", "part_consistency_gain:ConsistencyGain", "peaks",
              bounds=(-1.0, 1.0)),
        _card("stability", "Stability", "part_stability:Stability", "noisy_peaks", paper=HUANG),
        _card("nmi", "NMI", "clustering:NMI", "assignment", shared_parts=True),
        _card("ari", "ARI", "clustering:ARI", "assignment", bounds=(-0.5, 1.0), shared_parts=True),
        _card("insertion", "Insertion", "fidelity:Insertion", "insertion", paper=RISE),
        _card("deletion", "Deletion", "fidelity:Deletion", "deletion", paper=RISE, higher_is_better=False),
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
