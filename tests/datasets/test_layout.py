"""Folders that are not there, are something else, or may not be looked into: one line that names folder and mend."""

import os
from dataclasses import replace

import pytest

from partbench import datasets
from partbench.datasets.cards.cub import CARD as CUB
from partbench.datasets.cards.nabirds import CARD as NABIRDS
from partbench.datasets.formats.layout import data_folder, entries_in
from partbench.errors import UserError

STORED = [name for name, card in datasets.registry.cards.items() if not card.generated]


@pytest.fixture
def forbidden(monkeypatch):
    """Makes the system refuse to look at a path; its permissions would not stop root."""
    def forbid(path):
        def refuse(inner):
            def look(asked, *arguments, **options):
                if str(asked) == str(path):
                    raise PermissionError(13, "Permission denied", str(path))
                return inner(asked, *arguments, **options)
            return look

        for name in ("stat", "scandir"):
            monkeypatch.setattr(os, name, refuse(getattr(os, name)))
    return forbid


@pytest.mark.parametrize("name", STORED)
def test_without_data_every_data_set_names_the_folder_it_looked_in_and_how_to_get_the_data(name, tmp_path, monkeypatch):
    monkeypatch.setenv("PARTBENCH_DATA", str(tmp_path))
    with pytest.raises(UserError) as error:
        datasets.load(name)
    line = str(error.value)
    assert f" at {tmp_path / name}: no such folder; " in line
    assert "\n" not in line
    assert "--data-root" in line
    assert datasets.registry.get(name).source is None or line.endswith(f"harness data get {name}")


def test_a_folder_elsewhere_is_fetched_to_elsewhere(tmp_path):
    with pytest.raises(UserError, match=rf"or fetch it: harness data get cub --to '{tmp_path}/my birds'$"):
        data_folder(tmp_path / "my birds", CUB, ["images"])


def test_a_form_is_pointed_to_and_a_data_set_without_source_says_what_its_folder_holds(tmp_path):
    with pytest.raises(UserError, match=r"get it from https://dl.allaboutbirds.org/nabirds; to see how: harness data"):
        data_folder(tmp_path / "nowhere", NABIRDS, ["images"])
    with pytest.raises(UserError, match=r"give a folder as --data-root that holds images/, images.txt"):
        data_folder(tmp_path / "nowhere", replace(CUB, source=None), ["images"])


def test_a_file_and_a_folder_of_something_else_are_not_the_data_set(tmp_path):
    (tmp_path / "CUB_200_2011.tgz").touch()
    with pytest.raises(UserError, match=r"no CUB-200-2011 at .*\.tgz: not a folder; "):
        data_folder(tmp_path / "CUB_200_2011.tgz", CUB, ["images", "images.txt"])
    with pytest.raises(UserError, match=r"no CUB-200-2011 at .*: it lacks images, images.txt; give its folder as"):
        data_folder(tmp_path, CUB, ["images", "images.txt"])


@pytest.mark.parametrize("inner", ["", "images"])
def test_a_folder_that_may_not_be_looked_at_is_named(inner, forbidden, tmp_path):
    (tmp_path / "images").mkdir()
    forbidden(tmp_path / inner)
    with pytest.raises(UserError, match=rf"^{tmp_path / inner} cannot be looked at \(Permission denied\); mend"):
        data_folder(tmp_path, CUB, ["images", "images.txt"])


@pytest.mark.parametrize("name", STORED)
def test_every_reader_refuses_a_folder_that_may_not_be_looked_at(name, forbidden, tmp_path):
    forbidden(tmp_path)
    with pytest.raises(UserError, match=r"Permission denied"):
        datasets.load(name, root=tmp_path)


def test_a_folder_that_may_not_be_listed_and_a_link_in_a_circle_are_named(forbidden, tmp_path):
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(UserError, match=r"circle cannot be read \(Too many levels of symbolic links\); mend"):
        entries_in(tmp_path)
    forbidden(tmp_path)
    with pytest.raises(UserError, match=rf"^folder {tmp_path} cannot be read \(Permission denied\); mend"):
        entries_in(tmp_path)


@pytest.mark.parametrize("root", ["~nobody of this name/cub", "a\0b", "x" * 300])
def test_a_path_that_no_system_knows_is_refused(root):
    with pytest.raises(UserError, match=r"no such folder|File name too long"):
        data_folder(root, CUB, ["images"])
