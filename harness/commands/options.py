"""Options that commands which train have in common."""

from typing import Annotated

import typer

PrefixStore = Annotated[str | None, typer.Option(
    "--prefix-store",
    help="Such as 100GB: what stored views of all runs may take on disk. [32GB, at most half of what is free]")]
NoPrefixStore = Annotated[bool, typer.Option(
    "--no-prefix-store", help="Store no views: augment and compute every image in every epoch.")]
GradientCheckpointing = Annotated[bool | None, typer.Option(
    "--gradient-checkpointing", help="Less memory and more time: blocks are computed again for gradients.")]
