"""Convolutional backbones: timm's own maps, taken like a transformer of zero blocks."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from partbench.errors import UserError
from partbench.methods import create, load_backbone
from partbench.methods.cards.backbones import BACKBONES

SIZE = 64


def images(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def resnet():
    return load_backbone("resnet18", "random", SIZE)


@pytest.mark.parametrize(("name", "shallow", "width"), [
    ("resnet34", 64, 512), ("densenet121", 256, 1024), ("vgg19", 256, 512), ("vgg16_bn", 256, 512)])
def test_maps_have_the_channels_and_strides_of_the_papers(name, shallow, width):
    with torch.device("meta"):
        backbone = load_backbone(name, "random", 224)
        first, last = backbone.shallow_and_deep(torch.zeros(1, 3, 224, 224))
    assert first.shape == (1, shallow, 56, 56)
    assert last.shape == (1, width, 7, 7)
    assert (backbone.width, backbone.grid, backbone.prefix, backbone.depth) == (width, (7, 7), 0, 0)
    assert not hasattr(backbone, "heads")


def test_tokens_are_the_cells_of_timm_s_last_map(resnet):
    tokens = resnet.run(resnet.embed(images()))
    assert tokens.shape == (2, 4, 512)
    expected = resnet.network.forward_features(images())
    torch.testing.assert_close(resnet.patches(resnet.norm(tokens)), expected)
    torch.testing.assert_close(resnet.shallow_and_deep(images())[1], expected)


def test_a_frozen_one_never_trains_and_its_copy_does_batch_norms_too(resnet):
    resnet.train()
    assert not any(module.training for module in resnet.modules())
    assert not any(parameter.requires_grad for parameter in resnet.parameters())
    copy = resnet.trainable_copy()
    copy.embed(images()).sum().backward()
    assert all(parameter.grad is not None for parameter in copy.parameters())
    assert copy.network.bn1.running_mean.abs().max() > 0
    assert resnet.network.bn1.running_mean.abs().max() == 0
    assert not copy.eval().network.bn1.training


@pytest.mark.parametrize(("name", "suffix"), [("resnet18", ".pth"), ("densenet121", ".safetensors")])
def test_local_weights_load_without_their_classifier(tmp_path, name, suffix):
    torch.manual_seed(3)
    model = timm.create_model(name, num_classes=7)
    file = tmp_path / f"weights{suffix}"
    state = {key: value for key, value in model.state_dict().items() if "num_batches_tracked" not in key}
    torch.save({"state_dict": state}, file) if suffix == ".pth" else save_file(state, file)
    backbone = load_backbone(name, str(file), SIZE)
    torch.testing.assert_close(backbone.patches(backbone.embed(images())), model.eval().forward_features(images()))


def test_weights_of_another_network_are_refused_by_their_keys(tmp_path):
    torch.save(timm.create_model("resnet34").state_dict(), tmp_path / "resnet34.pth")
    with pytest.raises(UserError, match=r"does not fit 'resnet18'; |does not fit 'resnet18': unexpected: layer1\.2\."):
        load_backbone("resnet18", str(tmp_path / "resnet34.pth"), SIZE)


@pytest.mark.parametrize(("name", "size", "match"), [
    ("resnet18", 100, "not a multiple of the stride 32 of 'resnet18'; try 96"),
    ("inception_v3", 64, "cannot see images of 64 pixels.*larger"),
    ("swin_tiny_patch4_window7_224", 224, "neither a timm VisionTransformer nor a convolutional network")])
def test_a_network_that_cannot_be_used_says_why(name, size, match):
    with torch.device("meta"), pytest.raises(UserError, match=match):
        load_backbone(name, "random", size)


def test_a_method_that_needs_tokens_refuses_it(resnet):
    with pytest.raises(UserError, match="prompt_cam needs a vision transformer and 'resnet18' is convolutional"):
        create("prompt_cam", resnet, 5)


def test_listed_backbones_are_models_of_timm():
    assert all(timm.is_model(name) for name in BACKBONES)
