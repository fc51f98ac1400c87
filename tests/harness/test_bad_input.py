"""Bad input through the command line: exit code 2, one line that names cause and mend, no rows, nothing lost."""

import errno
import os
import pickle
import shutil
import time
from contextlib import suppress
from pathlib import Path
from textwrap import indent

import pytest
import torch
from safetensors.torch import save_file

from partbench.leaderboard import Store

LAUGHS = "\n".join(["- &a0 [lol, lol]", *(f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])


def refused(end, *words: str) -> None:
    """One line on stderr, with these words, and nothing of Python's."""
    assert end.code == 2, end
    lines = end.err.splitlines()
    assert len(lines) == 1, end.err
    assert lines[0].startswith("error: ")
    assert len(lines[0]) < 1200
    assert "Traceback" not in end.out + end.err
    for word in words:
        assert word in lines[0], (word, lines[0])


def no_rows(out: Path) -> None:
    assert not list(out.glob("rows/*"))


@pytest.fixture
def refuses(harness, flags, tmp_path):
    """Run the tiny request with changes, which has to be refused with these words."""
    def check(*words, extra=(), **changes):
        refused(harness("run", *flags(tmp_path / "out", **changes), *extra), *words)
        no_rows(tmp_path / "out")
    return check


FLAGS = {
    "unknown method": ({"methods": "ivptt"}, "unknown method 'ivptt'", "did you mean 'ivpt'?"),
    "unknown method, nothing near": ({"methods": "zzz"}, "unknown method 'zzz'", "known: e2vpt, huang2023, ivpt"),
    "no method": ({"methods": None}, "--methods is missing", "--help"),
    "empty methods": ({"methods": " , "}, "--methods", "at least 1"),
    "unknown variant": ({"methods": "ivpt@biass"}, "unknown variant of ivpt 'biass'", "did you mean 'bias'?"),
    "unknown dataset": ({"dataset": "cubs"}, "unknown dataset 'cubs'", "did you mean 'cub'?"),
    "no dataset": ({"dataset": None}, "--dataset is missing"),
    "unknown backbone": ({"backbone": "vit_tiny_patch16_225"}, "unknown backbone", "did you mean 'vit_tiny_patch16_2"),
    "a backbone that is no plain ViT": ({"backbone": "resnet18"}, "resnet18", "list backbones"),
    "gradient checkpointing without blocks": (
        {"methods": "protopnet", "backbone": "resnet18", "gradient_checkpointing": True}, "resnet18 has none", "leave"),
    "unknown setting": ({"set": ["ivpt.prototype=4"]}, "setting of ivpt 'prototype'", "did you mean 'prototypes'?"),
    "setting out of bounds": ({"set": ["ivpt.entropy=-1"]}, "ivpt.entropy=-1", "greater than or equal to 0", "show"),
    "setting of another kind": ({"set": ["ivpt.prototypes=many"]}, "ivpt.prototypes='many'", "show ivpt"),
    "setting that is not a number": ({"set": ["ivpt.entropy=.nan"]}, "ivpt.entropy", "finite"),
    "setting that is infinite": ({"set": ["ivpt.head_rate=.inf"]}, "ivpt.head_rate", "finite"),
    "too few prototypes": ({"set": ["ivpt.prototypes=1,1"]}, "at least 2 prototypes"),
    "set without value": ({"set": ["ivpt.prototypes"]}, "write method.setting=value"),
    "set with an empty value": ({"set": ["ivpt.prototypes="]}, "ivpt.prototypes=''"),
    "set without method": ({"set": ["prototypes=4"]}, "write method.setting=value"),
    "set of an unknown method": ({"set": ["ivtp.entropy=1"]}, "unknown method 'ivtp'", "did you mean 'ivpt'?"),
    "set of a method not asked for": ({"methods": "ivpt", "set": ["prompt_cam.depth=deep"]}, "add it to --methods"),
    "epochs 0": ({"epochs": 0}, "--epochs 0", "greater than or equal to 1"),
    "epochs no number": ({"epochs": "many"}, "'--epochs'", "valid integer"),
    "batch size 0": ({"batch_size": 0}, "--batch-size 0"),
    "negative seed": ({"seeds": "-1"}, "--seeds", "not negative"),
    "seed no number": ({"seeds": "0,x"}, "--seeds 'x'", "integer"),
    "no seeds": ({"seeds": ","}, "--seeds", "at least 1"),
    "unknown preset": ({"preset": "fast"}, "--preset 'fast'", "'quick', 'default' or 'paper'"),
    "unknown split": ({"split": "train"}, "--split 'train'", "'val' or 'test'"),
    "unknown precision": ({"precision": "fp16"}, "--precision 'fp16'", "'fp32' or 'bf16'"),
    "val scored after training on it": ({"split": "val", "fit_on": "train+val"}, "--split val", "--fit-on train"),
    "image size 0": ({"image_size": 0}, "--image-size 0"),
    "image size no multiple of the patch": ({"image_size": 40}, "40 is not a multiple of the patch size 16", "try 32"),
    "no threads": ({"threads": 0}, "--threads 0"),
    "missing data root": ({"data_root": "/nowhere/cub"}, "/nowhere/cub: no such folder", "--data-root", "data get cub"),
    "missing weights": ({"weights": "/nowhere/deit.pth"}, "--weights /nowhere/deit.pth: No such file", "'random'"),
    "results in the memory of Ray's driver": (
        {"out": "memory://results", "in_process": None}, "--out memory://results", "add --in-process"),
}


@pytest.mark.parametrize("case", FLAGS)
def test_a_flag_that_cannot_work_is_one_line(case, refuses):
    changes, *words = FLAGS[case]
    refuses(*words, **changes)


@pytest.mark.parametrize(("extra", "words"), [
    (["--epoch", "3"], ["No such option: --epoch", "--epochs"]), (["--epochs"], ["--epochs", "argument"]),
    (["cub"], ["unexpected extra argument"])], ids=["unknown flag", "flag without value", "stray word"])
def test_a_command_line_that_cannot_be_parsed_is_one_line(extra, words, refuses):
    refuses(*words, extra=extra)


@pytest.mark.parametrize("command", [["list", "methds"], ["show", "ivtp"], ["show", "ivpt@biass"], ["rum"]])
def test_other_commands_name_the_nearest_word(command, harness, tmp_path):
    out = [] if command[0] == "rum" else ["--out", tmp_path]
    refused(harness(*command, *out), "did you mean" if out else "rum")


@pytest.mark.parametrize("command", [["why", "0123"], ["report"]])
def test_commands_on_results_that_are_not_there_say_so(command, harness, tmp_path):
    refused(harness(*command, "--out", tmp_path / "none"), "no r", "none", "--out")


FILES = {
    "unknown field": ("methods: ivpt\nepoch: 3\n", "unknown field of harness run 'epoch'", "did you mean 'epochs'?"),
    "not YAML": ("methods: [ivpt\n", "is not YAML"),
    "bytes": (b"\x80\x02\xff\x00", "is not YAML"),
    "a list": ("- methods\n- ivpt\n", "holds no fields"),
    "empty": ("", "holds no fields"),
    "too large": ("# " + "x" * 1_000_001, "larger than"),
    "nested too deep": ("methods: " + "[" * 900_000, "is not YAML"),
    "a tag that runs code": ("methods: !!python/object/apply:os.mkdir [made]\n", "is not YAML"),
    "billion laughs": ("methods:\n" + LAUGHS, "uses an alias"),
    "billion laughs in a setting": (
        "methods: ivpt\nset:\n  ivpt.prototypes:\n" + indent(LAUGHS, "  "), "uses an alias"),
    "set that is no mapping": ("methods: ivpt\nset: [1]\n", "--set"),
    "a field of another kind": ("methods: ivpt\nimage_size: [32]\n", "--image-size [32]"),
    "a field that is a number": ("methods: 5\n", "--methods 5"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_config_that_cannot_work_is_one_line_at_once(case, refuses, tmp_path, monkeypatch):
    content, *words = FILES[case]
    file = tmp_path / "request.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()
    refuses(*words, methods=None, image_size=None, extra=["--config", str(file)])
    assert time.monotonic() - started < 10
    assert not (tmp_path / "made").exists()


def test_a_config_that_is_missing_or_a_folder_is_one_line(refuses, tmp_path):
    refuses("--config", "No such file", extra=["--config", str(tmp_path / "none.yaml")])
    refuses("--config", "directory", extra=["--config", str(tmp_path)])


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("save", [
    lambda value, path: torch.save(value, path), lambda value, path: path.write_bytes(pickle.dumps(value))])
def test_a_pickle_with_code_is_refused_and_its_code_never_runs(save, refuses, tmp_path):
    file, trap = tmp_path / "weights.pth", tmp_path / "trap"
    save({"model": Harmful(str(trap))}, file)
    refuses("weights.pth holds no plain tensors", "state dict", weights=str(file))
    assert not trap.exists()
    with suppress(Exception):
        torch.load(file, weights_only=False)
    assert trap.exists()  # the file is what it claims to be


@pytest.mark.parametrize(("change", "words"), [
    (lambda state: {key: value for key, value in state.items() if key != "norm.bias"}, ["missing: norm.bias"]),
    (lambda state: state | {"extra": torch.ones(2)}, ["unexpected: extra"]),
    (lambda state: state | {"norm.bias": torch.ones(7)}, ["norm.bias (7,) instead of (192,)"]),
    (lambda state: state | {"norm.bias": torch.full((192,), torch.nan)}, ["not finite in norm.bias"]),
    (lambda state: {}, ["not a state dict"]),
], ids=["key missing", "key too many", "another shape", "NaN", "empty"])
def test_weights_that_do_not_fit_are_one_line_that_lists_keys(change, words, refuses, tmp_path):
    import timm

    file = tmp_path / "weights.pth"
    torch.save(change(timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=32).state_dict()), file)
    refuses("weights.pth", *words, weights=str(file))


def test_torn_weights_are_one_line(refuses, tmp_path):
    save_file({"a": torch.ones(9)}, whole := tmp_path / "whole.safetensors")
    for name, content in (("torn.safetensors", whole.read_bytes()[:-5]), ("torn.pth", b"PK\x03\x04"), ("no.pth", b"")):
        (tmp_path / name).write_bytes(content)
        refuses(f"{name} holds no plain tensors", weights=str(tmp_path / name))


@pytest.fixture
def folder(tiny_cub, tmp_path):
    return shutil.copytree(tiny_cub, tmp_path / "cub")


def test_a_missing_annotation_file_is_one_line_with_the_layout(folder, refuses):
    (folder / "bounding_boxes.txt").unlink()
    refuses("lacks bounding_boxes.txt", "parts/part_locs.txt", data_root=str(folder))


@pytest.mark.parametrize(("damage", "word"), [
    (Path.unlink, "missing"),
    (lambda file: file.write_bytes(file.read_bytes()[:-40]), "truncated"),
    (lambda file: file.write_bytes(b""), "empty"),
    (lambda file: file.write_text("<html>not found</html>"), "not a picture")])
def test_a_picture_that_cannot_be_read_is_found_before_training(damage, word, folder, refuses):
    damage(file := sorted(folder.glob("images/*/*.jpg"))[0])
    refuses(str(file), word, data_root=str(folder))


def test_a_picture_damaged_inside_fails_its_run_by_name_and_the_other_runs_go_on(folder, harness, flags, tmp_path):
    file = sorted(folder.glob("images/*/*.jpg"))[0]
    content = bytearray(file.read_bytes())
    place = content.index(b"\xff\xc0")  # the frame header: both ends of the file look well
    content[place + 2:place + 12] = bytes(10)
    file.write_bytes(content)
    out = tmp_path / "out"
    end = harness("run", *flags(out, data_root=str(folder)))
    assert end.code == 1, end
    frame, _ = Store(out).read()
    assert set(frame.status) == {"failed"}
    assert set(frame.method) == {"ivpt", "prompt_cam"}
    assert frame.error.str.contains(file.name, regex=False).all()
    why = harness("why", frame.run_id[0], "--out", out)
    assert file.name in why.out.splitlines()[0]


def test_results_cannot_go_into_a_file(refuses, tmp_path):
    (tmp_path / "out").write_text("not a folder")
    refuses("out", "file, not a folder", "choose another --out")
    assert (tmp_path / "out").read_text() == "not a folder"


@pytest.mark.parametrize(("number", "words"), [
    (errno.EACCES, "permission denied"), (errno.EROFS, "read-only"), (errno.ENOSPC, "no space left")])
def test_a_results_folder_that_cannot_be_written_is_one_line_before_training(number, words, refuses, monkeypatch):
    def deny(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", deny)
    refuses(words, "rows")


def test_a_disk_that_fills_up_while_training_fails_the_run_and_space_lets_it_continue(
        harness, flags, tmp_path, monkeypatch):
    rename = os.replace

    def full(source, target):
        if "epoch-00002" in str(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        end = harness("run", *flags(tmp_path, methods="prompt_cam"))
    assert end.code == 1
    frame, _ = Store(tmp_path).read()
    assert list(frame.status) == ["failed"]
    assert "space" in frame.error[0]
    assert not list(tmp_path.glob("runs/*/checkpoints/.*.tmp"))
    assert harness("run", *flags(tmp_path, methods="prompt_cam")).code == 0
    assert "continuing after epoch 1 of 2" in next(tmp_path.glob("runs/*/log.txt")).read_text()
    assert "failed" not in set(Store(tmp_path).read()[0].status)
