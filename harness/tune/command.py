"""The command `harness tune`."""

from typing import Annotated

import typer

from ..commands.options import GradientCheckpointing, NoPrefixStore, PrefixStore
from ..console.terminal import console


def tune(
    methods: Annotated[str | None, typer.Option(
        "--methods", "--method", help="Methods, with commas; each gets the same budget.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set; see: harness list datasets.")] = None,
    objectives: Annotated[str | None, typer.Option(
        help="Metrics, with commas. [accuracy,consistency_gain]")] = None,
    trials: Annotated[int | None, typer.Option(help="The same as --budget 'N trials'. [50]")] = None,
    budget: Annotated[str | None, typer.Option(
        help="Of each method: such as '40 trials', '300 epochs' or '60 minutes' of training and scoring.")] = None,
    search: Annotated[list[str] | None, typer.Option(
        help="METHOD.SETTING=LOW..HIGH narrows or widens, =a|b chooses, =VALUE fixes; repeat for more.")] = None,
    sampler: Annotated[str | None, typer.Option(
        help="tpe, gp, nsga2, nsga3 or random. [gp below 20 trials, else tpe]")] = None,
    search_seed: Annotated[int | None, typer.Option(help="Seed of the sampler. [0]")] = None,
    halving: Annotated[bool | None, typer.Option(
        "--halving", help="Stop most trials early; the best third of each bracket goes on.")] = None,
    select: Annotated[str | None, typer.Option(
        help="Which trial is kept: 'knee', or such as 'accuracy>=80%,max:consistency_gain'. [knee]")] = None,
    final: Annotated[bool | None, typer.Option(
        "--final", help="Train the kept and the paper's setting on train+val and test both.")] = None,
    final_epochs: Annotated[int | None, typer.Option(help="Epochs of those. [a trial's]")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds of those; trials take the first. [0,1,2]")] = None,
    status: Annotated[bool, typer.Option(
        "--status", help="Say how far the search has come, or without --methods all of them, and stop.")] = False,
    name: Annotated[str | None, typer.Option(help="Of the sweep. [made of what is asked]")] = None,
    data_root: Annotated[str | None, typer.Option(help="Its folder. [$PARTBENCH_DATA/NAME or ./data/NAME]")] = None,
    backbone: Annotated[str | None, typer.Option(help="timm vision transformer. [the data set's]")] = None,
    weights: Annotated[str | None, typer.Option(help=".safetensors or .pth file, or 'random'. [download]")] = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels, a multiple of the patch. [the data set's]")] = None,
    labels: Annotated[str | None, typer.Option(help="Level of the classes, such as genus.")] = None,
    decoded_side: Annotated[int | None, typer.Option(
        help="Keep decoded pictures on disk, shrunk to this longer side.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data of a full trial. [the preset's]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per step. [the method's]")] = None,
    set_: Annotated[list[str] | None, typer.Option(
        "--set", help="NAME.setting=value for every trial, the paper's setting too; repeat for more.")] = None,
    preset: Annotated[str | None, typer.Option(help="quick, default or paper. [the data set's]")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32 or bf16.")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch threads of a run; numbers depend on them. [1]")] = None,
    prefix_store: PrefixStore = None,
    no_prefix_store: NoPrefixStore = False,
    gradient_checkpointing: GradientCheckpointing = None,
    protocol: Annotated[str | None, typer.Option(help="How scores are taken; see: harness list protocols.")] = None,
    fidelity_images: Annotated[int | None, typer.Option(help="Images of insertion and deletion. [200]")] = None,
    config: Annotated[str | None, typer.Option(help="YAML with these fields; 'budget' for trials.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder of results. [results]")] = None,
    in_process: Annotated[bool | None, typer.Option("--in-process", help="Without Ray, one after the other.")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster to join, for instance 'auto'.")] = None,
    gpus_per_run: Annotated[float | None, typer.Option(help="GPU share of a run. [1 where there is one]")] = None,
    memory_per_run: Annotated[str | None, typer.Option(
        help="Such as 6GB: a run that holds more is ended, and tried again with smaller parts of a batch.")] = None,
    timeout: Annotated[str | None, typer.Option(help="Such as 3h: a run that takes longer is ended.")] = None,
) -> int:
    """Search settings on an equal budget: trained on train, scored on val; the paper's setting is trial 0."""
    from ...errors import UserError
    from ...sweeps import parse_search
    from ..config import make_request, parse_set, store_limit
    from .config import TuneConfig
    from .searching import status as say_status
    from .searching import tune as search_for

    if trials is not None and budget is not None:
        raise UserError("--trials and --budget say the same thing; give one of them")
    given = {
        "methods": methods, "dataset": dataset, "objectives": objectives,
        "budget": budget if trials is None else str(trials), "search": parse_search(search) if search else None,
        "sampler": sampler, "search_seed": search_seed, "halving": halving, "select": select, "final": final,
        "final_epochs": final_epochs, "seeds": seeds, "name": name, "data_root": data_root, "backbone": backbone,
        "weights": weights, "image_size": image_size, "labels": labels, "decoded_side": decoded_side,
        "epochs": epochs, "batch_size": batch_size, "set": parse_set(set_) if set_ else None, "preset": preset,
        "precision": precision, "threads": threads, "prefix_store": store_limit(prefix_store, no_prefix_store),
        "gradient_checkpointing": gradient_checkpointing, "protocol": protocol, "fidelity_images": fidelity_images,
        "out": out, "in_process": in_process, "address": address, "gpus_per_run": gpus_per_run,
        "memory_per_run": memory_per_run, "timeout": timeout}
    if status and not (methods or config):
        return say_status(None, name, out or "results", console())
    request = make_request(TuneConfig, "tune", given, config)
    if status:
        return say_status(request, None, request.out, console())
    return search_for(request, console(), console(stderr=True))
