"""Layer-wise decay: every parameter once, the output at the full rate, each layer before it slower."""

import pytest
import torch

from partbench.methods import load_backbone
from partbench.methods.layer_decay import layer_decay_groups


@pytest.mark.parametrize(("name", "layers"), [("vit_tiny_patch16_224", 14), ("resnet18", 5), ("densenet121", 5)])
def test_every_parameter_has_one_rate_that_falls_towards_the_input(name, layers):
    with torch.device("meta"):
        backbone = load_backbone(name, "random", 64).trainable_copy()
    groups = layer_decay_groups(backbone, rate=1e-3, decay=0.5, weight_decay=0.01)
    assert [group["lr"] for group in groups] == [1e-3 * 0.5 ** (layers - 1 - depth) for depth in range(layers)]
    assert {group["weight_decay"] for group in groups} == {0.01}
    given = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(given) == len(set(given))
    assert set(given) == {id(parameter) for parameter in backbone.parameters()}


def test_position_embeddings_are_the_slowest_and_the_final_norm_learns_at_the_rate():
    backbone = load_backbone("vit_tiny_patch16_224", "random", 32).trainable_copy()
    groups = layer_decay_groups(backbone, rate=1.0, decay=0.5)
    assert any(parameter is backbone.vit.pos_embed for parameter in groups[0]["params"])
    assert [parameter.shape for parameter in groups[-1]["params"]] == [(192,), (192,)]
