import pytest
import torch

from partbench.metrics import accuracy, accuracy_balanced

LOGITS = torch.tensor([[3.0, 2, 1], [3, 2, 1], [1, 3, 2], [1, 2, 3]])
LABELS = torch.tensor([0, 0, 0, 2])


def test_accuracy_counts_images_and_balanced_accuracy_classes():
    assert accuracy(LOGITS, LABELS) == 0.75
    assert accuracy(LOGITS, torch.tensor([1, 0, 2, 0]), top=2) == 0.75
    assert accuracy_balanced(LOGITS, LABELS) == pytest.approx((2 / 3 + 1) / 2)


def test_equal_logits_are_right_for_one_class_only():
    assert accuracy(torch.zeros(3, 3), torch.arange(3)) == pytest.approx(1 / 3)
    assert accuracy(torch.zeros(8, 8), torch.arange(8), top=5) == pytest.approx(5 / 8)


def test_a_nan_is_never_right():
    assert accuracy(torch.full((2, 3), float("nan")), torch.tensor([0, 1]), top=3) == 0
