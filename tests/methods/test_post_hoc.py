"""Post-hoc explainers: each map equals what plain autograd with hooks on timm's own model gives for its formula."""

import pytest
import torch

from partbench.methods import create, load_backbone
from partbench.methods.class_activation import eigen_cam
from partbench.methods.rollout import rollout


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("vit_tiny_patch16_224", "random", 64)


@pytest.fixture
def images():
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def build(backbone, explainer, **settings):
    torch.manual_seed(0)
    return create("linear_probe", backbone, 5, explainer=explainer, **settings).eval()


def hooked(method, images, targets):
    """Activations and gradients [B, D, h, w] at the last block's first norm, the whole timm model run with autograd."""
    vit, seen = method.backbone.vit, []

    def keep(module, inputs, output):
        seen.append(output.requires_grad_())
        return output

    handle = vit.blocks[-1].norm1.register_forward_hook(keep)
    logits = method.head(vit.forward_features(images)[:, 0])
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[range(len(images)), targets].sum(), seen)
    patches = [value.detach()[:, method.backbone.prefix:].mT.unflatten(2, (4, 4)) for value in (seen[0], gradient)]
    return patches


def test_grad_cam_and_layer_cam_equal_plain_autograd_through_the_whole_model(backbone, images):
    targets = torch.tensor([4, 0, 2])
    activations, gradients = hooked(build(backbone, "grad_cam"), images, targets)
    expected = {"grad_cam": (gradients.mean((2, 3), keepdim=True) * activations).sum(1).relu(),
                "layer_cam": (gradients.relu() * activations).sum(1).relu()}
    for explainer, saliency in expected.items():
        method = build(backbone, explainer)
        with torch.no_grad():
            found = method.explain(images, targets).saliency
        torch.testing.assert_close(found, saliency, atol=1e-6, rtol=1e-3)
        assert saliency.amax((1, 2)).min() > 0
        assert all(parameter.grad is None for parameter in method.parameters())


def test_eigen_cam_is_the_first_principal_component_and_its_largest_value_is_positive(backbone, images):
    activations, _ = hooked(build(backbone, "eigen_cam"), images, torch.zeros(3, dtype=torch.long))
    found = build(backbone, "eigen_cam").explain(images).saliency
    for image, saliency in zip(activations.flatten(2).mT.double(), found.flatten(1), strict=True):
        centred = image - image.mean(0)
        _, vectors = torch.linalg.eigh(centred.T @ centred)
        projection = centred @ vectors[:, -1]
        projection = projection if projection.max() > -projection.min() else -projection
        torch.testing.assert_close(saliency.double(), projection.relu(), atol=1e-4, rtol=1e-4)


def test_eigen_cam_of_one_image_does_not_depend_on_the_others_and_of_a_blank_one_is_zero():
    activations = torch.randn(4, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    activations[2] = 1.5
    together = eigen_cam(activations)
    torch.testing.assert_close(together, torch.cat([eigen_cam(image[None]) for image in activations]), atol=0, rtol=0)
    assert together[2].eq(0).all()


def test_eigen_cam_puts_the_patch_that_stands_out_first_whichever_way_it_does():
    noise = 0.1 * torch.randn(1, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    for sign in (1, -1):
        activations = noise.clone()
        activations[..., 2, 1] += 5 * sign
        assert eigen_cam(activations).flatten().argmax() == 9


def test_rollout_equals_the_product_of_whole_matrices(backbone, images):
    tokens = backbone.embed(images)
    product = torch.eye(tokens.shape[1])
    for block in backbone.vit.blocks:
        normed = block.norm1(tokens)
        query, key, _ = block.attn.qkv(normed).unflatten(2, (3, backbone.heads, -1)).permute(2, 0, 3, 1, 4)
        attention = (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1).mean(1) + torch.eye(tokens.shape[1])
        product = attention / attention.sum(-1, keepdim=True) @ product
        tokens = block(tokens)
    found = build(backbone, "rollout").explain(images).saliency
    torch.testing.assert_close(found.flatten(1), product[:, 0, 1:], atol=1e-6, rtol=1e-4)


def test_rollout_shares_out_everything_that_is_read(backbone, images):
    states = [backbone.embed(images)]
    for block in range(backbone.depth - 1):
        states.append(backbone.run(states[-1], block, block + 1))
    for readout in (torch.eye(17)[0], torch.full((17,), 1 / 17)):
        shares = rollout(backbone, states, readout).sum((1, 2))
        assert (shares > 0).all()
        assert (shares < 1).all()


@pytest.mark.parametrize(("explainer", "knows"), [
    ("attention", False), ("grad_cam", True), ("layer_cam", True), ("eigen_cam", False), ("rollout", False)])
def test_only_gradients_know_the_target(backbone, images, explainer, knows):
    method = build(backbone, explainer)
    maps = [method.explain(images, torch.full((3,), target)).saliency for target in (0, 1)]
    assert torch.equal(*maps) is not knows
    torch.testing.assert_close(method.explain(images).saliency,
                               method.explain(images, method(images).argmax(1)).saliency, atol=0, rtol=0)


@pytest.mark.parametrize("explainer", ["grad_cam", "layer_cam"])
def test_maps_from_gradients_are_the_grad_cam_library_s(backbone, images, explainer):
    import pytorch_grad_cam as library
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    method, targets = build(backbone, explainer), [4, 0, 2]

    class Probe(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.vit, self.head = backbone.vit, method.head

        def forward(self, images):
            return self.head(self.vit.forward_features(images)[:, 0])

    cam_class = {"grad_cam": library.GradCAM, "layer_cam": library.LayerCAM}[explainer]
    layer = backbone.vit.blocks[-1].norm1
    with cam_class(Probe(), [layer], lambda tokens: tokens[:, 1:].mT.unflatten(2, (4, 4))) as cam:
        cam.get_target_width_height = lambda images: None  # no resizing: compare on the grid
        inputs = images.clone().requires_grad_()  # of a frozen model nothing else asks for gradients
        expected = torch.from_numpy(cam(inputs, [ClassifierOutputTarget(target) for target in targets]))
    found = method.explain(images, torch.tensor(targets)).saliency
    low, high = found.amin((1, 2), keepdim=True), found.amax((1, 2), keepdim=True)
    torch.testing.assert_close((found - low) / (high - low), expected, atol=1e-5, rtol=0)


def test_eigen_cam_is_the_grad_cam_library_s_with_its_sign_correction(backbone, images):
    from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction

    activations, _ = hooked(build(backbone, "eigen_cam"), images, torch.zeros(3, dtype=torch.long))
    expected = get_2d_projection_with_sign_correction(activations.numpy())
    torch.testing.assert_close(eigen_cam(activations), torch.from_numpy(expected).relu(), atol=1e-4, rtol=1e-4)
