"""Names of a data set's classes and parts, as its runs and its audits tell them; rows and items know numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from .audit_data import AuditData
from .board import Line
from .explanations import Unusable, read_facts
from .files import Folder
from .text import printable


@dataclass(frozen=True)
class Names:
    """Names by label and by place among the parts; empty where nobody told."""

    classes: Sequence[str] = ()
    parts: Sequence[str] = ()

    def of_class(self, label: int) -> str:
        """``Sooty Albatross``, or ``class 3`` where the name is not known."""
        if 0 <= label < len(self.classes):
            return printable(str(self.classes[label]).replace("_", " "), 60) or f"class {label}"
        return f"class {label}"

    def of_parts(self, count: int) -> list[str]:
        """As many names; numbers from 1 where they are not known."""
        if len(self.parts) == count:
            return [printable(name, 40) or str(place + 1) for place, name in enumerate(self.parts)]
        return [f"part {place + 1}" for place in range(count)]


def names(folder: Folder, lines: Sequence[Line], dataset: str, audits: Sequence[AuditData]) -> Names:
    """What is known of a data set that ``lines`` were all run on.

    A run whose explanations cannot be read tells nothing; the gallery says so.
    """
    audited = next((tuple(part.name for part in audit.parts) for audit in audits if audit.dataset == dataset), ())
    for run_id in (run_id for line in lines for run_id in line.run_ids):
        try:
            facts = read_facts(folder, run_id)
        except Unusable:
            continue
        if facts is not None:
            return Names(facts.classes, facts.parts or audited)
    return Names((), audited)
