"""Which views are shown, how many are stored, and that the cards say the prefix that the methods have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partbench.harness.prefix.choice import LIMIT, shown, view_bytes, views_seen, views_to_store
from partbench.methods import Prefix, create, load_backbone, registry

DEIT = "deit_tiny_patch16_224"


@given(st.integers(2, 8), st.integers(0, 30))
def test_views_take_turns_and_in_ten_epochs_one_gives_way_to_a_new_one(views, tens):
    turn = {shown(epoch, views) for epoch in range(10 * tens, 10 * tens + 10)}
    assert turn == set(range(tens, tens + views))
    assert views_seen(10 * tens + 10, views) == views + tens


def test_a_view_of_deit_takes_76_kilobytes_an_image_and_twice_that_with_a_warped_copy():
    assert view_bytes(DEIT, 224, 1, warped=False) == 197 * 192 * 2 == 75_648
    assert view_bytes("vit_base_patch14_reg4_dinov2.lvd142m", 518, 100, warped=True) == 100 * 2 * 1374 * 768 * 2
    assert view_bytes("resnet34", 224, 1, warped=False) is None


def test_no_more_views_than_fit_and_never_a_single_one():
    each = view_bytes(DEIT, 224, 1000, warped=True)
    prefix = Prefix(left=4, warped=True)
    counts = [views_to_store(prefix, DEIT, 224, 1000, limit) for limit in (LIMIT, 3 * each, 2 * each, 2 * each - 1, 0)]
    assert counts == [8, 3, 2, 0, 0]
    assert views_to_store(Prefix(), "resnet34", 224, 10**9, LIMIT) == 8


@pytest.mark.parametrize("prefix", [None, Prefix(left=12)])
def test_nothing_is_stored_that_saves_no_block(prefix):
    assert views_to_store(prefix, DEIT, 224, 10, LIMIT) == 0


NAMED = [name for card in registry.cards.values() for name in (card.name, *(f"{card.name}@{v}" for v in card.variants))]
SETTINGS = [(name, {}) for name in NAMED] + [("ivpt", {"equivariance": 0.0}), ("prompt_cam", {"agnostic_prompts": 0}),
                                             ("ivpt@bias", {"prototypes": [4, 3]})]


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=str)
def test_a_card_says_the_prefix_that_its_method_has(name, settings, tiny):
    method = create(name, tiny, 3, **settings)
    prefix = method.card.prefix(method.settings)
    if prefix is None:
        assert not method.prefix_blocks
    else:
        assert method.prefix_blocks == tiny.depth - prefix.left
        assert ("warped" in method.views) == prefix.warped


@pytest.fixture(scope="module")
def tiny():
    return load_backbone("vit_tiny_patch16_224", "random", 32)
