"""The command `harness explain`."""

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import UserError
from ..console.terminal import console

if TYPE_CHECKING:
    from ...leaderboard.explained_image import ExplainedImage
    from .photograph import Photograph
    from .subject import Subject


def explain(
    run: Annotated[str, typer.Argument(help="Run id, or its first digits.")],
    image: Annotated[str, typer.Option(help="Any picture file, or an image id of the run's data set.")],
    classes: Annotated[str | None, typer.Option(
        help="Classes whose evidence stands beside the prediction's, with commas. [the runner-up]")] = None,
    to: Annotated[str | None, typer.Option(help="The page's file. [explained/ in the folder of results]")] = None,
    data_root: Annotated[str | None, typer.Option(help="The data set's folder, if it was moved.")] = None,
    weights: Annotated[str | None, typer.Option(help="The backbone's weights, if they were moved.")] = None,
    out: Annotated[str, typer.Option(help="Folder of results.")] = "results",
) -> None:
    """Explain one image by a trained run, on a page: prediction, evidence, parts, nearest training patches."""
    from ...durable import write_whole
    from ...leaderboard.explanation_page import explanation_page
    from ...links import inside
    from ..results.place import results_as_given
    from .evidence import asked_classes
    from .photograph import photograph
    from .subject import bring_back

    subject = bring_back(run, out, data_root, weights)
    asked = asked_classes(classes, subject.classes) if classes else []
    shown = photograph(image, subject)
    found = _explained(subject, shown, asked)
    results = results_as_given(out)
    page = Path(to).expanduser() if to else inside(results.folder, "explained") / _file_name(subject, shown)
    write_whole(page, explanation_page(found).encode())
    predicted, probability = found.top[0]
    truth = "" if found.truth is None else ", which is right" if found.truth == predicted else f", not {found.truth}"
    console().print(f"{found.name}: {predicted} ({probability:.1%}){truth}", markup=False, highlight=False,
                    soft_wrap=True)
    if found.without_nearest:
        console().print(f"no nearest patches: {found.without_nearest}", markup=False, soft_wrap=True)
    console().print(f"page: {page}", markup=False, soft_wrap=True)
    results.send("explained", f"runs/{subject.folder.name}")


def _explained(subject: "Subject", shown: "Photograph", asked: list[int]) -> "ExplainedImage":
    """With nearest patches, or without them where training pictures cannot be read."""
    from ..watched import watched
    from .evidence import explained_image
    from .nearest import nearest_patches

    if subject.data is None:
        return explained_image(subject, shown, asked, {}, subject.without_data)
    try:
        with watched("images") as tell:
            nearest = nearest_patches(subject, tell)
        return explained_image(subject, shown, asked, nearest)
    except UserError as error:
        return explained_image(subject, shown, asked, {}, str(error))


def _file_name(subject: "Subject", shown: "Photograph") -> str:
    """``<run>.<image>.<digest of its pixels>.html``: pictures of one name do not replace each other's page."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", shown.name).strip("_")[:60]
    pixels = hashlib.sha256(shown.image.numpy().tobytes()).hexdigest()[:8]
    return f"{subject.folder.name[:8]}.{plain}.{pixels}.html"
