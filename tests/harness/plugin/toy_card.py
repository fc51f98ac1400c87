"""Card of the toy method: what a third party would ship, without torch."""

from pydantic import Field

from partbench.cards import Settings
from partbench.methods.cards.base import MethodCard


class ToySettings(Settings):
    """How well it behaves."""

    dropout: float = Field(0.3, ge=0, lt=1)
    rate: float = Field(1.0, gt=0, description="factor on its learning rates")
    deadly_epoch: int | None = Field(None, description="its process dies when the last stage enters this epoch")
    broken_epoch: int | None = Field(None, description="its decay is not a number in this epoch of the last stage")


TOY = MethodCard(name="toy", title="Toy", implementation="toy:Toy", settings=ToySettings, batch_size=3,
                 maps="brightness of the red and the green channel")
