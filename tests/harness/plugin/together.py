"""Train methods in one process or several: ``together.py ROOT FOLDER WORLD``.

Leaves one folder for each case, with the first process's checkpoints, and what the others hold in the end.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file

from partbench import datasets
from partbench.harness.loaders import Normalise
from partbench.harness.progress import Reporter
from partbench.harness.spec import RunSpec
from partbench.harness.spread.ranks import Ranks
from partbench.harness.trainee import Trainee
from partbench.methods import Batch, create, registry
from partbench.methods.cards.base import split_name
from partbench.methods.contract.backbones import tiny_backbone


class Case(NamedTuple):
    """A training of four epochs, two steps of four images in each."""

    name: str
    method: str
    settings: dict


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
                   batch_size=BATCH, precision="fp32", threads=1, fit_on="train", preset="default")
    return Trainee(method, spec, data["train"], Normalise.of(backbone, torch.device("cpu")),
                   folder / case.name / "checkpoints", Reporter(), workers=0, ranks=ranks)


def train_all(root: str, folder: Path, ranks: Ranks) -> None:
    torch.set_num_threads(1)
    for case in CASES:
        learner = trainee(root, folder, case, ranks)
        learner.train()
        state = {name: value.contiguous() for name, value in learner.method.state_dict().items()}
        images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            state["logits"] = learner.method.eval()(Batch(images))
        save_file(state, folder / case.name / f"rank-{ranks.rank}.safetensors")


def main(root: str, folder: str, world: str) -> None:
    children = []
    for rank in range(int(world)):
        children.append(os.fork())
        if not children[-1]:
            torch.distributed.init_process_group("gloo", f"file://{folder}/.meeting", rank=rank, world_size=int(world))
            train_all(root, Path(folder), Ranks(rank, int(world)))
            torch.distributed.destroy_process_group()
            os._exit(0)
    if any(os.waitpid(child, 0)[1] for child in children):
        sys.exit("a process failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
