"""Shares of a batch: who holds which images, and random numbers that do not depend on it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partbench.methods.across import Share, drawn, gathered, sharing


def draws(whole: int) -> torch.Tensor:
    return torch.randn(whole, 2, generator=torch.Generator().manual_seed(0))


@given(world=st.integers(1, 4), rows=st.integers(1, 6), parts=st.integers(1, 6))
def test_every_image_gets_the_random_numbers_that_it_gets_where_nothing_is_shared(world, rows, parts):
    found = torch.full((world * rows, 2), torch.nan)
    for rank in range(world):
        for part in torch.arange(rows).tensor_split(min(parts, rows)):
            with sharing(Share(world * rows, rank, world, slice(int(part[0]), int(part[-1]) + 1))):
                found[part * world + rank] = drawn(draws, len(part))
    assert torch.equal(found, draws(world * rows))


def test_where_nothing_is_shared_draws_and_terms_are_as_they_are():
    values = torch.randn(3, 2)
    assert gathered(values) is values
    assert torch.equal(drawn(draws, 3), draws(3))


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="5 images cannot be shared evenly among 2"):
        Share(5, 0, 2)


def test_random_numbers_for_other_images_than_those_at_hand_are_refused():
    with sharing(Share(6, 0, 2)), pytest.raises(ValueError, match="for 2 images, and 3 of the batch are at hand"):
        drawn(draws, 2)
