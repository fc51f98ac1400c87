"""The command that does a run again is read by the command line as the very run."""

import json
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.harness import cli
from partbench.harness.commands import run as run_command
from partbench.harness.config import make_config, parse_set
from partbench.harness.plan import make_plan
from partbench.harness.results.row_facts import requested
from partbench.harness.results.saved_spec import saved_spec
from partbench.leaderboard.site.command import NoCommand, command_of, config_of, flag_value, joined, spec_of

BIRDS = {"methods": "ivpt@bias", "dataset": "synthetic_birds", "seeds": [3], "split": "val", "preset": "default",
         "set": {"ivpt.entropy": 1e-06, "synthetic_birds.classes": 12, "protocol.threshold": 0.9}}
CUB = {"methods": "prompt_cam", "dataset": "cub", "data_root": "/srv/someone/cub", "weights": "random",
       "backbone": "deit_tiny_patch16_224", "decoded_side": 256, "rate_factors": [0.3], "precision": "bf16",
       "epochs": 4, "batch_size": 8, "threads": 2, "fit_on": "train+val", "controls": True}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def job(request, fingerprint="f"):
    (only,) = make_plan(make_config(request), fingerprint=fingerprint).jobs
    return only


@pytest.fixture
def read(monkeypatch):
    """The request that the command line makes of a command."""

    def requested_by(command):
        asked = []
        monkeypatch.setattr(run_command, "run_request", lambda request, *_: asked.append(request) or 0)
        program, *arguments = shlex.split(command)
        assert program == "harness"
        cli.app(arguments, standalone_mode=False)
        return asked[0]

    return requested_by


@pytest.mark.parametrize("request_", [BIRDS, CUB], ids=["birds", "cub"])
def test_a_command_from_spec_json_gives_the_same_run(request_, read, tmp_path):
    wanted = job(request_ | {"out": str(tmp_path)})
    command = joined(command_of(json.loads(json.dumps(saved_spec(wanted)))))
    assert job(read(command).model_dump()).run_id == wanted.run_id
    assert "/home" not in command
    assert str(tmp_path) not in command


def test_a_command_from_a_row_gives_the_same_run_where_defaults_were_taken(read):
    wanted = job({"methods": "vpt_deep", "dataset": "synthetic_birds", "seeds": [1]})
    assert job(read(joined(command_of(spec_of(requested(wanted))))).model_dump()).run_id == wanted.run_id


def test_settings_that_no_flag_holds_come_in_a_file(read, tmp_path, monkeypatch):
    wanted = job({"methods": "ivpt", "dataset": "synthetic_birds", "set": {"ivpt.prototypes": [6]}})
    spec = saved_spec(wanted)
    with pytest.raises(NoCommand, match=r"ivpt.prototypes cannot"):
        command_of(spec)
    command, content = config_of(spec)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.json").write_text(content)
    assert job(read(joined(command)).model_dump()).run_id == wanted.run_id


@settings(deadline=None)
@given(SCALARS | st.lists(SCALARS, max_size=4))
def test_a_value_is_read_back_as_it_is_or_not_written(value):
    text = flag_value(value)
    if text is not None:
        (found,) = parse_set([f"ivpt.x={text}"]).values()
        assert repr(found) == repr(value)


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_hostile_name_never_leaves_its_quotes(method, dataset):
    try:
        command = joined(command_of({"methods": [method], "seeds": [0], "dataset": dataset}))
    except NoCommand:
        return
    words = shlex.split(command)
    assert method in words or f"--methods={method}" in words
    assert dataset in words or f"--dataset={dataset}" in words
    assert len(words) <= 8


@pytest.mark.parametrize("spec", [{}, {"methods": []}, {"methods": ["a", "b"], "seeds": [0]},
                                  {"methods": 3, "seeds": 1}, {"methods": ["a"], "seeds": [0], "dataset": "b\n"},
                                  {"methods": ["a"], "seeds": [0], "set": {"a.b\u202e": 1}}])
def test_what_is_no_request_has_no_command(spec):
    with pytest.raises(NoCommand):
        command_of(spec)
