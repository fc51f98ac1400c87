"""Nothing published tells of this machine, its user or its network, nor shows pictures that may not be shown."""

import io
import json
import socket

import pyarrow as pa
import pytest
from pyarrow import parquet

from partbench.leaderboard import Store
from partbench.leaderboard.publish import publish_results

RUN, PROTOCOL = "0123456789abcdef", "1a2b3c4d"
HOME = "/" + "home/mallory17"  # where no path of a machine may stand in a file, a made-up one is put together
PLACE = f"{HOME}/private-project"
PLANTED = (f"{PLACE}/x.txt", "mallory17", "box-of-mallory", "hunter2-hunter2", "m.allory@lab.example", "10.9.8.7",
           "C:\\Users\\mallory17\\y.txt", "https://mallory17:hunter2-hunter2@lab.example/z?key=hunter2-hunter2")
FORBIDDEN = ("mallory", "private-project", "box-of", "hunter2", "lab.example/z?", "10.9.8.7", "/home/", "Users")
ALL = " | ".join(PLANTED)


@pytest.fixture
def planted(store, row, failed, explain, tmp_path, monkeypatch):
    """Results with everything that shall not be told, wherever a text can stand."""
    for name, value in {"HOME": HOME, "USER": "mallory17", "LOGNAME": "mallory17",
                        "SERVICE_TOKEN": "hunter2-hunter2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(socket, "gethostname", lambda: "box-of-mallory")
    everywhere = {"weights": f"{PLACE}/w.pth", "preset": ALL, "hardware": ALL, "device": ALL, "revision": ALL,
                  "settings": {"file": ALL, f"{PLACE}/key": [ALL]}, "versions": {"torch": ALL}}
    store.write_scores(RUN, PROTOCOL, "test", [row(**everywhere), row("consistency", 0.5, unit=ALL, **everywhere)])
    error = f"Traceback\n  File \"{PLACE}/a b.py\", line 1\n{ALL}"
    store.write_attempt("ff", [failed("ff", error=error, **everywhere)])
    folder = explain(title=ALL, maps=ALL, ids=[f"{PLACE}/1.jpg", "2", "3"], classes=[ALL, "b"],
                     dataset="synthetic_birds")
    (folder / "spec.json").write_text(json.dumps({"data_root": f"{PLACE}/data", "out": ALL, "set": {"a": [ALL]}}))
    (folder / "losses.csv").write_text(f"epoch,loss\n1,{PLACE}/x\n")
    lost = tmp_path / "runs" / "ff"
    lost.mkdir()
    (lost / "spec.json").write_text("{torn " + ALL)
    (lost / "log.txt").write_text(f"{ALL}\n" * 100)
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "cub.x.json").write_text(json.dumps({"title": ALL}))
    sums = pa.table({"metric": ["accuracy", "peaks"], "level": ["final"] * 2, "label": [0, 0], "value": [0.5, None],
                     "weight": [1.0, None], "index": [None, 0], "image_id": [None, f"{PLACE}/1.jpg"],
                     "vector": pa.array([None, [0.5]], pa.list_(pa.float32()))})
    store.write_items(RUN, PROTOCOL, "test", sums.replace_schema_metadata({"evidence": "{}", "protocol": ALL}))
    return tmp_path


def _texts(site):
    """Name and content of every file, Parquet decoded."""
    for path in sorted(site.rglob("*")):
        if path.is_file() and path.name != "plotly.min.js":
            content = path.read_bytes()
            if path.suffix == ".parquet":
                table = parquet.read_table(io.BytesIO(content))
                content += repr((table.to_pylist(), table.schema.metadata)).encode()
            yield path.relative_to(site).as_posix(), content.decode("latin-1").lower()


def test_nothing_that_tells_of_this_machine_is_published(planted, tmp_path):
    site = tmp_path / "site"
    publish_results(planted, site)
    names = {name for name, _ in _texts(site)}
    assert {"index.html", f"data/items/{RUN}.{PROTOCOL}.parquet", f"data/runs/{RUN}/explanations.safetensors",
            f"data/runs/{RUN}/losses.csv", "data/runs/ff/log.txt", "data/audit/cub.x.json"} <= names
    told = [(name, word) for name, text in _texts(site) for word in FORBIDDEN if word.lower() in text]
    assert told == []
    assert str(tmp_path).lower() not in " ".join(text for _, text in _texts(site))


def test_publishing_from_another_machine_takes_out_what_is_known_by_its_looks(planted, tmp_path, monkeypatch):
    publish_results(planted, tmp_path / "one")
    monkeypatch.undo()
    assert not publish_results(tmp_path / "one" / "data", tmp_path / "one").change.files


@pytest.mark.parametrize(("facts", "images", "shown"), [
    ({"redistributable": False}, False, False),
    ({"redistributable": True}, False, False),  # CUB's card knows better than an old run
    ({"redistributable": False}, True, True),
    ({"redistributable": True, "dataset": "synthetic_birds"}, False, True),
])
def test_pictures_are_published_where_they_may_be_or_where_that_is_asked_for(
        tmp_path, row, explain, facts, images, shown):
    Store(tmp_path).write_scores(RUN, PROTOCOL, "test", [row()])
    explain(**{"dataset": "cub"} | facts)
    site = tmp_path / "site"
    publish_results(tmp_path, site, with_images=images)
    assert (site / "data" / "runs" / RUN / "explanations.safetensors").exists() == shown
    assert bool(list(site.glob("pictures*/*.jpg"))) == shown


def test_checkpoints_logits_and_logs_of_finished_runs_stay_at_home(tmp_path, row, explain):
    store = Store(tmp_path)
    store.write_scores(RUN, PROTOCOL, "test", [row()])
    folder = explain()
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.safetensors").write_bytes(b"x")
    (folder / "log.txt").write_text("done")
    publish_results(tmp_path, tmp_path / "site")
    published = {path.name for path in (tmp_path / "site" / "data").rglob("*")}
    assert not published & {"last.safetensors", "log.txt", "rows"}
