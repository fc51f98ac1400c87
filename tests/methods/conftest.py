"""A backbone small enough to run in every test, and images for it."""

import pytest
import torch

from partbench.methods import load_backbone


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("vit_tiny_patch16_224", "random", 48)


@pytest.fixture
def images():
    return torch.randn(3, 3, 48, 48, generator=torch.Generator().manual_seed(1))
