"""Which frozen backbone knows more about where parts are? Keypoint regression on classes that none was trained on."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from card import card
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from partbench import datasets, methods
from partbench.datasets.birds.parts import PARTS
from partbench.datasets.cards.synthetic_birds import SyntheticBirdsSettings
from partbench.datasets.synthetic_birds import SyntheticBirds
from partbench.methods.shipped import FOLDER

NAME = "vit_birds_patch8_96"
READ_OUT_SEED = 2  # classes and pictures of the read-out: the training stock again, other draws


@dataclass(frozen=True)
class Features:
    """Frozen tokens of one split: whole [N, D], patches [N, S, D]; keypoints [N, P, 2] and boxes' sides in 0 .. 1."""

    whole: Tensor
    patches: Tensor
    keypoints: Tensor
    visible: Tensor
    sides: Tensor
    labels: Tensor


@torch.no_grad()
def features(backbone: methods.Backbone, split: datasets.Split) -> Features:
    """Normalised tokens of the last block, on the ``full`` view."""
    shown = datasets.view("full", backbone.image_size)
    samples = [shown(split.read(index, masks=False)) for index in range(len(split))]
    images = torch.stack([sample.image for sample in samples]).float() / 127.5 - 1
    tokens = torch.cat([backbone.norm(backbone.run(backbone.embed(part))) for part in images.split(64)])
    size = backbone.image_size
    return Features(
        tokens[:, 0], tokens[:, backbone.prefix:], torch.stack([sample.keypoints for sample in samples]) / size,
        torch.stack([sample.visible for sample in samples]),
        torch.tensor([max(sample.box[2:]) / size for sample in samples]),
        torch.tensor([sample.label for sample in samples]))


def keypoint_error(fit: Features, test: Features, side: int, steps: int = 400) -> float:
    """Mean distance between true and read visible keypoints, as a fraction of the box's longer side.

    One linear heat map per part on frozen tokens, read by its expected place (soft argmax), fitted on ``fit``.
    """
    torch.manual_seed(0)
    centre = (torch.arange(side) + 0.5) / side
    grid = torch.stack(torch.meshgrid(centre, centre, indexing="xy"), -1).flatten(0, 1)
    mean, std = fit.patches.mean((0, 1)), fit.patches.std((0, 1))
    head = nn.Linear(fit.patches.shape[-1], len(PARTS))

    def places(patches: Tensor) -> Tensor:
        return head((patches - mean) / std).softmax(1).transpose(1, 2) @ grid

    optimiser = torch.optim.AdamW(head.parameters(), 0.01)
    for _ in range(steps):
        rows = torch.randint(len(fit.labels), (128,))
        loss = (places(fit.patches[rows]) - fit.keypoints[rows]).norm(dim=-1)[fit.visible[rows]].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        distance = (places(test.patches) - test.keypoints).norm(dim=-1) / test.sides[:, None]
    return distance[test.visible].mean().item()


def probe(fit: Features, test: Features, tokens: str) -> float:
    """Accuracy of logistic regression on the class token or on the mean patch."""
    read = (lambda found: found.whole) if tokens == "class token" else (lambda found: found.patches.mean(1))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    model.fit(read(fit).numpy(), fit.labels.numpy())
    return float(model.score(read(test).numpy(), test.labels.numpy()))


def measure(weights: Path) -> dict[str, float]:
    """Keypoint error on unseen classes, and linear probes on validation images of ``synthetic_birds``."""
    backbone = methods.load_backbone(NAME, weights=str(weights), image_size=96)
    fit, test = (
        features(backbone, SyntheticBirds(settings, "training")["train"])
        for settings in (SyntheticBirdsSettings(classes=40, train_images=25, test_images=1, seed=READ_OUT_SEED),
                         SyntheticBirdsSettings(classes=30, train_images=20, test_images=1, seed=READ_OUT_SEED + 1)))
    birds = datasets.load("synthetic_birds")
    train, val = features(backbone, birds["train"]), features(backbone, birds["val"])
    return {"keypoint_error": keypoint_error(fit, test, backbone.grid[0]),
            "probe_class_token": probe(train, val, "class token"), "probe_mean_patch": probe(train, val, "mean patch")}


def compare(folder: Path, candidates: list[str]) -> None:
    """Measure the candidates, put the better into the package and write its card's figures."""
    found = {name: measure(folder / f"{name}.safetensors") | json.loads((folder / f"{name}.json").read_text())
             for name in candidates}
    best = min(found, key=lambda name: found[name]["keypoint_error"])
    FOLDER.mkdir(exist_ok=True)
    shutil.copy(folder / f"{best}.safetensors", FOLDER / f"{NAME}.safetensors")
    parameters = sum(value.numel() for value in load_file(FOLDER / f"{NAME}.safetensors").values())
    text = card(NAME, parameters, best, found)
    (FOLDER / f"{NAME}.md").write_text(text)
    print(text)
