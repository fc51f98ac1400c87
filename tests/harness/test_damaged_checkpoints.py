"""Checkpoints that were damaged, or that somebody made: logged, passed by, and never run or believed."""

import json
import logging
import os
import pickle
import shutil

import pytest
import torch
from rehearsal import EPOCHS, FINAL, HOOKS, hooks, losses_file, toy, training
from safetensors.torch import load, save

from partbench.errors import UserError
from partbench.harness.progress import Interrupted
from partbench.harness.training.checkpoint import load_checkpoint, read_checkpoint
from partbench.harness.training.checkpoint_files import Unusable, described
from partbench.harness.training.train import train

NAME = FINAL.removesuffix(".safetensors")
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module")
def unbroken(tiny_cub, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train(toy(), training(tiny_cub, folder))
    return folder


@pytest.fixture
def folder(unbroken, tmp_path):
    """A copy of the unbroken training's checkpoints, to be damaged."""
    return shutil.copytree(unbroken, tmp_path / "checkpoints")


@pytest.fixture
def warnings(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("partbench"), "propagate", True)
    return lambda: [record.message for record in caplog.records if record.levelname == "WARNING"]


def rewritten(folder, name=NAME, content=None, tensors=None, **changes):
    """A checkpoint with all digests right: what somebody writes who knows how, or another version did."""
    state = json.loads((folder / f"{NAME}.json").read_text())
    known = load((folder / FINAL).read_bytes())
    content = save(known | (tensors or {})) if content is None else content
    state = {key: value for key, value in state.items() if key not in ("bytes", "sha256", "checksum")}
    (folder / f"{name}.safetensors").write_bytes(content)
    (folder / f"{name}.json").write_bytes(described(state | changes, content))


def sparse(file):
    with open(file, "wb") as opened:
        opened.truncate(2**30)


def replaced(file, put):
    file.unlink()
    put(file)


class Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["BOMB"],)


DAMAGES = {
    "tensors cut short": lambda folder: (folder / FINAL).write_bytes((folder / FINAL).read_bytes()[:-7]),
    "no bytes": lambda folder: (folder / FINAL).write_bytes(b""),
    "no tensors": lambda folder: (folder / FINAL).unlink(),
    "JSON cut short": lambda folder: (folder / f"{NAME}.json").write_text('{"stage": 1, "ep'),
    "JSON of something else": lambda folder: (folder / f"{NAME}.json").write_text("[]"),
    "JSON without end": lambda folder: sparse(folder / f"{NAME}.json"),
    "JSON without bottom": lambda folder: (folder / f"{NAME}.json").write_text(DEEP),
    "state without bottom": lambda folder: (folder / f"{NAME}.json").write_text('{"numbers": ' + DEEP + "}"),
    "tensors without end": lambda folder: sparse(folder / FINAL),
    "pickle": lambda folder: rewritten(folder, content=pickle.dumps(Bomb())),
    "link to the JSON": lambda folder: replaced(folder / f"{NAME}.json", lambda file: file.symlink_to("/etc/hosts")),
    "link to tensors": lambda folder: replaced(folder / FINAL, lambda file: file.symlink_to("/dev/zero")),
    "pipe": lambda folder: replaced(folder / f"{NAME}.json", os.mkfifo),
    "NaN weights": lambda folder: rewritten(folder, tensors={"method.head.bias": torch.full((3,), torch.nan)}),
    "NaN moments": lambda folder: rewritten(
        folder, tensors={"optimiser.head/head.bias/momentum_buffer": torch.full((3,), torch.nan)}),
    "wrong shape": lambda folder: rewritten(folder, tensors={"method.head.weight": torch.zeros(3, 9)}),
    "wrong shape of moments": lambda folder: rewritten(
        folder, tensors={"optimiser.head/head.bias/momentum_buffer": torch.zeros(4)}),
    "wrong type": lambda folder: rewritten(folder, tensors={"method.head.bias": torch.zeros(3, dtype=torch.float64)}),
    "too many tensors": lambda folder: rewritten(folder, tensors={"method.spare": torch.zeros(3)}),
    "epoch beyond the last": lambda folder: rewritten(folder, "epoch-00009", epoch=7, total=9),
    "epoch of another stage": lambda folder: rewritten(folder, stage=0, epoch=4),
    "step beyond the epoch": lambda folder: rewritten(folder, "epoch-00003-step-00000099", epoch=1, total=3, step=99),
    "name of another": lambda folder: rewritten(folder, "epoch-00005"),
    "negative epoch": lambda folder: rewritten(folder, epoch=-2),
    "epoch in words": lambda folder: rewritten(folder, epoch="two"),
    "years of work": lambda folder: rewritten(folder, seconds=float("inf")),
    "no numbers": lambda folder: rewritten(folder, numbers=None),
    "losses of one word": lambda folder: rewritten(folder, losses=["none"]),
}
BESIDE = {"epoch beyond the last", "step beyond the epoch", "name of another"}  # the last epoch itself is whole


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_gives_way_to_the_one_before_with_one_line(
        damage, folder, unbroken, tiny_cub, tmp_path, warnings, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "bomb"))
    DAMAGES[damage](folder)
    if damage in BESIDE:
        (folder / FINAL).unlink()
    method = toy()
    train(method, training(tiny_cub, folder))
    assert hooks(method) == HOOKS[5:]
    said = [line for line in warnings() if "going back to the one before" in line]
    assert len(said) == 1 + (damage in BESIDE)
    assert not [line for line in said if "\n" in line or len(line) > 400]
    assert not (tmp_path / "bomb").exists()
    for name, value in load((unbroken / FINAL).read_bytes()).items():
        assert torch.equal(load((folder / FINAL).read_bytes())[name], value), name
    assert losses_file(folder).read_text() == losses_file(unbroken).read_text()
    left = sorted(file.name for file in folder.iterdir())
    assert left == [f"epoch-{epoch:05d}.{kind}" for epoch in (EPOCHS - 1, EPOCHS) for kind in ("json", "safetensors")]


@pytest.mark.parametrize("harm", [
    lambda folder: [file.write_text("") for file in folder.glob("*.json")],
    lambda folder: [rewritten(folder, name, tensors={"method.features.weight": torch.zeros(8, 4)}, **where)
                    for name, where in ((NAME, {}), ("epoch-00003", {"epoch": 1, "total": 3}))]])
def test_without_a_checkpoint_that_fits_training_starts_anew(harm, unbroken, folder, tiny_cub, warnings):
    """Also where half of one went into the method before the other half did not fit."""
    harm(folder)
    method = toy()
    train(method, training(tiny_cub, folder))
    assert hooks(method) == HOOKS
    assert len(warnings()) == 2
    assert (folder / FINAL).read_bytes() == (unbroken / FINAL).read_bytes()


@pytest.mark.parametrize("kind", ["json", "safetensors"])
def test_no_flipped_bit_is_believed(kind, folder):
    file = folder / f"{NAME}.{kind}"
    known, content = read_checkpoint(folder, NAME), file.read_bytes()
    for place in range(0, len(content), 1 if kind == "json" else 97):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        file.write_bytes(flipped)
        try:
            found = read_checkpoint(folder, NAME)
        except Unusable:
            continue
        assert (found.position, found.numbers, found.losses) == (known.position, known.numbers, known.losses)


def test_a_method_of_other_shapes_goes_back_to_its_own(trainee, tmp_path, warnings):
    """E2VPT takes a checkpoint's shapes before its values: those of one that does not fit must not stay."""
    settings = {"learning_share": 0.5}
    reached = trainee("e2vpt", tmp_path / "whole", **settings).train()
    last = f"{reached.name}.safetensors"
    whole = tmp_path / "whole" / "checkpoints"
    shutil.copytree(whole, tmp_path / "damaged" / "checkpoints")
    harmed = tmp_path / "damaged" / "checkpoints"
    for name in (reached.name, f"epoch-{reached.total - 1:05d}"):
        state, content = json.loads((whole / f"{name}.json").read_text()), (whole / f"{name}.safetensors").read_bytes()
        content = save(load(content) | {"method.head.bias": torch.zeros(7)})
        (harmed / f"{name}.safetensors").write_bytes(content)
        state = {key: value for key, value in state.items() if key not in ("bytes", "sha256", "checksum")}
        (harmed / f"{name}.json").write_bytes(described(state, content))
    trainee("e2vpt", tmp_path / "damaged", **settings).train()
    assert len(warnings()) == 2
    assert (harmed / last).read_bytes() == (whole / last).read_bytes()


def test_a_step_whose_random_numbers_are_lost_does_not_count(folder, unbroken, tiny_cub, warnings):
    rewritten(folder, "epoch-00003-step-00000002", epoch=1, total=3, step=2, means={"total": 1.0, "terms": []})
    (folder / FINAL).unlink()
    train(toy(), training(tiny_cub, folder))
    assert [line for line in warnings() if "it does not say where random numbers stood" in line]
    assert (folder / FINAL).read_bytes() == (unbroken / FINAL).read_bytes()


def test_halves_of_checkpoints_that_a_kill_left_go_with_the_next_whole_one(folder, tiny_cub, warnings):
    (folder / f"{NAME}.json").unlink()
    for left in ("epoch-00002-step-00000001", "epoch-00003-step-00000001"):
        (folder / f"{left}.safetensors").write_bytes(b"half")
    train(toy(), training(tiny_cub, folder))
    assert {file.stem for file in folder.iterdir()} == {"epoch-00003", NAME}
    assert not warnings()


def test_a_checkpoint_of_an_earlier_version_still_counts(folder, unbroken, tiny_cub, warnings):
    """Without step, accumulation, number of bytes and checksum of itself."""
    file = folder / f"{NAME}.json"
    state = json.loads(file.read_text())
    old = {key: value for key, value in state.items() if key not in ("step", "accumulation", "bytes", "checksum")}
    file.write_text(json.dumps(old))
    method = toy()
    assert train(method, training(tiny_cub, folder)).total == EPOCHS
    assert method.calls == []
    assert not warnings()


def test_a_folder_where_a_checkpoint_belongs_is_one_line(folder, tiny_cub, warnings):
    replaced(folder / FINAL, os.mkdir)
    with pytest.raises(UserError, match=f"cannot write .*{FINAL}: Is a directory; check the path") as raised:
        train(toy(), training(tiny_cub, folder))
    assert "\n" not in str(raised.value)


def test_who_explains_a_run_is_given_the_end_of_an_epoch_and_never_half_of_one(tiny_cub, tmp_path):
    told = []

    def stop(event):
        told.append(event)
        if len(told) == 5:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(toy(), training(tiny_cub, tmp_path, stop))
    assert (tmp_path / "epoch-00001-step-00000002.json").exists()
    found, problems = load_checkpoint(tmp_path)
    assert (found.position.total, found.position.step, problems) == (1, 0, [])
