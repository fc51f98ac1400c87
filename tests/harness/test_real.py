"""The whole way on real photographs and a real backbone: minutes, so only on request (see README)."""

import os

import pytest

import partbench

DATA, WEIGHTS = os.environ.get("PARTBENCH_TEST_CUB"), os.environ.get("PARTBENCH_TEST_WEIGHTS")


@pytest.mark.slow
@pytest.mark.skipif(not (DATA and WEIGHTS), reason="needs PARTBENCH_TEST_CUB and PARTBENCH_TEST_WEIGHTS (DeiT-Ti)")
def test_an_epoch_on_real_birds_beats_chance_and_a_constant_peak_gains_nothing(tmp_path):
    frame = partbench.run(methods=["ivpt", "prompt_cam"], dataset="cub", data_root=DATA, weights=WEIGHTS,
                          backbone="deit_tiny_patch16_224", image_size=112, epochs=2, fidelity_images=5, controls=True,
                          out=str(tmp_path))
    value = frame.set_index(["method", "variant", "metric", "level"]).value
    chance = 1 / len(partbench.datasets.load("cub", root=DATA).classes)
    assert value["ivpt", "", "accuracy", "final"] > 3 * chance
    assert value["prompt_cam", "", "accuracy", "final"] > chance
    assert value["control", "constant_peak", "consistency", "final"] > 0.5
    assert value["control", "constant_peak", "consistency_gain", "final"] == 0
