"""Layer-CAM and Eigen-CAM: two more ways to turn a layer's activations into one map, beside Grad-CAM.

Layer-CAM: Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE TIP 2021.
Eigen-CAM: Muhammad and Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", IJCNN 2020,
arXiv:2008.00299.
"""

import torch
from torch import Tensor

from .grad_cam import Evidence
from .prototypes import full_precision


def layer_cam(evidence: Evidence) -> Tensor:
    """Every activation weighted by its own gradient, where that is positive; summed over channels, where positive.

    Returns:
        fp32 [B, h, w].
    """
    return (evidence.gradients.relu() * evidence.activations).sum(1).relu()


def eigen_cam(activations: Tensor) -> Tensor:
    """Activations projected on their first principal component, one image at a time; it knows no target.

    Args:
        activations: [B, D, h, w].

    Returns:
        fp32 [B, h, w], not negative.
    """
    with full_precision(activations):
        return torch.stack([_first_component(image.flatten(1).T) for image in activations.float()]).relu().unflatten(
            1, activations.shape[2:])


def _first_component(patches: Tensor) -> Tensor:
    """Patches [h*w, D] along the direction in which they differ most: [h*w].

    Centred: layer-normalised patches share an offset, which else would be the first direction of them all. A direction
    has no sign of its own: the patch that stands out most is made positive (Chung and Ying, "Seg-Eigen-CAM", Applied
    Sciences 2025, equation 13), else the linear algebra library would choose.
    """
    centred = patches - patches.mean(0)
    projection = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[0]
    return projection * projection[projection.abs().argmax()].sign()
