"""Building a timm network and filling it: downloaded, from a file, or random."""

import logging
import pickle
import socket
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from warnings import catch_warnings

import timm
import torch
from huggingface_hub import constants
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import Tensor, nn

from ..errors import UserError, unknown
from . import shipped  # noqa: F401 - makes the backbone that comes with partbench known to timm
from .cnn_backbone import behead, is_convolutional

_SHOWN = 6  # keys listed per kind of misfit; the rest is counted


def build(name: str, weights: str | None, image_size: int) -> nn.Module:
    """A vision transformer or convolutional network without its classifier, for square images of ``image_size`` pixels.

    Raises:
        UserError: see :func:`partbench.methods.load_backbone`.
    """
    if not timm.is_model(name):
        raise unknown("backbone", name, timm.list_models() + timm.list_pretrained())
    network = _download(name, image_size) if weights is None else _create(name, image_size, pretrained=False)
    head = set() if isinstance(network, VisionTransformer) else behead(network)
    if weights not in (None, "random"):
        fill(network, name, Path(weights), head)
    return network


def _create(name: str, image_size: int, pretrained: bool) -> nn.Module:
    _check_size(name, image_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            network = timm.create_model(name, pretrained=pretrained, num_classes=0, img_size=image_size)
        except TypeError:  # CNNs take no img_size
            network = timm.create_model(name, pretrained=pretrained, num_classes=0)
    if isinstance(network, VisionTransformer):
        what, unit = "patch size", network.patch_embed.patch_size[0]
    elif is_convolutional(network):
        what, unit = "stride", list(network.feature_info)[-1]["reduction"]
    else:
        raise UserError(f"backbone '{name}' is neither a timm VisionTransformer nor a convolutional network that takes "
                        "images of any size; see: harness list backbones")
    if image_size % unit:
        raise UserError(f"image size {image_size} is not a multiple of the {what} {unit} of '{name}'; "
                        f"try {max(1, round(image_size / unit)) * unit}")
    return network


def _check_size(name: str, image_size: int) -> None:
    if image_size < 1:
        raise UserError(f"image size {image_size} of '{name}' is not positive; give pixels, for instance 224")


def _download(name: str, image_size: int) -> nn.Module:
    try:
        with _impatient_hub():
            return _create(name, image_size, pretrained=True)
    except UserError:
        raise
    except Exception as error:  # hub clients raise a dozen kinds; all mean that the weights could not be had
        asked = timm.get_pretrained_cfg(name)
        source = (asked and (asked.hf_hub_id or asked.url)) or "timm has no pretrained weights under this name"
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise UserError(f"cannot download weights of '{name}' ({source}): {reason}; put the file on this machine and "
                        "pass --weights FILE (.safetensors or .pth), or --weights random") from error


@contextmanager
def _impatient_hub() -> Iterator[None]:
    """Without a network the hub client retries for most of a minute and logs every try: look in its cache alone."""
    logger = logging.getLogger("huggingface_hub")
    level, offline = logger.level, constants.HF_HUB_OFFLINE
    try:
        socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, None)
    except OSError:
        constants.HF_HUB_OFFLINE = True
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        logger.setLevel(level)


def read(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a ``.safetensors`` or torch file; nothing but plain tensors is unpickled.

    Raises:
        UserError: missing, torn, or holding anything else than tensors.
    """
    if not path.is_file():
        raise UserError(f"no weights at {path}; pass --weights FILE (.safetensors or .pth)")
    try:
        with catch_warnings(action="ignore"):  # torch warns of a foreign pickle before it refuses it
            state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise UserError(f"{path} holds no plain tensors ({type(error).__name__}); "
                        "save a state dict with torch.save or safetensors and pass that") from error
    for wrapper in ("model", "state_dict"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{path} is not a state dict of tensors; save model.state_dict() and pass that")
    return state


def fill(network: nn.Module, name: str, path: Path, head: Set[str] = frozenset()) -> None:
    """Load ``path`` into ``network``, strictly but for the classifier, interpolating position embeddings to its size.

    ``head`` names further tensors that the network does without.

    Raises:
        UserError: lists the keys that do not fit.
    """
    given = read(path)
    if isinstance(network, VisionTransformer):
        given = _resized(given, network, name, path)
    classifiers = tuple(f"{layer}." for layer in ("head", "head_dist", *_classifiers(network)))
    given = {key: value for key, value in given.items() if key not in head and not key.startswith(classifiers)}
    wanted = network.state_dict()
    # Steps that a batch norm has counted: older files lack them, and nothing is computed from them.
    given = {key: value for key, value in wanted.items() if key.endswith(".num_batches_tracked")} | given
    misfits = {
        "missing": [key for key in wanted if key not in given],
        "unexpected": [key for key in given if key not in wanted],
        "of another shape": [f"{key} {tuple(given[key].shape)} instead of {tuple(wanted[key].shape)}"
                             for key in wanted if key in given and given[key].shape != wanted[key].shape],
    }
    found = [f"{kind}: {_listed(keys)}" for kind, keys in misfits.items() if keys]
    if found:
        raise UserError(f"{path} does not fit '{name}': {'; '.join(found)}. Pass the weights of this model, "
                        "or name theirs with --backbone")
    bad = [key for key, value in given.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise UserError(f"{path} holds values that are not finite in {_listed(bad)}; get the file again")
    network.load_state_dict(given)


def _classifiers(network: nn.Module) -> Sequence[str]:
    found = network.pretrained_cfg.get("classifier") or ()
    return (found,) if isinstance(found, str) else found


def _resized(state: dict[str, Tensor], vit: VisionTransformer, name: str, path: Path) -> dict[str, Tensor]:
    """A transformer's tensors under timm's names, with position embeddings for its grid."""
    try:
        return checkpoint_filter_fn(state, vit)
    except (RuntimeError, ValueError, KeyError, AssertionError, AttributeError) as error:
        raise UserError(f"{path} does not fit '{name}': {str(error).splitlines()[0]}; "
                        "pass the weights of this model or name theirs with --backbone") from error


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more
