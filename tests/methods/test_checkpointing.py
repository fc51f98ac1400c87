"""Gradient checkpointing: the same gradients to the bit, with less kept for them."""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from partbench.methods import Batch, create
from partbench.methods.contract.backbones import tiny_backbone

CLASSES = 3


def stepped(name, checkpointing):
    """Gradients by name, and how many numbers the loss kept for them."""
    backbone = tiny_backbone(side=40)
    backbone.checkpointing = checkpointing
    torch.manual_seed(0)
    method = create(name, backbone, CLASSES).train()
    for stage in method.stages(25)[:2]:  # the second is the one that trains a copy of the backbone, where one does
        stage.enter(0)
    batch = Batch(torch.randn(4, 3, 40, 40), torch.tensor([0, 2, 1, 0])).with_warp()
    kept = []

    def keep(value):
        kept.append(value.numel())
        return value

    with saved_tensors_hooks(keep, lambda value: value):
        loss = torch.stack(list(method.loss(batch).values())).sum()
    loss.backward()
    return {key: value.grad for key, value in method.named_parameters() if value.grad is not None}, sum(kept)


@pytest.mark.parametrize("name", ["vpt_shallow", "vpt_deep", "e2vpt", "vpt_deep_proto", "prompt_cam",
                                  "prompt_cam@shallow", "ivpt", "huang2023@finetune"])
def test_gradients_are_the_same_and_less_is_kept(name):
    (plain, much), (again, little) = stepped(name, False), stepped(name, True)
    assert plain.keys() == again.keys()
    assert all(torch.equal(value, again[key]) for key, value in plain.items())
    assert little < 0.6 * much
