"""A search space follows from a method's card, is narrowed by what the user writes, and is drawn without rejection."""

import json
import subprocess
import sys
from itertools import pairwise

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partbench.errors import UserError
from partbench.methods.cards.base import Ladder, split_name
from partbench.methods.catalogue import registry
from partbench.sweeps.narrowing import parse_search, search_by_method
from partbench.sweeps.space import Space

METHODS = [f"{card.name}@{variant}" if variant else card.name
           for card in registry.cards.values() for variant in ("", *card.variants)]
SINGLE = ("ivpt@last_layer", "ivpt@bias", "ivpt@regions")


def space_of(name, narrowed=None, preset="default", **overrides):
    method, variant = split_name(name)
    card = registry.get(method)
    chosen = card.resolve(variant, overrides, preset).model_dump(mode="json")
    return Space.of(method, variant, card.tunables, chosen, narrowed or {})


def searched(name, *pairs):
    return space_of(name, search_by_method(parse_search([f"{name}.{pair}" for pair in pairs]), [name])[name])


class Drawn:
    """A trial whose values hypothesis draws, ends of ranges before others."""

    def __init__(self, draw):
        self.draw, self.params = draw, {}

    def keep(self, name, strategy):
        return self.params.setdefault(name, self.draw(strategy))

    def suggest_int(self, name, low, high, log=False):
        return self.keep(name, st.sampled_from([low, high]) | st.integers(low, high))

    def suggest_float(self, name, low, high, log=False):
        return self.keep(name, st.sampled_from([low, high]) | st.floats(low, high))

    def suggest_categorical(self, name, choices):
        return self.keep(name, st.sampled_from(choices))


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_whatever_is_drawn_are_settings_and_parameters_stand_for_them(name, data):
    space, trial = space_of(name), Drawn(data.draw)
    drawn = space.suggest(trial)
    method, variant = split_name(name)
    registry.get(method).resolve(variant, drawn)
    assert json.loads(json.dumps(drawn)) == drawn
    assert set(trial.params) <= set(space.ranges)
    counts = drawn.get("prototypes", [])
    assert list(counts) == sorted(counts, reverse=True)
    assert space.expresses(drawn)
    assert space.suggest(optuna.trial.FixedTrial(space.params_of(drawn))) == drawn


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_narrowed_ladder_keeps_its_bounds_and_never_rises(data):
    space = searched("ivpt", "prototypes=4..9", "prototypes.levels=2..3", "prototypes.step=2..4")
    trial = Drawn(data.draw)
    counts = space.suggest(trial)["prototypes"]
    assert 2 <= len(counts) <= 3
    assert all(4 <= after <= before <= 9 for before, after in pairwise(counts))
    assert space.suggest(optuna.trial.FixedTrial(space.params_of({"prototypes": counts}) | {
        name: value for name, value in trial.params.items() if "prototypes" not in name}))["prototypes"] == counts


@pytest.mark.parametrize("preset", ["quick", "default", "paper"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_begin_with_the_settings_of_its_presets(name, preset):
    space = space_of(name, preset=preset)
    assert space.expresses(space.settings)
    first = space.suggest(optuna.trial.FixedTrial(space.params_of(space.settings)))
    differs = {setting for setting, value in first.items() if value != space.settings[setting]}
    assert differs - {"prototypes"} == set()
    if name in SINGLE:  # where the levels before the last do nothing
        assert first["prototypes"] == [5]


def test_the_published_ladder_is_four_steps_of_three_above_five():
    params = space_of("ivpt").params_of({"prototypes": [17, 14, 11, 8, 5]})
    assert params["prototypes.levels"] == params["prototypes.last"] == 5
    assert [params[f"prototypes.step{number}"] for number in (1, 2, 3, 4)] == [3, 3, 3, 3]


def test_a_trial_that_is_asked_again_answers_the_same_from_what_is_stored(tmp_path):
    def opened():
        storage = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
        return optuna.create_study(storage=optuna.storages.JournalStorage(storage), study_name="s", load_if_exists=True)

    space, study = space_of("ivpt"), opened()
    trial = study.ask()
    drawn = space.suggest(trial)
    stored = opened().trials[0].params
    assert space.suggest(trial) == drawn == space.suggest(optuna.trial.FixedTrial(stored))
    assert stored == trial.params


def test_what_has_no_effect_is_not_varied():
    assert not {"consistency", "prototypes.levels", "prototypes.step1"} & set(space_of("ivpt@bias").ranges)
    assert "consistency" not in space_of("ivpt@cross_layer").ranges
    assert "feature_rate" not in space_of("protopnet").ranges
    assert "feature_rate" in space_of("protopnet@finetune").ranges
    assert "feature_rate" in searched("protopnet", "finetune=true").ranges
    assert "prune_tokens" not in space_of("e2vpt@unpruned").ranges
    assert "agnostic_rate" in space_of("prompt_cam@faithful").ranges
    assert "agnostic_rate" not in space_of("prompt_cam@shallow").ranges
    one_level = searched("ivpt", "prototypes.levels=1", "entropy=1")
    assert "consistency" not in one_level.ranges
    none = space_of("prompt_cam").params_of({"agnostic_prompts": 0})
    assert "agnostic_rate" not in none


def test_the_user_fixes_narrows_widens_and_adds():
    space = searched("ivpt", "total_variation=0.38", "entropy=0.01..1", "prototypes=17,14,11,8,5|9,8,7",
                     "design=bias|grouped", "classification=0.5|1|2")
    assert space.fixed == {"total_variation": 0.38}
    assert "total_variation" not in space.ranges
    assert space.ranges["entropy"] == (0.01, 1, True)
    assert space.ranges["prototypes"] == ("17,14,11,8,5", "9,8,7")
    assert space.ranges["design"] == ("bias", "grouped")
    assert space.ranges["classification"] == ("0.5", "1.0", "2.0")
    drawn = space.suggest(optuna.create_study().ask())
    assert drawn["total_variation"] == 0.38
    assert drawn["prototypes"] in ([17, 14, 11, 8, 5], [9, 8, 7])
    assert not space.expresses(registry.get("ivpt").resolve().model_dump())
    assert searched("protopnet", "dimension=32..512").ranges["dimension"] == (32, 512, True)
    assert searched("huang2023", "prototypes_per_class=5..8").ranges["prototypes_per_class"] == (5, 8, False)
    assert searched("prompt_cam", "agnostic_prompts=classes|0|10").ranges["agnostic_prompts"] == ("classes", "0", "10")
    assert searched("e2vpt", "share_key_values=true|false").ranges["share_key_values"] == ("True", "False")


def test_yaml_writes_numbers_and_lists():
    narrowed = search_by_method({"ivpt.prototypes": [17, 14, 11], "ivpt.entropy": [0.5, 1], "ivpt.presence": 2,
                                 "ivpt@bias.presence": "1..3"}, ["ivpt", "ivpt@bias"])
    space = space_of("ivpt", narrowed["ivpt"])
    assert space.fixed == {"prototypes": (17, 14, 11), "presence": 2}
    assert space.ranges["entropy"] == ("0.5", "1.0")
    assert space_of("ivpt@bias", narrowed["ivpt@bias"]).ranges["presence"] == (1, 3, True)
    assert space_of("ivpt", {"prototypes": [[17, 14], [9, 8]]}).ranges["prototypes"] == ("17,14", "9,8")


def test_the_setting_outside_a_narrowed_range_is_left_to_the_sampler():
    space = searched("ivpt", "prototypes=2..9", "entropy=2..4")
    assert not space.expresses({})
    assert "entropy" not in space.params_of({})
    assert space.params_of({})["presence"] == 1
    assert "presence" not in space.params_of({"presence": 0})
    assert not space_of("ivpt").expresses({"prototypes": [5, 8]})


@pytest.mark.parametrize(("pair", "words"), [
    ("entropi=1", "did you mean 'entropy'"),
    ("entropy=3..1", "LOW below HIGH"),
    ("entropy=1..1", "or one value to fix it"),
    ("entropy=0..3", "begin above 0, or write choices, as in 0|3"),
    ("entropy=-1..3", "greater than or equal to 0"),
    ("entropy=low..3", "not a finite number"),
    ("entropy=0.1..nan", "not a finite number"),
    ("entropy=0.1..inf", "not a finite number"),
    ("entropy=nan", "finite number"),
    ("entropy=1||2", "valid number"),
    ("entropy.levels=2", "has no parts"),
    ("prototypes.level=2", "did you mean 'levels'"),
    ("prototypes.levels=0..3", "begin at 1"),
    ("prototypes.levels=2.5", "is no integer; write one"),
    ("prototypes.step=0.5..3", "whole numbers"),
    ("prototypes=1..9", "at least 2 prototypes"),
    ("prototypes=5,8", "write 8,5"),
    ("prototypes=17,x", "valid integer"),
    ("design=bias..grouped", "not a finite number"),
    ("design=1..2", "is no number"),
    ("design=bias|biass", "Input should be"),
])
def test_a_mistake_is_one_line_that_mends_it(pair, words):
    with pytest.raises(UserError) as caught:
        searched("ivpt", pair)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value)


@pytest.mark.parametrize(("name", "narrowed", "words"), [
    ("ivpt", {"entropy": []}, "no choices"),
    ("ivpt", {"entropy": {"low": 1}}, "mapping"),
    ("ivpt", {"prototypes": "9,8", "prototypes.levels": 2}, "names whole ladders already"),
    ("ivpt@bias", {"design": "bias|grouped"}, "search ivpt, or leave it out"),
    ("ivpt@bias", {"prototypes.levels": "2..3"}, "no effect with design=bias"),
    ("protopnet", {"feature_rate": "1e-6..1e-4"}, "no effect with finetune=False"),
    ("linear_probe", {"learning_rate": 0.1, "weight_decay": 0}, "nothing to search"),
])
def test_a_space_that_makes_no_sense_is_refused(name, narrowed, words):
    with pytest.raises(UserError, match=words):
        space_of(name, narrowed)


def test_what_is_written_needs_a_method_of_the_search():
    with pytest.raises(UserError, match="is not among the methods of this search, ivpt;"):
        search_by_method({"ivtp.entropy": "1"}, ["ivpt"])
    for pair in ("entropy=1", "ivpt.entropy", "ivpt.entropy="):
        with pytest.raises(UserError, match=r"write method\.setting"):
            parse_search([pair])


def test_an_edge_is_named_where_the_range_could_be_wider():
    space = space_of("ivpt")
    (line,) = space.edges(space.params_of(space.settings))
    assert line.endswith("--search ivpt.prototypes.levels=LOW..HIGH")
    (line,) = space.edges({"total_variation": 29.0, "entropy": 20.0, "prototypes.last": 2})
    assert line.startswith("total_variation=29 is at the upper end of its range, 0.03 to 30")
    assert "--search ivpt.total_variation=LOW..HIGH" in line
    (line,) = space.edges({"prototypes.last": 9, "prototypes.step1": 6, "prototypes.step2": 0})
    assert line.endswith("--search ivpt.prototypes.step=LOW..HIGH")
    assert len(space.edges({"prototypes.last": 25, "prototypes.step1": 6})) == 1
    assert space_of("vpt_deep").edges({"dropout": 0.0}) == []
    assert space_of("e2vpt").edges({"prune_segments": 0.75, "key_values": 0}) == []
    assert space_of("e2vpt").edges({"key_values": 20}) != []


def test_the_same_space_has_the_same_identity():
    same = searched("ivpt", "entropy=0.03..30").identity
    assert json.loads(json.dumps(same)) == json.loads(json.dumps(space_of("ivpt").identity))
    others = [searched("ivpt", "entropy=0.1..30"), searched("ivpt", "entropy=1"), searched("ivpt", "entropy=2"),
              space_of("ivpt@public"), searched("ivpt", "prototypes.levels=3"),
              searched("ivpt", "prototypes.step=3"), searched("ivpt", "prototypes.step=4")]
    assert len({json.dumps(space.identity) for space in [space_of("ivpt"), *others]}) == 8


def test_a_card_leaves_out_what_a_variant_fixes_or_idles():
    ivpt, prompt_cam = registry.get("ivpt"), registry.get("prompt_cam")
    assert isinstance(ivpt.tunables_of()["prototypes"], Ladder)
    assert ivpt.tunables_of("bias")["prototypes"].most == 1
    assert "consistency" not in ivpt.tunables_of("bias")
    assert "agnostic_prompts" not in prompt_cam.tunables_of("faithful")
    # It may have an effect: the count that it depends on varies, too.
    assert "agnostic_rate" in prompt_cam.tunables_of(settings=prompt_cam.resolve(overrides={"agnostic_prompts": 0}))


def test_spaces_need_no_torch():
    code = "import sys, partbench.sweeps.space; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
