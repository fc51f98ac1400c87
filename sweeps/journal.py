"""The journal of a search: Optuna's study in a file of lines, which outlives whatever writes it."""

import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from ..durable import mendable, write_whole
from ..errors import UserError
from .quiet import quiet

if TYPE_CHECKING:
    import optuna

_IDENTITY = "identity"
_MEND = "restore it from a copy, or search under another --name: finished runs are not done twice"


class Journal:
    """A study in a file. Whatever is written is one line: a kill leaves it done or not done.

    Raises:
        UserError: the file cannot be written any more.
    """

    def __init__(self, file: Path, study: "optuna.Study", storage: "optuna.storages.JournalStorage"):
        self.file, self.study, self._storage = file, study, storage
        self._study = storage.get_study_id_from_name(study.study_name)

    @property
    def trials(self) -> "list[optuna.trial.FrozenTrial]":
        """All trials by number. Not to be changed."""
        return self.study.get_trials(deepcopy=False)

    def add(self, trial: "optuna.trial.FrozenTrial") -> None:
        """Begin a trial; its number is the next."""
        with mendable(self.file):
            self.study.add_trial(trial)

    def note(self, number: int, name: str, value: Any) -> None:
        """Set an attribute of a trial that is under way; JSON."""
        with mendable(self.file):
            trial = self._storage.get_trial_id_from_study_id_trial_number(self._study, number)
            self._storage.set_trial_user_attr(trial, name, value)

    def end(self, number: int, state: Literal["COMPLETE", "PRUNED", "FAIL"],
            values: Sequence[float] | None = None) -> None:
        """Finish a trial, with the values of the objectives where it is complete."""
        from optuna.trial import TrialState

        with mendable(self.file), quiet():
            self.study.tell(number, values, TrialState[state])


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold the folder of a search: two drivers would take each other's trials for their own.

    Raises:
        UserError: another process holds it, or it cannot be written.
    """
    with mendable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            # Not flock: processes that a driver forked, and that outlive it for a moment, would hold that, too.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # systems differ in which it is
            raise UserError(f"another process is searching in {folder}; wait for it, or see: harness tune --status"
                            ) from None
        except OSError as error:
            raise UserError(f"{folder} cannot be locked: {error.strerror}; choose an --out on another file system"
                            ) from None
        yield


def open_journal(file: Path, identity: Mapping[str, Any], directions: Sequence[str]) -> Journal:
    """A journal to go on with, made where there is none. The caller is its :func:`sole_writer`.

    Args:
        identity: what makes two searches the same; JSON.
        directions: of the objectives, ``maximize`` or ``minimize``.

    Raises:
        UserError: the journal is broken, or holds another search: names the difference.
    """
    if file.exists():
        _mend_end(file)
    else:
        write_whole(file, _begun(file.stem, identity, directions))
    file.with_name(file.name + ".lock").unlink(missing_ok=True)  # of a driver that was killed while it wrote
    journal = _load(file)
    known = journal.study.user_attrs[_IDENTITY]
    if known != identity:
        raise UserError(f"{file} holds another search: {_difference(known, identity)}; choose another --name")
    return journal


def read_study(file: Path) -> "optuna.Study":
    """The study of a journal, to look at while another process may be writing.

    Raises:
        UserError: there is none, or it is broken.
    """
    if not file.exists():
        raise UserError(f"no search in {file.parent}; see the folder sweeps/ of --out for those there are")
    _check_lines(file, _whole_lines(file.read_bytes()))
    return _load(file).study


def _begun(name: str, identity: Mapping[str, Any], directions: Sequence[str]) -> bytes:
    """The first lines of a journal. Written at once, so that a journal that lacks them is a broken one."""
    import optuna

    with TemporaryDirectory() as folder, quiet():
        file = Path(folder) / "journal"
        study = optuna.create_study(storage=_storage(file), study_name=name, directions=list(directions))
        study.set_user_attr(_IDENTITY, dict(identity))
        return file.read_bytes()


def _storage(file: Path) -> "optuna.storages.JournalStorage":
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(file)))


def _load(file: Path) -> Journal:
    import optuna

    try:
        with quiet():
            storage = _storage(file)
            study = optuna.load_study(study_name=None, storage=storage)
    except Exception as error:  # of lines that are not Optuna's, its replay raises whatever it stumbles on
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{file} is no journal of a search ({said:.120}); {_MEND}") from error
    if _IDENTITY not in study.user_attrs:
        raise UserError(f"{file} is no journal of a search, but another study of Optuna's; {_MEND}")
    return Journal(file, study, storage)


def _mend_end(file: Path) -> None:
    """Cut off a line that a kill cut short. It was never acted upon, and the next would be glued to it."""
    with mendable(file):
        content = file.read_bytes()
    whole = _whole_lines(content)
    _check_lines(file, whole)
    if whole != content:
        with mendable(file), file.open("r+b") as journal:
            journal.truncate(len(whole))


def _whole_lines(content: bytes) -> bytes:
    return content[:content.rfind(b"\n") + 1]


def _check_lines(file: Path, lines: bytes) -> None:
    if not lines:
        raise UserError(f"{file} has no line of a journal; {_MEND}")
    for number, line in enumerate(lines.splitlines(), start=1):
        try:
            sound = "op_code" in json.loads(line)
        except (ValueError, TypeError, RecursionError):
            sound = False
        if not sound:
            raise UserError(f"{file}, line {number}: not a record of a journal; {_MEND}")


def _difference(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """The first of the fields that differ."""
    name = next(name for name in {**known, **wanted} if known.get(name) != wanted.get(name))
    one, other = known.get(name), wanted.get(name)
    if isinstance(one, dict) and isinstance(other, dict):
        return f"{name}.{_difference(one, other)}"
    return f"{name} is {one!r:.60} there and {other!r:.60} here"
