"""A request for searches carried out: search, keep a setting, and test it where that is asked for."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ...errors import UserError
from ...leaderboard import Store, build_report
from ...leaderboard.address import checked_address, is_url
from ...metrics import registry as metrics
from ...sweeps import Search, Searched, Selection, carry_out, looks, read_record, read_study, sole_writer
from .config import TuneConfig
from .crew import crew
from .display import SearchDisplay
from .final import Kept, do_tests, write_kept
from .folder import Begun, SweepFolder, begun_folders, sweep_folder
from .pages import searched, write_page
from .plans import Prepared, begun_plan, prepared
from .trials import Trials
from .wording import differing, shown, spent, summary


def tune(config: TuneConfig, console: Console, progress: Console) -> int:
    """Search until the budget is spent, write what was found, and test it if asked to; the exit code.

    Args:
        console: takes what was found.
        progress: takes what is being done.

    Raises:
        UserError: anything in the request that cannot work. What was searched until then is kept.
    """
    if is_url(config.out):
        raise UserError(f"--out {checked_address(config.out)}: a search keeps its journal in a local folder; give one, "
                        "and bring its rows to the others with: harness store merge")
    wanted = prepared(config)
    selection = _selection(config, wanted)
    folder = sweep_folder(config.out, wanted[0].plan.name)
    Store(folder.out).check_writable()
    with sole_writer(folder.path):
        searches = [Search(each.plan, folder.journal(each.plan.method)) for each in wanted]
        config = config.model_copy(update={"methods": tuple(search.plan.method for search in searches)})
        for each in wanted:
            folder.remember(each.plan.method, Begun(config, each.job.spec, each.job.protocol.id, each.plan.sampler))
        progress.print(f"sweep {folder.name}: {', '.join(config.methods)}, {_budget(config)} each", soft_wrap=True)
        try:
            _search(config, wanted, searches, progress)
            kept, unkept = _keep(config, searches, selection, folder)
            failed = do_tests(config, kept, folder, progress) if config.final and kept else {}
        except KeyboardInterrupt:
            progress.print("stopped; the same command continues it", style="red")
            return 130
        finally:
            Store(folder.out).build()
            if any(trial.state != "running" for search in searches for trial in search.record.trials):
                progress.print(f"page: {write_page(folder)}", soft_wrap=True, highlight=False)
        build_report(folder.out)
    return _conclude(config, folder, unkept, failed, console)


def status(config: TuneConfig | None, name: str | None, out: str, console: Console) -> int:
    """Say how far searches have come; starts nothing, and may be asked while they are under way.

    Args:
        config: of the search that is meant; None: the one called ``name``, or all under ``out``.

    Raises:
        UserError: there is no such search, or it is broken.
    """
    folders = begun_folders(out if config is None else config.out,
                            name if config is None else prepared(config)[0].plan.name)
    for folder in folders:
        for method in folder.methods:
            record = read_record(read_study(folder.journal(method)), begun_plan(folder, method))
            running = sum(trial.state == "running" for trial in record.trials)
            console.print(f"{folder.name}: {summary(record, running)}; {spent(record)}", soft_wrap=True, markup=False,
                          highlight=False)
    if not folders:
        console.print(f"no search under {out} yet")
    return 0


def _selection(config: TuneConfig, wanted: Sequence[Prepared]) -> Selection:
    """The rule, before anything is spent on trials that it cannot tell apart."""
    selection, scored = Selection.parse(config.select, metrics.cards), wanted[0].plan.metrics
    for metric in selection.metrics:
        if metric not in scored:
            raise UserError(f"--select {config.select}: trials are not scored by {metric}; select by "
                            f"{', '.join(scored)}, or add it to --objectives")
    return selection


def _search(config: TuneConfig, wanted: Sequence[Prepared], searches: Sequence[Search], progress: Console) -> None:
    tasks = sum(search.tasks_left for search in searches)
    if not tasks:
        return
    with SearchDisplay(searches, progress) as display, crew(config, display, tasks) as workers:
        submits = [Trials(config, each, workers).submit for each in wanted]
        for search in carry_out(list(zip(searches, submits, strict=True)), workers.at_once):
            display.told(search)


def _keep(config: TuneConfig, searches: Sequence[Search], selection: Selection,
          folder: SweepFolder) -> tuple[list[Kept], dict[str, str]]:
    """Keep a trial of each search; and by method, why the rule keeps none: the others have theirs all the same."""
    kept, unkept = [], {}
    for search in searches:
        try:
            chosen = selection.choose(search.record.trials, search.plan.objectives)
        except UserError as error:
            unkept[search.plan.method] = str(error)
            continue
        kept.append(Kept(search.plan, chosen))
        write_kept(config, folder, kept[-1])
    return kept, unkept


def _conclude(config: TuneConfig, folder: SweepFolder, unkept: dict[str, str], failed: dict[str, str],
              console: Console) -> int:
    """Print what was found. Exit code 1 where a final run failed.

    Raises:
        UserError: of a method, no trial satisfies the rule.
    """
    for method in config.methods:
        one = searched(folder, method)
        console.print(_table(one))
        for note in one.notes:
            console.print(f"note: {note}", soft_wrap=True, markup=False, highlight=False)
        if one.chosen:
            console.print(f"kept: harness run --config {folder.kept(method)}", soft_wrap=True, markup=False)
        for line in _tested(one):
            console.print(line, soft_wrap=True, markup=False, highlight=False)
    for method, why in failed.items():
        console.print(f"{method}: {why}", style="red", soft_wrap=True, markup=False)
    for method, why in unkept.items():
        raise UserError(f"{method}: {why}; the search is kept, and its page written")
    return int(bool(failed))


def _table(one: Searched) -> Table:
    """The paper's setting and the kept one on val."""
    record = one.record
    names = [objective.metric for objective in record.objectives]
    table = Table(record.method, *(name.replace("_", " ") for name in names), "settings that differ", box=None,
                  title=f"{summary(record, 0)}; on val, where the best of many is optimistic", title_justify="left")
    for label, trial in (("paper's setting", one.paper), ("kept", one.chosen)):
        if trial is not None and trial.values:
            table.add_row(label if label[0] == "p" else f"kept: trial {trial.number}",
                          *(shown(name, trial.values[name]) if name in trial.values else "" for name in names),
                          differing(one.paper.settings, trial.settings) if one.paper else "")
    return table


def _tested(one: Searched) -> list[str]:
    """The latest look at test, and how many there were."""
    if not one.tests:
        return []
    said, latest = [], one.tests[-1]
    for each in latest.differences:
        line = f"on test, {each.metric.replace('_', ' ')}: paper's setting {shown(each.metric, each.paper)}"
        if each.found is not None:
            line += f", kept setting {shown(each.metric, each.found)}"
        if each.difference is not None:
            line += (f", difference {each.difference:+.4f} (95 % {each.low:+.4f} to {each.high:+.4f}), "
                     f"{'told apart' if each.told_apart else 'not told apart'} (p {each.p_value:.3g})")
        said.append(f"{one.record.method}: {line}")
    return said + ([f"{one.record.method}: {looks(one.tests)}"] if looks(one.tests) else [])


def _budget(config: TuneConfig) -> str:
    return f"{config.allowed.amount:g} {config.allowed.unit}"
