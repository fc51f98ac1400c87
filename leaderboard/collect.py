"""From a leaderboard frame to boards: which rows are repetitions of one experiment, and where each line stands."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING

from .board import CONTROL, Board, Column, Failure, Line, Score
from .class_sums import ClassSums
from .older_rows import UNSAID, completed
from .rows import SCORED

if TYPE_CHECKING:
    import pandas

# Runs that agree in all of these, and in where they stand, are repetitions; only those are averaged.
_SETUP = ["method_version", "settings", "epochs", "fit_on", "preset", "weights", "image_size", "dataset_fingerprint",
          "sweep", "precision", "batch_size", "rate_factor", "views", "coupled_batch"]
_NORMAL = NormalDist().inv_cdf(0.975)  # half a 95 % interval, in standard errors
_FOUND = "setting"  # stands for all that a search found, where it found several
_EXPERIMENT = ["dataset", "split", "backbone", "protocol_id", "method", "variant", *_SETUP]
_ORDER = ["accuracy", "consistency", "consistency_gain", "stability", "insertion", "deletion", "occlusion_agreement",
          "planted_evidence", "planted_saliency", "background_sensitivity", "nmi", "ari", "keypoint_regression",
          "foreground_iou", "background_iou", "consistency_global", "consistency_min3", "consistency_soft",
          "stability_active", "empty_rate", "distinctiveness", "comprehensiveness", "purity", "insertion_normalised",
          "deletion_normalised", "accuracy_top5", "accuracy_balanced"]
Place = tuple[str, str, str, str]  # dataset, split, backbone, protocol_id


def boards(frame: "pandas.DataFrame", sums: ClassSums | None = None) -> list[Board]:
    """Gather a leaderboard frame, ordered by data set, backbone, protocol and split.

    ``sums``, of the store that the frame came from, gives lines of several seeds an interval over seeds and classes,
    and lets lines be compared class by class.

    Controls see no features, so they stand on every board of their data set, split and protocol. A run that failed
    before it came to a protocol stands on every board of its data set, split and backbone. What a search scored on val
    stands on none: its best is the best of many, chosen by these very scores.
    """
    frame = frame[(frame["sweep"] == "") | (frame["split"] != "val")]
    frame = frame.assign(name=frame["method"] + ("@" + frame["variant"]).where(frame["variant"] != "", ""))
    scored = _repetitions(completed(_plain_controls(frame[frame["status"].isin(SCORED)]), _EXPERIMENT))
    lines: dict[Place, list[Line]] = {}
    controls: dict[Place, list[Line]] = {}
    for place, line in _lines(scored, sums):
        (controls if line.is_control else lines).setdefault(place, []).append(line)
    failures = _failures(frame[~frame["status"].isin(SCORED)])
    protocols = dict(frame.loc[frame["protocol"] != "", ["protocol_id", "protocol"]].itertuples(index=False, name=None))
    columns, images = _columns(scored), _images(scored)
    gathered = []
    for place in _places(lines, controls, failures):
        floor = [*controls.get(_anywhere(place), []), *(controls.get(place, []) if place[2] else [])]
        own = _ranked(lines.get(place, []))
        metrics = {metric for line in (*own, *floor) for metric in line.scores}
        lost = [failure for at, failure in failures if at[:3] == place[:3] and at[3] in ("", place[3])]
        gathered.append(Board(*place[:3], protocols.get(place[3], ""), place[3],
                              [c for c in columns if c.metric in metrics], own, floor, lost, sums,
                              images.get(place)))
    return sorted(gathered, key=lambda b: (b.dataset, b.backbone, b.protocol, b.protocol_id, b.split))


def _plain_controls(scored: "pandas.DataFrame") -> "pandas.DataFrame":
    """Blind controls without what they do not depend on, each once, however many backbones it was run beside."""
    import pandas as pd

    control = (scored["method"] == CONTROL) & ~scored["variant"].str.contains("+", regex=False)
    plain = scored[control].assign(backbone="", epochs=0, preset="", weights="", image_size=0, sweep="", precision="",
                                   batch_size=0, rate_factor=1.0, views=0, coupled_batch=0)
    same = ["dataset", "dataset_fingerprint", "split", "protocol_id", "variant", "seed", "metric", "level"]
    return pd.concat([scored[~control], plain.drop_duplicates(same, keep="last")], ignore_index=True)


def _repetitions(scored: "pandas.DataFrame") -> "pandas.DataFrame":
    """Add ``rerun``, empty for repetitions; runs that repeat a seed differ in something unseen and are not averaged."""
    group = scored.groupby(_EXPERIMENT, sort=False).ngroup()
    runs = scored.assign(group=group)[["group", "seed", "run_id"]].drop_duplicates()
    again = set(runs.loc[runs.duplicated(["group", "seed"]), "group"])
    control = scored["method"] == CONTROL
    return scored.assign(rerun=scored["run_id"].where(group.isin(again) & ~control, ""))


def _lines(scored: "pandas.DataFrame", sums: ClassSums | None) -> list[tuple[Place, Line]]:
    """One line per experiment and level."""
    keys = [*_EXPERIMENT, "rerun"]
    scored = scored.assign(group=scored.groupby(keys, sort=True).ngroup())
    scores, runs, told = _scores(scored), _runs(scored), _setups(scored, keys)
    lines = []
    for (group, level), found in scores.items():
        place, facts = runs[group, level]
        line = Line(level=level, setup=told[group], group=group, scores=found, **facts)
        lines.append((place, line if sums is None else _over_seeds(line, place, sums)))
    return lines


def _over_seeds(line: Line, place: Place, sums: ClassSums) -> Line:
    """The line with intervals over seeds and classes, where it has several seeds and both can be seen to vary."""
    scores = dict(line.scores)
    for metric, score in line.scores.items():
        found = sums.of(line, place[3], place[1], metric) if score.seeds > 1 else None
        if found and len(found.labels) > 1:
            low, high = found.interval(metric)
            scores[metric] = replace(score, low=min(low, score.value), high=max(high, score.value))
    return replace(line, scores=scores)


def _scores(scored: "pandas.DataFrame") -> dict[tuple[int, str], dict[str, Score]]:
    done = scored["status"] == "done"
    table = scored[["group", "level", "metric"]].assign(
        **{name: scored[name].where(done) for name in ("value", "ci_low", "ci_high")})
    # The longer side: an interval that is cut at a bound still tells how far the score may be off.
    table["side"] = (table["ci_high"] - table["value"]).clip(lower=table["value"] - table["ci_low"])
    means = table.groupby(["group", "level", "metric"]).agg(
        value=("value", "mean"), low=("ci_low", "mean"), high=("ci_high", "mean"), side=("side", "mean"),
        deviation=("value", "std"), seeds=("value", "count"), lows=("ci_low", "count"), highs=("ci_high", "count"))
    found: dict[tuple[int, str], dict[str, Score]] = {}
    for (group, level, metric), value, low, high, side, deviation, seeds, lows, highs in means.itertuples(name=None):
        if not seeds:
            score = Score(None, None, None, 0)
        else:
            spread = deviation if seeds > 1 else None
            score = (Score(value, low, high, seeds, side / _NORMAL if side > 0 else None, spread)
                     if lows == highs == seeds else Score(value, None, None, seeds, None, spread))
        found.setdefault((group, level), {})[metric] = score
    return found


def _runs(scored: "pandas.DataFrame") -> dict[tuple[int, str], tuple[Place, dict]]:
    """(group, level) -> place, and what a line says of its runs: seconds are means, parameters those of one."""
    from pandas import isna

    runs = scored.drop_duplicates(["group", "level", "run_id"]).sort_values(["seed", "run_id"])
    said = runs.groupby(["group", "level"]).agg(
        **{name: (name, "first") for name in ("dataset", "split", "backbone", "protocol_id", "name",
                                              "trainable_parameters", "dataset_fingerprint")},
        run_ids=("run_id", tuple), seeds=("seed", "nunique"), train_seconds=("train_seconds", "mean"))
    return {key: ((row["dataset"], row["split"], row["backbone"], row["protocol_id"]), {
        "name": row["name"], "run_ids": row["run_ids"], "seeds": row["seeds"],
        "train_seconds": None if isna(row["train_seconds"]) else row["train_seconds"],
        "trainable_parameters": None if isna(row["trainable_parameters"]) else int(row["trainable_parameters"]),
        "dataset_fingerprint": row["dataset_fingerprint"]})
        for key, row in zip(said.index, said.to_dict("records"), strict=True)}


def _setups(scored: "pandas.DataFrame", keys: Sequence[str]) -> dict[int, str]:
    """What sets each experiment apart from others of its name on its board, in words; empty where it is alone."""
    alike: dict[tuple, dict[int, dict]] = {}
    for row in scored.drop_duplicates("group")[["group", *keys]].to_dict("records"):
        place = tuple(row[key] for key in _EXPERIMENT[:6])
        alike.setdefault(place, {})[row["group"]] = _flat(row)
    told = {}
    for experiments in alike.values():
        names = list(dict.fromkeys(name for flat in experiments.values() for name in flat))
        varied = [name for name in names if _varies(name, list(experiments.values()))]
        for group, flat in experiments.items():
            told[group] = ", ".join(f"{name.replace('_', ' ')} {flat[name]}" for name in varied
                                    if flat.get(name, "") != "")
    return told


def _varies(name: str, flats: Sequence[dict]) -> bool:
    """Whether experiments differ in it; what one of a sweep does not say is told by its sweep."""
    said = {str(flat.get(name)) for flat in flats if name in flat or not (flat["sweep"] or name == _FOUND)}
    return len(said - {""} if name in UNSAID else said) > 1


def _flat(row: dict) -> dict:
    setup = {name: row[name] for name in (*_SETUP, "rerun") if name != "settings"}
    # 0: not known, none, and the whole batch
    setup |= {name: setup[name] or "" for name in ("batch_size", "views", "coupled_batch")}
    if row["sweep"]:  # a search changes every setting a little: its name says more than they do
        return setup | {_FOUND: hashlib.sha256(row["settings"].encode()).hexdigest()[:6],
                        **{name: setup[name][:8] for name in ("dataset_fingerprint", "rerun")}}
    try:
        settings = json.loads(row["settings"])
    except (ValueError, RecursionError):
        settings = row["settings"]
    setup |= settings if isinstance(settings, dict) else {"settings": settings}
    return setup | {name: setup[name][:8] for name in ("dataset_fingerprint", "rerun")}


def _columns(scored: "pandas.DataFrame") -> list[Column]:
    once = scored.drop_duplicates("metric")[["metric", "unit", "higher_is_better"]]
    rank = {metric: i for i, metric in enumerate(_ORDER)}
    columns = [Column(metric, unit, bool(higher)) for metric, unit, higher in once.itertuples(index=False, name=None)]
    return sorted(columns, key=lambda c: (rank.get(c.metric, len(rank)), c.metric))


def _images(scored: "pandas.DataFrame") -> dict[Place, int]:
    most = scored.dropna(subset="n").groupby(["dataset", "split", "backbone", "protocol_id"])["n"].max()
    return {place: int(n) for place, n in most.items()}


def _failures(failed: "pandas.DataFrame") -> list[tuple[Place, Failure]]:
    once = failed.drop_duplicates(["run_id", "split", "protocol_id"]).sort_values(["name", "seed", "run_id"])
    return [((r.dataset, r.split, r.backbone, r.protocol_id), Failure(r.name, int(r.seed), r.status, r.error, r.run_id))
            for r in once.itertuples(index=False)]


def _anywhere(place: Place) -> Place:
    """Where the controls of a board stand."""
    return place[0], place[1], "", place[3]


def _places(lines: dict[Place, list[Line]], controls: dict[Place, list[Line]],
            failures: list[tuple[Place, Failure]]) -> set[Place]:
    places = set(lines)
    # Those that know their protocol first: they make the boards that the others then stand on.
    for place, _ in sorted(failures, key=lambda failure: not failure[0][3]):
        if not any(place[:3] == known[:3] and place[3] in ("", known[3]) for known in places):
            places.add(place)
    return places | {place for place in controls if not any(place in (known, _anywhere(known)) for known in places)}


def _ranked(lines: list[Line]) -> list[Line]:
    """By accuracy, the levels of one experiment together; an order to read by, not a claim."""
    accuracy = {line.group: line.scores["accuracy"].value or 0 for line in lines if "accuracy" in line.scores}
    return sorted(lines, key=lambda line: (-accuracy.get(line.group, 0), line.title, line.group,
                                           line.level != "final", line.level))
