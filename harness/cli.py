"""The command line. Each command imports what it needs when it runs: help and lists start without torch and ray."""

import signal
import sys
from typing import Annotated, Any

import typer

from ..errors import UserError
from .commands.audit import audit
from .commands.data import app as data
from .commands.options import GradientCheckpointing, NoPrefixStore, PrefixStore
from .commands.publish import publish
from .commands.report import report
from .commands.store import app as store
from .console.terminal import console
from .explain.command import explain
from .tune.command import tune

# Rich's help would take longer to import than everything else that help needs.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
                  context_settings={"max_content_width": 120},
                  help="Compare interpretable vision methods on equal terms. Any command takes --debug.")
app.add_typer(data, name="data")
app.add_typer(store, name="store")
app.command()(audit)
app.command()(explain)
app.command()(tune)
app.command()(report)
app.command()(publish)
_PIPED_WIDTH = 200  # columns of a table that goes into a file or a pipe
Out = Annotated[str, typer.Option(help="Folder of results.")]


def main() -> None:
    """Entry point: prints a user's error as one line, and exits 0, 1, 2 or 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a pre-empted machine's word for Ctrl-C
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        sys.exit(app(arguments, standalone_mode=False) or 0)
    except typer.TyperException as error:
        fail(error.format_message())
    except UserError as error:
        if debug:
            raise
        fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has left
        sys.stderr.close()
        sys.exit(0)


def fail(line: str) -> None:
    console(stderr=True).print(f"error: {' '.join(line.split())}", style="red", markup=False, highlight=False,
                               soft_wrap=True)
    sys.exit(2)


@app.command()
def run(
    methods: Annotated[str | None, typer.Option(help="Methods, with commas; name@variant; or 'all'.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set; see: harness list datasets.")] = None,
    data_root: Annotated[str | None, typer.Option(help="Its folder. [$PARTBENCH_DATA/NAME or ./data/NAME]")] = None,
    backbone: Annotated[str | None, typer.Option(help="timm vision transformer. [the data set's]")] = None,
    weights: Annotated[str | None, typer.Option(help=".safetensors or .pth file, or 'random'. [download]")] = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels, a multiple of the patch. [the data set's]")] = None,
    labels: Annotated[str | None, typer.Option(help="Level of the classes, such as genus.")] = None,
    decoded_side: Annotated[int | None, typer.Option(
        help="Keep decoded pictures on disk, shrunk to this longer side.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data. [the preset's]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per step. [the method's]")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, with commas. [0]")] = None,
    rate_factors: Annotated[str | None, typer.Option(
        help="Factors on every learning rate, with commas; of several the best on val is chosen for each method. [1]",
    )] = None,
    rate_epochs: Annotated[int | None, typer.Option(help="Epochs of each trial of a factor. [4]")] = None,
    set_: Annotated[list[str] | None, typer.Option(
        "--set", help="NAME.setting=value of a method, the data set or 'protocol'; repeat for more.")] = None,
    preset: Annotated[str | None, typer.Option(help="quick, default or paper. [the data set's]")] = None,
    fit_on: Annotated[str | None, typer.Option(help="train, or train+val for final numbers.")] = None,
    split: Annotated[str | None, typer.Option(help="Scored on: test, or val to choose settings.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32 or bf16.")] = None,
    threads: Annotated[int | None, typer.Option(help="Torch threads of a run; numbers depend on them. [1]")] = None,
    prefix_store: PrefixStore = None,
    no_prefix_store: NoPrefixStore = False,
    gradient_checkpointing: GradientCheckpointing = None,
    protocol: Annotated[str | None, typer.Option(help="How scores are taken; see: harness list protocols.")] = None,
    fidelity_images: Annotated[int | None, typer.Option(help="Images of insertion and deletion. [200]")] = None,
    controls: Annotated[bool | None, typer.Option(
        "--controls", help="Score lie detectors too: blind peaks, untrained weights, other images' maps.")] = None,
    config: Annotated[str | None, typer.Option(help="YAML with these fields, or a run's spec.json.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder of results. [results]")] = None,
    force: Annotated[bool | None, typer.Option("--force", help="Do finished runs again, from nothing.")] = None,
    in_process: Annotated[bool | None, typer.Option("--in-process", help="Without Ray, one after the other.")] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster to join, for instance 'auto'.")] = None,
    gpus_per_run: Annotated[float | None, typer.Option(help="GPU share of a run. [1 where there is one]")] = None,
    memory_per_run: Annotated[str | None, typer.Option(
        help="Such as 6GB: a run that holds more is ended, and tried again with smaller parts of a batch.")] = None,
    workers_per_run: Annotated[int | None, typer.Option(
        help="Processes that train a run together, each with these threads, GPUs and memory. [1]")] = None,
    timeout: Annotated[str | None, typer.Option(help="Such as 3h: a run that takes longer is ended.")] = None,
    budget: Annotated[str | None, typer.Option(
        help="Such as 8h: runs that would not end within it are left for the same command later.")] = None,
    retry: Annotated[str | None, typer.Option(
        help="Runs of --out that ended so, from their specs: failed, timeout, out_of_memory, interrupted.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Of the runs, say only which failed.")] = False,
    json: Annotated[bool, typer.Option(
        "--json", help="Events for programs on standard output, one JSON object a line.")] = False,
) -> int:
    """Train, explain and score methods; finished runs are skipped, interrupted ones continue."""
    from .config import make_config, parse_set, store_limit

    given: dict[str, Any] = {
        "methods": methods, "dataset": dataset, "data_root": data_root, "backbone": backbone, "weights": weights,
        "image_size": image_size, "labels": labels, "decoded_side": decoded_side, "epochs": epochs,
        "batch_size": batch_size, "seeds": seeds, "rate_factors": rate_factors, "rate_epochs": rate_epochs,
        "set": parse_set(set_) if set_ else None, "preset": preset, "fit_on": fit_on, "split": split,
        "precision": precision, "threads": threads, "prefix_store": store_limit(prefix_store, no_prefix_store),
        "gradient_checkpointing": gradient_checkpointing, "protocol": protocol, "fidelity_images": fidelity_images,
        "controls": controls, "out": out, "force": force, "in_process": in_process, "address": address,
        "gpus_per_run": gpus_per_run, "memory_per_run": memory_per_run,
        "workers_per_run": workers_per_run, "timeout": timeout, "budget": budget}
    if retry:
        from .commands.retry import retry_plan
        from .commands.run import run_request

        if dry_run:
            raise UserError("--retry has no --dry-run; see which runs it takes: harness list runs")
        plan = retry_plan(retry, given | {"config": config})
        return run_request(plan.config, console(), quiet, json, plan)
    request = make_config(given, config)
    if dry_run:
        from .foresight.dry_run import dry_run as foreseen

        wide = console()
        if not wide.is_terminal:
            wide.width = _PIPED_WIDTH  # ids are there to be read
        wide.print(foreseen(request), highlight=False)
        return 0
    from .commands.run import run_request

    return run_request(request, console(), quiet, json)


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(help="methods, datasets, metrics, protocols, backbones or runs.")],
    out: Out = "results",
) -> None:
    """List what there is."""
    from .console.listing import listing

    console().print(listing(kind, out), crop=False)


@app.command()
def show(
    names: Annotated[list[str], typer.Argument(
        metavar="[KIND] NAME", help="A method, dataset, metric, protocol, backbone or run; its kind in front tells a "
                                    "protocol from a method of the same name.")],
    out: Out = "results",
) -> None:
    """Show a method (paper, settings, what its maps mean), a data set, a metric, a protocol or a run."""
    from .console.listing import details
    from .results.at_hand import run_at_hand

    console().print(details(names, run_at_hand(out, names[-1]).folder), soft_wrap=True)  # no line of BibTeX is broken


@app.command()
def why(run: Annotated[str, typer.Argument(help="Run id, or its first digits.")], out: Out = "results") -> None:
    """Say how each attempt of a run ended, why, and what to do; with the end of its log."""
    from .console.reason import reason
    from .results.at_hand import run_at_hand

    console().print(reason(run, run_at_hand(out, run).folder), soft_wrap=True)


@app.command()
def score(
    run: Annotated[str, typer.Argument(help="Run id, or its first digits.")],
    protocol: Annotated[str, typer.Option(help="How scores are taken; see: harness list protocols.")],
    set_: Annotated[list[str] | None, typer.Option(
        "--set", help="protocol.setting=value; repeat for more.")] = None,
    split: Annotated[str, typer.Option(help="Which evaluation: test or val.")] = "test",
    out: Out = "results",
) -> None:
    """Score a run under another protocol from what its evaluation kept: no model, no pictures."""
    from ..leaderboard import ClassSums, Store, leaderboard_table
    from .config import parse_set
    from .results.at_hand import run_at_hand, send_scores
    from .scoring.rescore import protocol_with, rescore

    wanted = protocol_with(protocol, parse_set(set_ or []))
    results = run_at_hand(out, run)
    run_id, store = rescore(results.folder, run, wanted, split), Store(results.folder)
    send_scores(results)
    frame, _ = store.current()
    rows = frame[(frame.run_id == run_id) & (frame.protocol_id == wanted.id) & (frame.split == split)]
    console().print(leaderboard_table(rows, console().width, sums=ClassSums(store)))


protocols = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a score depends on besides the model.")
app.add_typer(protocols, name="protocol")


@protocols.command()
def diff(one: Annotated[str, typer.Argument(help="A protocol.")],
         other: Annotated[str, typer.Argument(help="Another.")]) -> None:
    """Say where two protocols differ."""
    from .console.protocol_listing import protocol_difference

    console().print(protocol_difference(one, other))


@app.command()
def doctor() -> int:
    """Say what this machine can run."""
    from .doctor import examine

    return examine(console())
