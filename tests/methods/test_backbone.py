"""The shared backbone: it computes what timm computes, block by block, for every kind of prefix."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from partbench.errors import UserError
from partbench.methods import load_backbone

SIZES = {  # prefix tokens -> a timm model and a size at which it is small
    0: ("vit_base_patch16_siglip_224", 32),
    1: ("vit_tiny_patch16_224", 48),
    2: ("deit_tiny_distilled_patch16_224", 48),
    5: ("vit_small_patch14_reg4_dinov2", 42),
}


@pytest.fixture(scope="module")
def tiny():
    return load_backbone("vit_tiny_patch16_224", "random", 48)


def images(size: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("prefix", SIZES)
def test_blocks_one_by_one_give_timm_s_features(prefix):
    name, size = SIZES[prefix]
    backbone = load_backbone(name, "random", size)
    tokens = backbone.embed(images(size))
    for block in range(backbone.depth):
        tokens = backbone.run(tokens, block, block + 1)
    torch.testing.assert_close(backbone.norm(tokens), backbone.vit.forward_features(images(size)))
    assert backbone.prefix == prefix
    assert tokens.shape[1] == prefix + backbone.grid[0] * backbone.grid[1]


@pytest.mark.parametrize("prefix", SIZES)
def test_patches_are_the_last_tokens_whatever_stands_before_them(prefix):
    name, size = SIZES[prefix]
    with torch.device("meta"):
        backbone = load_backbone(name, "random", size)
    height, width = backbone.grid
    numbered = torch.arange(prefix + height * width).float()[None, :, None].expand(1, -1, backbone.width)
    assert backbone.patches(numbered)[0, 0].flatten().tolist() == list(range(prefix, prefix + height * width))


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "vit_small_patch14_reg4_dinov2", "vit_base_patch16_clip_224"])
def test_prompts_as_keys_and_values_equal_the_full_block(name):
    backbone = load_backbone(name, "random", 48 if "16" in name else 42)
    tokens = backbone.embed(images(backbone.image_size))
    for prompts in (torch.randn(3, backbone.width), torch.randn(2, 3, backbone.width)):
        whole = backbone.run(torch.cat([prompts.expand(2, -1, -1), tokens], 1), 0, 1)
        torch.testing.assert_close(backbone.run_with_prompts(tokens, 0, prompts), whole[:, 3:], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(backbone.read_prompts(tokens, 0, prompts), whole[:, :3], atol=1e-4, rtol=1e-4)


def test_an_isolated_prompt_does_not_see_its_siblings(tiny):
    tokens, prompts = tiny.embed(images(48)), torch.randn(4, tiny.width)
    together = tiny.read_prompts(tokens, 3, prompts, isolate=True)
    alone = torch.cat([tiny.read_prompts(tokens, 3, prompts[[k]]) for k in range(4)], 1)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_attention_rows_are_the_block_s_own_probabilities(tiny):
    tokens = tiny.embed(images(48))
    rows = tiny.attention_rows(tokens, 2, [0, 5])
    assert rows.shape == (2, tiny.heads, 2, tokens.shape[1])
    torch.testing.assert_close(rows.sum(-1), torch.ones(2, tiny.heads, 2))
    attention = tiny.vit.blocks[2].attn
    values = attention.qkv(tiny.vit.blocks[2].norm1(tokens)).unflatten(2, (3, tiny.heads, -1))[:, :, 2].transpose(1, 2)
    attended = attention.proj((rows @ values).transpose(1, 2).flatten(2))
    expected = attention(tiny.vit.blocks[2].norm1(tokens))[:, [0, 5]]
    torch.testing.assert_close(attended, expected, atol=1e-5, rtol=1e-5)


def test_a_frozen_backbone_stays_in_eval_mode_and_holds_no_gradient(tiny):
    tiny.train()
    assert not any(module.training for module in tiny.modules())
    assert not any(parameter.requires_grad for parameter in tiny.parameters())


def test_embeddings_can_stand_in_for_the_backbone_s_own(tiny):
    own = {name: value.requires_grad_() for name, value in tiny.embedding_parameters().items()}
    assert set(own) == {"cls_token", "pos_embed"}
    tokens = tiny.embed(images(48), own)
    torch.testing.assert_close(tokens, tiny.embed(images(48)))
    tokens.sum().backward()
    assert all(value.grad is not None for value in own.values())


def test_random_weights_are_the_same_every_time_and_leave_the_generator_alone():
    torch.manual_seed(5)
    one = load_backbone("vit_tiny_patch16_224", "random", 32)
    drawn = torch.rand(1)
    other = load_backbone("vit_tiny_patch16_224", "random", 32)
    torch.manual_seed(5)
    assert torch.rand(1) == drawn
    torch.testing.assert_close(one.state_dict(), other.state_dict())


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_local_weights_load_at_another_size_with_position_embeddings_interpolated(tmp_path, suffix):
    model = timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=5)
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"model": model.state_dict()}, file)
    else:
        save_file(model.state_dict(), file)
    backbone = load_backbone("vit_tiny_patch16_224", str(file), 96)
    assert backbone.grid == (6, 6)
    torch.testing.assert_close(backbone.vit.blocks[0].mlp.fc1.weight, model.blocks[0].mlp.fc1.weight.detach())
    assert backbone.vit.pos_embed.shape[1] == 37


def test_keys_that_do_not_fit_are_listed(tmp_path):
    state = timm.create_model("vit_tiny_patch16_224", img_size=32).state_dict()
    state["blocks.0.extra"] = state.pop("blocks.0.norm1.bias")
    state["norm.weight"] = torch.zeros(7)
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(UserError, match=r"missing: blocks\.0\.norm1\.bias.*unexpected: blocks\.0\.extra.*"
                                        r"another shape: norm\.weight \(7,\) instead of \(192,\)"):
        load_backbone("vit_tiny_patch16_224", str(tmp_path / "odd.pth"), 32)


class _Bomb:
    def __reduce__(self):
        return open, ("bomb", "w")


@pytest.mark.parametrize(("content", "match"), [
    ("pickle", "holds no plain tensors"), ("garbage", "holds no plain tensors"), ("list", "not a state dict"),
    ("nan", "not finite in norm.bias"), (None, "no weights at")])
def test_weights_that_are_not_plain_tensors_are_refused(tmp_path, monkeypatch, content, match):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "weights.pth"
    if content == "pickle":
        torch.save({"weight": _Bomb()}, file)
    elif content == "garbage":
        file.write_bytes(b"\0garbage" * 100)
    elif content == "list":
        torch.save([torch.zeros(2)], file)
    elif content == "nan":
        state = timm.create_model("vit_tiny_patch16_224", img_size=32).state_dict()
        state["norm.bias"][3] = torch.nan
        torch.save(state, file)
    with pytest.raises(UserError, match=match):
        load_backbone("vit_tiny_patch16_224", str(file), 32)
    assert not (tmp_path / "bomb").exists()


@pytest.mark.parametrize(("name", "size", "match"), [
    ("vit_tiny_patch16_225", 32, "did you mean 'vit_tiny_patch16_224"),
    ("vit_tiny_patch16_224", 100, "not a multiple of the patch size 16.*try 96"),
    ("vit_tiny_patch16_224", 0, "not positive"),
    ("swin_tiny_patch4_window7_224", 224, "neither a timm VisionTransformer nor a convolutional network")])
def test_a_backbone_that_cannot_be_built_says_why(name, size, match):
    with pytest.raises(UserError, match=match):
        load_backbone(name, "random", size)


def test_a_download_without_network_is_one_line_that_says_where_to_put_a_file(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "https://nowhere.invalid")
    with pytest.raises(UserError, match=r"cannot download weights of 'vit_tiny_patch16_224'.*--weights FILE"):
        load_backbone("vit_tiny_patch16_224", None, 224)
