"""Every method keeps the contract, the contract notices what breaks it, and strangers' methods are taken or named."""

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import partbench
from partbench.errors import UserError
from partbench.methods import Tunable, check_method, registry
from partbench.methods.cards.base import split_name
from partbench.methods.contract.check import CLAUSES, check_clause
from partbench.methods.contract.trial import Trial

PLUGIN = Path(__file__).with_name("plugin")
README = Path(__file__).parents[2] / "README.md"
sys.path.insert(0, str(PLUGIN))

from votes import Votes  # noqa: E402
from votes_card import VOTES, VotesSettings  # noqa: E402

PROGRAM = [sys.executable, "-c", "from partbench.harness.cli import main; main()"]

# What the corner's pictures need that are not as a method's losses suppose. Shaping losses want parts larger than one
# patch; a soft mean of all patches is slow to single one out; and ProtoPNet may know one class by what the other lacks.
ONE_PATCH = {"presence": 0, "background_presence": 0, "entropy": 0, "total_variation": 0, "equivariance": 0}
CONCEPTS = {**ONE_PATCH, "prototypes": (9, 8, 7, 6, 9)}
SLOW = {"toy": {**CONCEPTS, "prototype_rate": 0.01}, "toy_epochs": 32}
SEPARATE = {"separation": 0.8, "prototypes_per_class": 20, "add_on_rate": 0.01, "prototype_rate": 0.01}
TOYS = {
    "ivpt": {"toy": CONCEPTS, "toy_epochs": 16}, "ivpt@last_layer": SLOW, "ivpt@bias": SLOW,
    "vpt_deep_proto": {"toy": ONE_PATCH, "toy_epochs": 16},
    "protopnet": {"toy": SEPARATE, "toy_epochs": 24},
}
NAMES = [name for card in registry.cards.values() for name in (card.name, *(f"{card.name}@{v}" for v in card.variants))]
OF_THE_CARD = {"the card is complete", "the card needs no torch", "every variant explains"}
KEPT = [(name, clause) for name in NAMES for clause in CLAUSES if "@" not in name or clause not in OF_THE_CARD]


@cache
def trial(name):
    method, variant = split_name(name)
    return Trial(registry.get(method), variant, **TOYS.get(name, TOYS.get(method, {})))


@pytest.mark.parametrize(("name", "clause"), KEPT)
def test_every_method_keeps_every_clause(name, clause):
    check_clause(trial(name), clause)


def test_what_is_well_passes_and_what_is_unknown_has_a_nearest_name():
    check_method(VOTES, learning_rate=1e-2)
    for wrong in ("prompt_cm", "prompt_cam@isolated"):
        with pytest.raises(UserError, match="did you mean"):
            check_method(wrong)
    with pytest.raises(UserError, match="learning_rate"):
        check_method("prompt_cam", toy={"learning_rate": -1})


class Foreign(Votes):
    def explain(self, batch, targets=None, saliency=True):
        found = super().explain(batch, targets, saliency)
        return replace(found, part_ids=torch.zeros_like(found.part_ids))


class Overfull(Votes):
    def explain(self, batch, targets=None, saliency=True):
        found = super().explain(batch, targets, saliency)
        return replace(found, part_maps=found.part_maps.sigmoid(), background=found.part_maps[:, 0].sigmoid())


class Sprinter(Votes):
    def stages(self, epochs):
        return [replace(stage, epochs=max(1, epochs // 2)) for stage in super().stages(epochs)]


class Idle(Votes):
    def __init__(self, *given):
        super().__init__(*given)
        self.spare = nn.Parameter(torch.zeros(3))


class Meddling(Votes):
    def centre(self, loaders):
        super().centre(loaders)
        self.backbone.vit.norm.weight.mul_(1.01)


class Adopting(Votes):
    def __init__(self, backbone, *given):
        super().__init__(backbone, *given)
        self.body = backbone


class Forgetful(Votes):
    def __init__(self, backbone, *given):
        super().__init__(backbone, *given)
        self.register_buffer("mean", torch.zeros(backbone.width), persistent=False)


class Fading(Votes):
    def explain(self, batch, targets=None, saliency=True):
        found = super().explain(batch, targets, saliency)
        return replace(found, part_maps=found.part_maps.masked_fill(self.mean.any(), torch.nan))


class Stubborn(Votes):
    def explain(self, batch, targets=None, saliency=True):
        first = torch.zeros(len(batch), dtype=torch.int64)
        return super().explain(batch, first if targets is None else targets, saliency)


class Drawing(Votes):
    def votes(self, batch):
        votes = super().votes(batch)
        return votes + 1e-3 * torch.rand(()) * (not self.training)


class Social(Votes):
    def votes(self, batch):
        votes = super().votes(batch)
        return votes - 0.1 * votes.mean(0, keepdim=True)


class Picky(Votes):
    def forward(self, batch):
        return super().forward(replace(batch, epoch=0))


class Shallow(Votes):
    def patches(self, batch):
        last = batch.tokens if getattr(batch, "tokens", None) is not None else self.tokens(batch).flip(2)
        return self.backbone.patches(self.backbone.norm(last))


class Blind(Votes):
    views = ("clean", "warped")


class Crowded(Votes):
    def loss(self, batch, labels=None):
        return {**super().loss(batch, labels), "strongest": -self(batch).amax()}


class Resting(Votes):
    def stages(self, epochs):
        return [replace(stage, schedule=lambda done: 0.0) for stage in super().stages(epochs)]


class Opposite(Votes):
    def explain(self, batch, targets=None, saliency=True):
        found = super().explain(batch, targets, saliency)
        return replace(found, saliency=-found.saliency if saliency else None)


class Coarse(Votes):
    def forward(self, batch):
        logits = super().forward(batch)
        return logits.square() if torch.is_autocast_enabled("cpu") else logits


class Attentive(Votes):
    def __init__(self, backbone, *given):
        super().__init__(backbone, *given)
        self.heads = backbone.heads


class HeavySettings(VotesSettings):
    __module__ = "partbench.methods.base"


@pytest.mark.parametrize(("broken", "card", "clause"), [
    (Votes, {"maps": ""}, "the card is complete"),
    (Votes, {"settings": HeavySettings}, "the card needs no torch"),
    (Votes, {"tunables": {"learning_rate": Tunable(low=0, high=1)}}, "what can be tuned is a setting"),
    (Foreign, {}, "shapes and ids fit every backbone"),
    (Overfull, {}, "shapes and ids fit every backbone"),
    (Votes, {"variants": {"fast": {"learning_rate": -1}}}, "every variant explains"),
    (Attentive, {"convolutional": True}, "convolutional backbones fit where the card says so"),
    (Sprinter, {}, "stages train and share the epochs out"),
    (Idle, {}, "only what is meant to train trains"),
    (Meddling, {}, "only what is meant to train trains"),
    (Adopting, {}, "only what is meant to train trains"),
    (Fading, {}, "shapes and ids hold after training"),
    (Drawing, {}, "evaluation draws and changes nothing"),
    (Forgetful, {}, "a training resumes to the same bits"),
    (Stubborn, {}, "the predicted class is explained unless another is named"),
    (Social, {}, "images do not see each other"),
    (Picky, {}, "a plain tensor is a batch"),
    (Shallow, {}, "stored tokens stand for images"),
    (Blind, {}, "the loss is made of finite terms"),
    (Crowded, {"batch_coupled": False}, "images meet in the loss only where the card says so"),
    (Resting, {}, "the loss falls"),
    (Opposite, {}, "saliency finds what tells classes apart"),
    (Coarse, {}, "bf16 rounds and does no more"),
])
def test_the_broken_clause_is_named(broken, card, clause, monkeypatch):
    card = replace(VOTES, **card)
    monkeypatch.setattr(broken, "card", card)
    monkeypatch.setattr(type(card), "load", lambda card: broken)
    with pytest.raises(AssertionError, match=rf"^{clause}: .*\(votes\)"):
        check_method(card)


def test_every_clause_has_a_method_that_breaks_it():
    [cases] = test_the_broken_clause_is_named.pytestmark
    assert {clause for _, _, clause in cases.args[1]} == set(CLAUSES)


@pytest.fixture(scope="module")
def example():
    """Code and entry points of the README's method."""
    section = README.read_text().split("## Add a method\n")[1].split("\n## ")[0]
    return [re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1] for language in ("python", "toml")]


@pytest.fixture(scope="module")
def installed(example, tmp_path_factory):
    """The environment of a new process that has the README's method, a healthy stranger's and two broken ones."""
    site = tmp_path_factory.mktemp("site")
    (site / "my_votes.py").write_text(example[0])
    points = tomllib.loads(example[1])["project"]["entry-points"]["partbench.methods"]
    points |= {"votes": "votes_card:VOTES", "unloadable": "votes_card:UNLOADABLE", "absent": "votes_card:ABSENT"}
    about = site / "strangers-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (about / "entry_points.txt").write_text(f"[partbench.methods]\n{lines}")
    path = os.pathsep.join(filter(None, (str(PLUGIN), str(site), os.environ.get("PYTHONPATH", ""))))
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def start(installed, *command):
    return subprocess.run(command, env=installed, capture_output=True, text=True, check=False, timeout=300)


def test_the_readme_s_method_of_45_lines_keeps_the_contract(example, installed):
    assert len([line for line in example[0].splitlines() if line.strip()]) <= 45
    done = start(installed, sys.executable, PLUGIN / "visit.py", '["patch_votes", "votes@slow", "absent"]')
    names, broken, verdicts = json.loads(done.stdout)
    assert verdicts.pop("absent").startswith("method 'absent' cannot be imported (AttributeError")
    assert verdicts == {"patch_votes": "kept", "votes@slow": "kept"}
    assert {"patch_votes", "votes", "unloadable", "ivpt"} <= set(names)
    assert list(broken) == ["absent"]


def test_a_method_that_cannot_be_imported_is_listed_with_the_reason(installed):
    done = start(installed, *PROGRAM, "list", "methods")
    assert not done.returncode
    [line] = [line for line in done.stdout.splitlines() if "ABSENT" in line]
    assert "absent" in line
    assert all(name in done.stdout for name in ("patch_votes", "votes", "ivpt", "linear_probe"))


def test_a_method_whose_class_is_missing_fails_alone(installed, tiny_cub, tmp_path):
    request = {"methods": "unloadable,patch_votes", "dataset": "cub", "data-root": tiny_cub, "weights": "random",
               "backbone": "vit_tiny_patch16_224", "image-size": 32, "epochs": 2, "batch-size": 4, "fidelity-images": 2}
    flags = [word for name, value in request.items() for word in (f"--{name}", str(value))]
    done = start(installed, *PROGRAM, "run", *flags, "--in-process", "--out", tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    rows = partbench.leaderboard.load(tmp_path)
    [failed] = rows[rows.status == "failed"].itertuples()
    assert failed.method == "unloadable"
    assert failed.error.partition("\n")[0] == "ModuleNotFoundError: No module named 'votes_of_nobody'"
    scored = rows[(rows.status == "done") & (rows.method == "patch_votes")]
    assert {"accuracy", "consistency", "insertion"} <= set(scored.metric)
