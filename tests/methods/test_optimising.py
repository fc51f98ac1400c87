"""The loop's core: optimisers that stages share, kept and given back."""

import pytest
import torch
from torch import nn

from partbench.methods import Stage
from partbench.methods.optimising import Optimisers, descend, set_rates


class Two(nn.Module):
    """Two layers whose stages take turns: Adam on all of it, SGD on the last, Adam goes on."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(4, 3), nn.Linear(3, 2)

    def loss(self):
        return self.last(self.first(torch.ones(1, 4)).tanh()).square().sum()

    def stages(self):
        joint = {"param_groups": lambda: [{"params": list(self.parameters()), "lr": 0.1}],
                 "optimiser": torch.optim.Adam}
        head = {"param_groups": lambda: [{"params": list(self.last.parameters()), "lr": 0.2}],
                "optimiser": lambda groups: torch.optim.SGD(groups, momentum=0.9)}
        return [Stage("joint", 2, **joint), Stage("head", 2, **head),
                Stage("joint again", 2, **joint, continues="joint"), Stage("head again", 2, **head)]


def steps(model, optimisers, number, count):
    stage = model.stages()[number]
    for _ in range(count):
        optimiser = optimisers.of(number)
        set_rates(optimiser, 0.5)
        optimiser.zero_grad()
        model.loss().backward()
        descend(stage, optimiser)


@pytest.mark.parametrize("cut", [(stage, done) for stage in range(4) for done in (1, 2)], ids=str)
def test_a_training_cut_anywhere_goes_on_to_the_same_bits(cut):
    whole, cut_off = Two(), Two()
    optimisers = Optimisers(whole, whole.stages())
    for number in range(4):
        steps(whole, optimisers, number, 2)

    before, (stage, done) = Optimisers(cut_off, cut_off.stages()), cut
    for number in range(stage):
        steps(cut_off, before, number, 2)
    steps(cut_off, before, stage, done)
    resumed = Two()
    resumed.load_state_dict(cut_off.state_dict())
    after = Optimisers(resumed, resumed.stages())
    after.load({name: value.clone() for name, value in before.state().items()}, stage)
    steps(resumed, after, stage, 2 - done)
    for number in range(stage + 1, 4):
        steps(resumed, after, number, 2)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name


def test_an_optimiser_is_forgotten_when_no_stage_needs_it_any_more():
    model = Two()
    optimisers = Optimisers(model, model.stages())
    kept = []
    for number in range(4):
        steps(model, optimisers, number, 1)
        kept.append({name.partition("/")[0] for name in optimisers.state()})
    assert kept == [{"joint"}, {"joint", "head"}, {"joint"}, {"head again"}]


def test_rates_follow_the_factor_and_not_each_other():
    model = Two()
    optimiser = Optimisers(model, model.stages()).of(0)
    for factor in (0.5, 0.5, 1.0):
        set_rates(optimiser, factor)
        assert optimiser.param_groups[0]["lr"] == 0.1 * factor


@pytest.mark.parametrize(("names", "continues", "said"), [
    ("aa", None, "names of their own"), ("ab", "c", "no stage before it"), ("ab", "b", "no stage before it")])
def test_stages_that_cannot_be_told_apart_are_refused(names, continues, said):
    first, second = (Stage(name, 1, list, torch.optim.SGD) for name in names)
    second = Stage(second.name, 1, list, torch.optim.SGD, continues=continues)
    with pytest.raises(ValueError, match=said):
        Optimisers(Two(), [first, second])
