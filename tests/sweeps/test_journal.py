"""The journal of a search: what a kill leaves is continued, what is broken or another's is one line."""

import json
import multiprocessing
import os
import signal
import time

import optuna
import pytest
import toy_search as toy

from partbench.errors import UserError
from partbench.sweeps import Objective, Rungs, Search, read_record, read_study, sole_writer


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The journal of a search of three trials, as bytes."""
    file = tmp_path_factory.mktemp("written") / "ivpt.log"
    toy.carried_out(Search(toy.plan(amount=3), file))
    return file.read_bytes()


def settings_of(search):
    return [trial.settings for trial in search.record.trials]


def test_a_journal_torn_at_any_byte_of_its_last_record_continues(tmp_path, written):
    file, whole = tmp_path / "ivpt.log", toy.plan(amount=3)
    file.write_bytes(written)
    expected = settings_of(Search(whole, file))
    last = written.rfind(b"\n", 0, -1) + 1
    for cut in range(last, len(written)):
        file.write_bytes(written[:cut])
        search = Search(whole, file)
        assert settings_of(search) == expected
        assert [trial.state for trial in search.record.trials] == ["done"] * 3, "it is told again"


def test_a_search_cut_off_after_any_line_ends_as_one_never_cut_off(tmp_path, written):
    file, whole, lines = tmp_path / "ivpt.log", toy.plan(amount=3), written.splitlines(keepends=True)
    file.write_bytes(written)
    expected = settings_of(Search(whole, file))
    for kept in range(2, len(lines)):
        file.write_bytes(b"".join(lines[:kept]) + lines[kept][:len(lines[kept]) // 2])
        search = toy.carried_out(Search(whole, file))
        assert settings_of(search) == expected
        assert [trial.state for trial in search.record.trials] == ["done"] * 3


def foreign_study(file):
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(file)))
    optuna.create_study(storage=storage, study_name="ivpt")
    return file.read_bytes()


@pytest.mark.parametrize(("broken", "cause"), [
    (lambda written: b"", "has no line"),
    (lambda written: written[:30], "has no line"),
    (lambda written: os.urandom(64).replace(b"\n", b" ") + b"\n", "line 1: not a record"),
    (lambda written: b"\x00" * 4096, "has no line"),
    (lambda written: b'{"a": 1}\n' * 3, "line 1: not a record"),
    (lambda written: b"[]\n", "line 1: not a record"),
    (lambda written: b"7\n", "line 1: not a record"),
    (lambda written: b'{"op_code": 99}\n', "no journal of a search"),
    (lambda written: b'{"op_code": 4, "trial_id": "x"}\n', "no journal of a search"),
    (lambda written: written[:400] + written[500:], "line"),
    (lambda written: written[:400] + b"\n" + written[400:], "line"),
    (lambda written: b"".join(written.splitlines(keepends=True)[1:]), "no journal of a search")])
def test_a_broken_journal_is_one_line_that_names_file_cause_and_mend_and_stays_as_it_is(
        tmp_path, written, broken, cause):
    file = tmp_path / "ivpt.log"
    file.write_bytes(broken(written))
    before = file.read_bytes()
    for use in (lambda: Search(toy.plan(amount=3), file), lambda: read_study(file)):
        with pytest.raises(UserError, match=cause) as error:
            use()
        assert str(file) in str(error.value)
        assert "another --name" in str(error.value)
        assert "\n" not in str(error.value)
    assert file.read_bytes() == before


def test_a_study_of_somebody_elses_is_one_line(tmp_path):
    file = tmp_path / "ivpt.log"
    foreign_study(file)
    with pytest.raises(UserError, match="another study of Optuna's"):
        Search(toy.plan(), file)


@pytest.mark.parametrize(("changes", "difference"), [
    ({"objectives": toy.BOTH[:1]}, "objectives is .*consistency_gain"),
    ({"objectives": (toy.BOTH[0], Objective("consistency_gain", False, 1.0))}, "min:consistency_gain"),
    ({"objectives": (Objective("consistency", True, 0.0),)}, "objectives"),
    ({"narrowed": {"head_rate": "0.001..0.1"}}, "space.ranges.head_rate is"),
    ({"rungs": Rungs((2, 6), 3)}, "rungs is"),
    ({"rungs": Rungs((7,), 3)}, "rungs is"),
    ({"sampler": "random"}, "sampler is 'tpe' there and 'random' here"),
    ({"seed": 1}, "search_seed is 0 there and 1 here"),
    ({"identity": {"weights": "other"}}, "weights is None there and 'other' here")])
def test_the_journal_of_another_search_is_refused_by_the_first_difference(tmp_path, written, changes, difference):
    file = tmp_path / "ivpt.log"
    file.write_bytes(written)
    with pytest.raises(UserError, match=f"ivpt.log holds another search: .*{difference}.*another --name"):
        Search(toy.plan(amount=3, **changes), file)


def test_another_budget_is_the_same_search(tmp_path, written):
    file = tmp_path / "ivpt.log"
    file.write_bytes(written)
    assert len(Search(toy.plan(amount=90, unit="minutes"), file).record.trials) == 3


def test_a_journal_may_be_renamed(tmp_path, written):
    (tmp_path / "restored.log").write_bytes(written)
    assert len(Search(toy.plan(amount=3), tmp_path / "restored.log").record.trials) == 3


def test_the_lock_of_a_killed_writer_is_not_waited_for(tmp_path, written):
    file = tmp_path / "ivpt.log"
    file.write_bytes(written)
    os.symlink(file, tmp_path / "ivpt.log.lock")
    started = time.monotonic()
    toy.carried_out(Search(toy.plan(amount=4), file))
    assert time.monotonic() - started < 5


def in_another_process(work):
    """Fork, do the work there, and return its exit code."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(30)
    return child.exitcode


def test_a_second_driver_on_the_same_folder_is_refused_until_the_first_ends(tmp_path):
    def refused():
        with pytest.raises(UserError, match=r"another process is searching in .*sweep; wait"), \
                sole_writer(tmp_path / "sweep"):
            pass

    def let_in():
        with sole_writer(tmp_path / "sweep"):
            pass

    with sole_writer(tmp_path / "sweep"):
        assert in_another_process(refused) == 0
    assert in_another_process(let_in) == 0


def test_what_a_killed_driver_forked_holds_no_folder(tmp_path):
    """Data are decoded in processes that notice only after a while that theirs was killed."""
    ready, told = os.pipe()

    def drive():
        with sole_writer(tmp_path):
            if not os.fork():
                os.write(told, b"%d" % os.getpid())
                time.sleep(60)
            time.sleep(60)

    driver = multiprocessing.get_context("fork").Process(target=drive)
    driver.start()
    orphan = int(os.read(ready, 20))
    os.kill(driver.pid, signal.SIGKILL)
    driver.join()
    try:
        with sole_writer(tmp_path):
            os.kill(orphan, 0)  # it is still there
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="choose another --out"), sole_writer(tmp_path / "file" / "sweep"):
        pass


def test_a_search_is_read_while_it_is_written_and_left_as_it_is(tmp_path, written):
    file = tmp_path / "ivpt.log"
    with sole_writer(tmp_path):
        file.write_bytes(written)
        search = Search(toy.plan(amount=5), file)
        task = search.next_task()
        assert [trial.state for trial in read_record(read_study(file), search.plan).trials] == ["done"] * 3 + [
            "running"]
        with file.open("ab") as journal:
            journal.write(b'{"op_code": 8, "wor')  # a record under way
        before = file.read_bytes()
        assert len(read_record(read_study(file), search.plan).trials) == 4
        assert file.read_bytes() == before
        assert task.number == 3


def test_there_is_nothing_to_read_before_a_search_has_begun(tmp_path):
    with pytest.raises(UserError, match="no search in"):
        read_study(tmp_path / "ivpt.log")
    assert not list(tmp_path.iterdir())


def test_every_step_of_a_trial_is_one_line(tmp_path, written):
    operations = [json.loads(line)["op_code"] for line in written.splitlines()]
    begins, notes, ends = 4, 8, 6
    assert operations[2:] == [begins, notes, ends] * 3
