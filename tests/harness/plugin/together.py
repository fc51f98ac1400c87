"""Train methods in one process, and in two together: ``together.py ROOT FOLDER``.

Leaves ``of-1`` and ``of-2``, each with a folder for every case: the first process's checkpoints, and what each process
holds in the end. What comes to one process alone is in ``of-2/told-RANK.json``.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import nn

from partbench import datasets
from partbench.errors import UserError
from partbench.harness.loaders import Normalise
from partbench.harness.progress import Reporter
from partbench.harness.spec import RunSpec
from partbench.harness.spread.ranks import Ranks
from partbench.harness.training.step import learn
from partbench.harness.training.trainee import Trainee
from partbench.methods import Batch, create, registry
from partbench.methods.across import gathered, sharing
from partbench.methods.cards.base import split_name
from partbench.methods.contract.backbones import tiny_backbone


class Case(NamedTuple):
    """A training of four epochs, two steps of four images in each."""

    name: str
    method: str
    settings: dict
    accumulation: int = 1


CASES = [
    Case("ivpt", "ivpt", {"prototypes": [5, 4, 3]}),
    Case("ivpt, embeddings", "ivpt@public", {"prototypes": [5, 4, 3], "train_embeddings": True}),
    Case("prompt_cam", "prompt_cam", {"dropout": 0.2}),
    Case("vpt_shallow", "vpt_shallow", {"prompts": 4, "dropout": 0.2}),
    Case("vpt_deep", "vpt_deep", {"prompts": 4, "dropout": 0.2}),
    Case("vpt_deep_proto", "vpt_deep_proto", {"prompts": 4}),
    Case("e2vpt", "e2vpt", {"prompts": 4}),
    Case("protopnet", "protopnet", {}),
    Case("protopnet, fine-tuned", "protopnet@finetune", {}),
    Case("huang2023", "huang2023", {}),
    Case("huang2023, fine-tuned", "huang2023@finetune", {}),
    Case("linear_probe", "linear_probe", {}),
    Case("vpt_deep_proto in parts", "vpt_deep_proto", {"prompts": 4}, accumulation=2),
]
EPOCHS, BATCH = 4, 4


def trainee(root: str, folder: Path, case: Case, ranks: Ranks) -> Trainee:
    """A fresh method on the tiny data set, the same in every process."""
    data, backbone = datasets.load("cub", root=root), tiny_backbone()
    card, variant = registry.get(split_name(case.method)[0]), split_name(case.method)[1]
    torch.manual_seed(0)
    method = create(case.method, backbone, len(data.classes), **case.settings)
    spec = RunSpec(method=card.name, variant=variant, method_version=1, settings={}, dataset="cub", dataset_options={},
                   dataset_fingerprint="", backbone="tiny", weights="", image_size=32, seed=0, epochs=EPOCHS,
                   batch_size=BATCH, precision="fp32", threads=1, fit_on="train", preset="default",
                   views=2 if card.prefix(method.settings) else 0)
    return Trainee(method, spec, data, Normalise.of(backbone, torch.device("cpu")),
                   folder / case.name / "checkpoints", Reporter(), workers=0, ranks=ranks,
                   accumulation=case.accumulation)


def train_all(root: str, folder: Path, ranks: Ranks) -> None:
    """Every case to its end; then what this process holds, and answers on three pictures."""
    for case in CASES:
        learner = trainee(root, folder, case, ranks)
        learner.train()
        state = {name: value.contiguous() for name, value in learner.method.state_dict().items()}
        images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            state["logits"] = learner.method.eval()(Batch(images))
        save_file(state, folder / case.name / f"rank-{ranks.rank}.safetensors")


def try_all(root: str, folder: Path, ranks: Ranks) -> None:
    """What each of two processes meets when something comes to one of them alone."""
    found = {name: outcome(partial(act, root, folder, ranks)) for name, act in TRIALS.items()}
    (folder / f"told-{ranks.rank}.json").write_text(json.dumps(found))


def outcome(act: Callable[[], object]) -> str:
    try:
        return str(act())
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def stopped(root: str, folder: Path, ranks: Ranks) -> None:
    """The first process is asked to stop in the third step."""
    learner = trainee(root, folder / "stopped", CASES[0], ranks)
    steps = []
    learner.reporter.tell = steps.append
    learner.reporter.stopped = lambda: ranks.first and len(steps) == 3
    with ranks.training(learner.reporter):
        learner.train()


def unready(root: str, folder: Path, ranks: Ranks) -> None:
    """The second process misses a file."""
    with ranks.agreeing():
        if not ranks.first:
            raise UserError("no such folder; give another")


def no_number(root: str, folder: Path, ranks: Ranks) -> None:
    """The second process's images make a term that is not a number."""
    class Broken(nn.Linear):
        def loss(self, batch):
            return {"term": self(batch.images).sum() * (1.0 if ranks.first else torch.nan)}

    method = Broken(2, 2)
    learn(method, None, torch.optim.SGD(method.parameters(), 0.1), Batch(torch.ones(2, 2)), "fp32", 1, ranks, "here")


def gradient(root: str, folder: Path, ranks: Ranks) -> float:
    """Of the largest of all images' values, squared, by the one parameter that each value is multiplied with."""
    factor = nn.Parameter(torch.tensor(2.0))
    images = torch.tensor([[1.0, 5.0], [3.0, 2.0]])[ranks.rank]  # images 0 and 2, images 1 and 3
    with sharing(ranks.share(2)):
        gathered(factor * images).max().square().backward()
    ranks.average_gradients(torch.optim.SGD([factor], 0.1))
    return factor.grad.item()


TRIALS = {"stopped": stopped, "unready": unready, "no number": no_number, "gradient": gradient}


def main(root: str, folder: str) -> None:
    children = []
    for world, rank in ((1, 0), (2, 0), (2, 1)):
        children.append(os.fork())
        if not children[-1]:
            torch.set_num_threads(1)
            ranks, own = Ranks(rank, world), Path(folder) / f"of-{world}"
            if world > 1:
                torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=world)
                try_all(root, own, ranks)
            train_all(root, own, ranks)
            os._exit(0)
    ends = [os.waitpid(child, 0)[1] for child in children]
    if any(ends):
        sys.exit("a process failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
