"""`harness explain`: a page that holds itself, patches that are the nearest, and a line for whatever is missing."""

import json
import re
import shutil
from collections import Counter
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from partbench import run
from partbench.datasets import view
from partbench.errors import UserError
from partbench.harness.explain import nearest as search
from partbench.harness.explain.evidence import asked_classes, explained_image
from partbench.harness.explain.nearest import COUNT, nearest_patches, peak_cells
from partbench.harness.explain.photograph import photograph
from partbench.harness.explain.subject import bring_back
from partbench.harness.loaders import PlainLoader

METHODS = ["ivpt", "prompt_cam", "protopnet", "linear_probe@grad_cam"]


@pytest.fixture(scope="module")
def results(asked, tmp_path_factory, write_tiny_cub):
    """A folder of results, the data beside it, and the id of each method's run. Do not write into it."""
    folder = tmp_path_factory.mktemp("explain")
    data = write_tiny_cub(folder / "cub", train=6)
    table = run(**asked(folder / "out", methods=METHODS, epochs=2, protocol="huang2023", data_root=str(data),
                        set={"ivpt.prototypes": [4, 3]}))
    ids = {f"{row.method}@{row.variant}".strip("@"): row.run_id for row in table.itertuples()}
    return SimpleNamespace(out=folder / "out", data=data, ids=ids)


@pytest.fixture
def own(results, tmp_path):
    """A copy to break: its methods see the copy's data."""
    shutil.copytree(results.out, tmp_path / "out")
    shutil.copytree(results.data, tmp_path / "cub")
    for file in tmp_path.glob("out/runs/*/spec.json"):
        saved = json.loads(file.read_text())
        file.write_text(json.dumps(saved | {"data_root": str(tmp_path / "cub")}))
    return SimpleNamespace(out=tmp_path / "out", data=tmp_path / "cub", ids=results.ids)


@pytest.fixture
def explain(harness, tmp_path):
    """``explain(results, "ivpt", image)``: how the command ended, and the page's text where there is one."""
    def ask(where, method, image, *more):
        page = tmp_path / "page.html"
        end = harness("explain", where.ids.get(method, method), "--image", image, "--out", where.out, "--to", page,
                      *more)
        return end, page.read_text() if page.exists() else ""
    return ask


def refused(end, *words):
    assert end.code == 2, end
    assert end.err.count("\n") == 1, end.err
    assert end.err.startswith("error: ")
    for word in words:
        assert word in end.err, (word, end.err)


def quiet(*_):
    return None


@pytest.mark.parametrize("method", METHODS)
def test_the_page_shows_prediction_evidence_parts_and_patches_and_needs_no_other_file(method, results, explain):
    end, page = explain(results, method, "108")
    assert end.code == 0, end
    assert end.err.splitlines()[1:] == []  # one line says what takes long
    for said in ("Prediction", "runner-up", "Parts", "This looks like that", results.ids[method]):
        assert said in page, said
    assert ("Citation" in page) == (method != "linear_probe@grad_cam")  # nobody's paper
    assert set(re.findall(r'(?:src|href)="([^"]{4})', page)) <= {"data", "#pre", "#evi", "#par", "#nea", "#hie", "#run"}
    assert not re.search(r"<script|@import|url\(", page)
    assert page.count("<img") > 10


def test_the_data_sets_own_file_counts_as_its_image(results, explain):
    subject = bring_back(results.ids["ivpt"][:6], str(results.out))
    by_id = photograph("108", subject)
    file = subject.data["test"].images[subject.data["test"].ids.index("108")]
    by_file = photograph(file, subject)
    assert torch.equal(by_id.image, by_file.image)
    assert (by_id.label, by_id.split) == (by_file.label, by_file.split) == (1, "test")
    assert re.search("This is its class|Its class is 012.Colour 1", explain(results, "ivpt", file)[1])
    elsewhere = results.out / "elsewhere.jpg"
    shutil.copy(file, elsewhere)
    stranger = photograph(str(elsewhere), subject)
    assert torch.equal(stranger.image, by_id.image)
    assert (stranger.label, stranger.split) == (None, "")


def test_any_photograph_will_do(results, tmp_path):
    subject = bring_back(results.ids["ivpt"], str(results.out))
    upright = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 40, 3), dtype=np.uint8))
    turned, exif = upright.transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright
    clear = Image.new("RGBA", (9, 9), (0, 0, 0, 0))
    deep = Image.fromarray(np.full((9, 9), 65535 // 2, np.uint16))
    found = {}
    for name, picture, more in [("upright.png", upright, {}), ("turned.png", turned, {"exif": exif}),
                                ("clear.png", clear, {}), ("deep.png", deep, {}), ("palette.gif", upright, {}),
                                ("dot.png", upright.crop((0, 0, 1, 1)), {}), ("ink.jpg", upright.convert("CMYK"), {}),
                                ("strip.png", upright.resize((20000, 1)), {}), ("<b>&.webp", upright, {})]:
        picture.save(tmp_path / name, **more)
        found[name] = photograph(str(tmp_path / name), subject).image
        assert (found[name].dtype, found[name].shape) == (torch.uint8, (3, 32, 32))
    assert torch.equal(found["upright.png"], found["turned.png"])
    assert (found["clear.png"] == 255).all()
    assert (found["deep.png"] == 127).all()
    shown = explained_image(subject, photograph(str(tmp_path / "<b>&.webp"), subject), [], {}, "not asked for")
    from partbench.leaderboard.explanation_page import explanation_page

    assert "<b>&.webp" not in explanation_page(shown)
    assert "&lt;b&gt;&amp;.webp" in explanation_page(shown)


@pytest.mark.parametrize("method", ["ivpt", "prompt_cam"])
def test_nearest_patches_are_the_highest_peaks_of_all_training_images(method, results):
    subject = bring_back(results.ids[method], str(results.out))
    found = nearest_patches(subject, quiet)
    peaks = {}
    for batch in PlainLoader(subject.data["train"], view("full", 32), subject.normalise, 5):
        with torch.no_grad():
            explanation = subject.method.explain(batch, batch.labels if method == "prompt_cam" else None)
        for image, ids, maps in zip(batch.ids, explanation.part_ids, explanation.part_maps, strict=True):
            for part, surface in zip(ids.tolist(), maps, strict=True):
                peaks.setdefault(("final", part), []).append((surface.max().item(), image))
    if method == "prompt_cam":  # parts of a class, on its own images alone
        assert len(peaks) == 3 * subject.method.backbone.heads
    for part, known in peaks.items():
        best = sorted(known, reverse=True)[:COUNT]
        assert [peak.strength for peak in found[part]] == pytest.approx([strength for strength, _ in best], rel=1e-4)
        assert {peak.image_id for peak in found[part]} == {image for _, image in best}


def test_a_saturated_map_peaks_in_the_middle_of_its_region():
    maps = torch.zeros(1, 2, 6, 6)
    maps[0, 0, 1:4, 2:5] = 1
    maps[0, 1, 5, 0] = 2
    assert peak_cells(maps).tolist() == [[2 * 6 + 3, 5 * 6]]


def test_a_search_that_was_stopped_goes_on_and_a_finished_one_is_not_repeated(own):
    subject = bring_back(own.ids["ivpt"], str(own.out))
    whole = nearest_patches(subject, quiet)
    file = subject.folder / "nearest.parquet"
    file.unlink()
    heard = []

    def stop(what, done, total):
        heard.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nearest_patches(subject, stop)
    assert 0 < heard[0] < len(subject.data["train"])
    went_on = []
    assert nearest_patches(subject, lambda what, done, total: went_on.append(done)) == whole
    assert went_on[0] > heard[0]
    assert nearest_patches(subject, stop) == whole  # nothing left to hear of


def test_a_cache_that_is_torn_or_of_other_weights_counts_for_nothing(own, explain):
    subject = bring_back(own.ids["ivpt"], str(own.out))
    whole, file = nearest_patches(subject, quiet), subject.folder / "nearest.parquet"
    content = file.read_bytes()
    for torn in (b"", content[:200], content[:100] + b"xxxx" + content[104:], b"PAR1" + b"0" * 99 + b"PAR1"):
        file.write_bytes(torn)
        assert nearest_patches(subject, quiet) == whole
    other = bring_back(own.ids["prompt_cam"], str(own.out))
    nearest_patches(other, quiet)
    shutil.copy(other.folder / "nearest.parquet", file)
    assert nearest_patches(subject, quiet) == whole
    file.write_bytes(content[:200])
    end, page = explain(own, "ivpt", "108")
    assert end.code == 0
    assert "torn" in end.err
    assert "this image" in page


def test_results_that_cannot_be_written_still_give_the_page(own, monkeypatch, explain):
    def full(*_):
        raise UserError("cannot write: no space left")

    for kept in own.out.glob("runs/*/nearest.parquet"):
        kept.unlink()
    monkeypatch.setattr(search, "write_whole", full)
    end, page = explain(own, "prompt_cam", "108")
    assert end.code == 0
    assert "not kept" in end.err
    assert "This looks like that" in page


def test_the_patch_that_a_prototype_was_made_of_is_marked(results):
    subject = bring_back(results.ids["protopnet"], str(results.out))
    images, width = subject.method.source_image, subject.method.backbone.grid[1]
    shown = explained_image(subject, photograph("108", subject), [], nearest_patches(subject, quiet))
    for part_set, (label, _) in zip(shown.levels, Counter(one.class_name for one in shown.evidence).items(),
                                    strict=True):
        assert part_set.of_class == label
        for part in part_set.parts:
            made_of, = [patch for patch in part.nearest if patch.pushed]
            assert made_of.class_name == label
            number = int(subject.classes.index(label.replace(" ", "_"))) * subject.method.per_class + part.position
            assert made_of.image_id == subject.data["train"].ids[images[number]]
            assert (made_of.row, made_of.col) == divmod(int(subject.method.source_cell[number]), width)


def test_parts_stand_in_the_methods_own_order_for_each_class(results):
    subject = bring_back(results.ids["prompt_cam"], str(results.out))
    shown = explained_image(subject, photograph("108", subject), [2], {}, "not asked for")
    batch = subject.normalise(photograph("108", subject).image[None])
    labels = [subject.classes.index(one.class_name.replace(" ", "_")) for one in shown.evidence]
    assert 2 in labels
    for part_set, label in zip(shown.levels, labels, strict=True):
        with torch.no_grad():
            ranking = subject.method.head_ranking(batch, torch.tensor([label]))[0].tolist()
            maps = subject.method.head_maps(batch, torch.tensor([label]))[0].numpy()
        assert [part.position for part in part_set.parts] == ranking
        for part in part_set.parts:
            np.testing.assert_allclose(part.map, maps[part.position], rtol=1e-4)


def test_the_hierarchy_shows_the_shares_of_finer_parts_and_what_final_ones_add(results, explain):
    subject = bring_back(results.ids["ivpt"], str(results.out))
    shown = explained_image(subject, photograph("108", subject), [], {}, "not asked for")
    level, = shown.hierarchy
    assert len(level.parts) == 3
    assert all(len(part.shares) == 2 and sum(part.shares) == pytest.approx(1) for part in level.parts)
    logits = subject.method(subject.normalise(photograph("108", subject).image[None]))[0]
    for one in shown.evidence:  # IVPT's logits are sums over its concepts, with nothing else in them
        label = subject.classes.index(one.class_name.replace(" ", "_"))
        assert sum(one.scores) == pytest.approx(logits[label].item(), rel=1e-4)
    page = explain(results, "ivpt", "108")[1]
    drawn = sum(share >= 0.05 for part in level.parts for share in part.shares)
    assert page.count("<path ") == drawn
    assert "<svg" not in explain(results, "prompt_cam", "108")[1]


def test_classes_are_asked_for_by_name(results, explain):
    names = ["005.Colour_0", "012.Colour_1", "Red, white"]
    assert asked_classes("colour 1,005.colour_0", names) == [1, 0]
    assert asked_classes("Red, White", names) == [2]
    page = explain(results, "ivpt", "108", "--classes", "Colour 0,Colour 2")[1]
    assert page.count("asked for, ") + page.count("predicted, ") >= 2
    refused(explain(results, "ivpt", "108", "--classes", "Color 0")[0], "unknown class 'color 0'", "005.Colour_0")


def test_without_its_data_a_run_is_still_explained(own, explain, tmp_path):
    picture = tmp_path / "photograph.jpg"
    shutil.copy(next(own.data.glob("images/*/*.jpg")), picture)
    own.data.rename(tmp_path / "moved")
    end, page = explain(own, "ivpt", picture)
    assert end.code == 0
    assert "no nearest patches" in end.out
    assert "No nearest patches" in page
    assert "Colour 1" in page  # the classes are remembered
    refused(explain(own, "ivpt", "108")[0], "no picture at '108'", "not known without the data")
    end, page = explain(own, "ivpt", "108", "--data-root", tmp_path / "moved")
    assert "this image" in page
    (own.out / "runs" / own.ids["ivpt"] / "explanations.json").unlink()
    refused(explain(own, "ivpt", picture)[0], "classes of run", "--data-root")


def test_changed_data_are_not_taken_for_those_of_the_run(own, explain, tmp_path):
    picture = tmp_path / "photograph.jpg"
    shutil.copy(next(own.data.glob("images/*/*.jpg")), picture)
    some = next(own.data.glob("images/*/*.jpg"))
    some.write_bytes(some.read_bytes() + b"more")
    end, page = explain(own, "ivpt", picture)
    assert end.code == 0
    assert "has changed since" in unescape(page)


def test_a_damaged_training_picture_costs_the_patches_alone(own, explain):
    subject = bring_back(own.ids["prompt_cam"], str(own.out))
    damaged = Path(subject.data["train"].images[0])
    damaged.write_bytes(b"\xff\xd8\xff" + b"x" * (damaged.stat().st_size - 3))
    end, page = explain(own, "prompt_cam", "108")
    assert end.code == 0
    assert "No nearest patches" in page
    assert damaged.name in page


def test_explainers_of_one_probe_find_its_checkpoints(own, explain):
    folder = own.out / "runs" / own.ids["linear_probe@grad_cam"]
    trained, = (file for file in own.out.glob("runs/*/checkpoints") if file.parent.name not in own.ids.values())
    assert not (folder / "checkpoints").exists()
    shutil.rmtree(trained)
    refused(explain(own, "linear_probe@grad_cam", "108")[0], "no whole checkpoint in", trained.parent.name)


def test_an_unfinished_training_is_said_to_be(own, explain):
    file = own.out / "runs" / own.ids["ivpt"] / "checkpoints" / "epoch-00002.json"
    first = file.with_name("epoch-00001.json")
    file.unlink()
    assert first.exists()
    assert "after 1 of 2 epochs" in explain(own, "ivpt", "108")[1]


def broken(change):
    """A change of spec.json."""
    def at(folder):
        file = folder / "spec.json"
        file.write_text(change(file.read_text()))
    return at


@pytest.mark.parametrize(("harm", "words"), [
    (lambda folder: shutil.rmtree(folder / "checkpoints"), ["no whole checkpoint", "--force"]),
    (lambda folder: [file.write_bytes(b"torn") for file in folder.glob("checkpoints/*.safetensors")],
     ["no whole checkpoint"]),
    (lambda folder: (folder / "spec.json").unlink(), ["spec.json is missing or torn"]),
    (broken(lambda text: text[:50]), ["spec.json is missing or torn"]),
    (broken(lambda text: "[]"), ["spec.json is missing or torn"]),
    (broken(lambda text: text.replace("ivpt", "ivptt")), ["unknown method 'ivptt'", "did you mean 'ivpt'?"]),
    (broken(lambda text: text.replace("ivpt.entropy", "ivpt.entropies")), ["unknown setting", "'entropy'"]),
    (broken(lambda text: text.replace('"ivpt.entropy": 1.0', '"ivpt.entropy": 2.0')), ["cannot be brought back"]),
    (broken(lambda text: text.replace('"weights": "random"', '"weights": "/nowhere.pth"')), ["/nowhere.pth"])])
def test_a_run_that_cannot_be_brought_back_is_one_line(harm, words, own, explain):
    harm(own.out / "runs" / own.ids["ivpt"])
    refused(explain(own, "ivpt", "108")[0], *words)


@pytest.mark.parametrize(("content", "words"), [
    (None, ["no picture at", "image id"]), (b"", ["cannot be read"]), (b"words", ["cannot be read"]),
    (b"\xff\xd8\xff\xe0" + b"x" * 99, ["cannot be read"]), ("folder", ["Is a directory"]), ("huge", ["pixels"])])
def test_an_image_that_is_none_is_one_line(content, words, results, explain, tmp_path, monkeypatch):
    file = tmp_path / "picture.png"
    if content == "folder":
        file.mkdir()
    elif content == "huge":
        Image.new("L", (300, 300)).save(file)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40_000)
    elif content is not None:
        file.write_bytes(content)
    refused(explain(results, "ivpt", file)[0], *words)


def test_no_such_run_and_no_image_are_one_line(results, explain, harness):
    refused(explain(results, "ffff", "108")[0], "no run 'ffff'")
    refused(harness("explain", "ffff"), "--image")


def test_pages_of_pictures_with_one_name_do_not_replace_each_other(results, harness, tmp_path):
    shutil.copytree(results.out, tmp_path / "out")
    for seed in (0, 1):
        pixels = np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "bird ü.png")
        end = harness("explain", results.ids["prompt_cam"], "--image", tmp_path / "bird ü.png", "--out",
                      tmp_path / "out")
        assert end.code == 0
    assert len(list(tmp_path.glob("out/explained/*.bird_png.*.html"))) == 2
