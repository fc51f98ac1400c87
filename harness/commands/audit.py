"""The command `harness audit`."""

from typing import Annotated, Any

import typer

from ...errors import UserError
from ..console.terminal import console


def audit(
    dataset: Annotated[str, typer.Option(help="Data set with keypoints; see: harness list datasets.")],
    runs: Annotated[list[str] | None, typer.Argument(
        help="Runs whose peaks stand beside the controls: ids, or their first digits.")] = None,
    data_root: Annotated[str | None, typer.Option(help="Its folder. [$PARTBENCH_DATA/NAME or ./data/NAME]")] = None,
    labels: Annotated[str | None, typer.Option(help="Level of the classes, such as genus.")] = None,
    set_: Annotated[list[str] | None, typer.Option(
        "--set", help="NAME.setting=value of the data set or 'protocol'; repeat for more.")] = None,
    protocol: Annotated[str, typer.Option(help="How scores are taken; see: harness list protocols.")] = "partbench",
    split: Annotated[str, typer.Option(help="Scored on: train, val or test.")] = "test",
    out: Annotated[str, typer.Option(help="Folder of results.")] = "results",
) -> None:
    """Say what scores of the part metrics mean on a data set, beside blind guesses; a table and a page."""
    from ..config import parse_set

    changes = parse_set(set_ or [])
    options = _of(dataset, changes) | ({"labels": labels} if labels else {})
    settings = _of("protocol", changes)
    for key in changes:
        if key.partition(".")[0] not in (dataset, "protocol"):
            raise UserError(f"--set {key}: an audit takes settings of {dataset} and of 'protocol' only")
    from ...leaderboard import audit_summary, write_audit_page
    from ...metrics.protocol import protocol as changed
    from ..audit import audit_dataset
    from ..controls.peaks import stored_evidence
    from ..results.at_hand import all_at_hand

    results = all_at_hand(out)
    with console(stderr=True).status("scoring controls and runs"):
        found = audit_dataset(dataset, runs or (), protocol=changed(protocol, **settings), data_root=data_root,
                              options=options, split=split, out=results.folder, run_evidence=stored_evidence)
    console().print(audit_summary(found))
    console().print(f"page: {write_audit_page(found, results.folder)}", markup=False, soft_wrap=True)
    results.send("audit")


def _of(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    return {key.partition(".")[2]: value for key, value in changes.items() if key.partition(".")[0] == name}
