"""Fine-tuning a backbone with learning rates that fall from its output towards its input."""

from typing import Any

from .backbone import Backbone


def layer_decay_groups(backbone: Backbone, rate: float, decay: float = 1.0,
                       weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Parameter groups, one per layer of :meth:`Backbone.layers`, input first.

    The last layer (of a transformer: the final norm) learns at ``rate``, each one before it ``decay`` times as fast
    as the one after it (Clark et al., "ELECTRA", ICLR 2020, who call it layer-wise learning-rate decay).

    Args:
        backbone: one that trains, see :meth:`Backbone.trainable_copy`.
        rate: learning rate of the last layer.
        decay: factor per layer; 1 gives all layers the same rate.
        weight_decay: of every group.

    Returns:
        Groups as torch optimisers take them; a layer without parameters has none.
    """
    layers = backbone.layers()
    return [{"params": parameters, "lr": rate * decay ** (len(layers) - 1 - depth), "weight_decay": weight_decay}
            for depth, parameters in enumerate(layers) if parameters]
