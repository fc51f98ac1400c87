"""Sanitised texts tell nothing of where they were written, and still say what went wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partbench.leaderboard.publish.machine import Machine
from partbench.leaderboard.publish.sanitise import Sanitiser

HOMES = "/" + "home"  # where no path of a machine may stand in a file, made-up ones are put together
CLEAN = Sanitiser(Machine(users=frozenset({"eve", "ivpt"}), hosts=frozenset({"box17", "box17.lab.edu"}),
                          secrets={"s3cr3t/[x]": "TOKEN"}, values={"my team": "TEAM"}), keep=["ivpt"])


@pytest.mark.parametrize(("text", "shown"), [
    ("cannot read HOME/bob/CUB/images.txt: no such file", "cannot read images.txt: no such file"),
    ('File "/opt/a/b.py", line 3, in f', 'File "b.py", line 3, in f'),
    ("'HOME/bob/My Documents/x y.txt' is torn", "'x y.txt' is torn"),
    (r"C:\Users\bob\x.txt C:\\Users\\bob\\y.txt \\server\share\z.bin", "x.txt y.txt z.bin"),
    ("~/secret/x ../../bob/z -IHOME/bob/include [/a/b] x=/c/d", "x z -Iinclude [b] x=d"),
    ("PosixPath('HOME/bob')", "PosixPath('~')"),
    ("s3://bucket/key/z.pt file:///srv/q/w.t path%2Fhome%2Fbob%2Fv", "z.pt w.t pathv"),
    ("https://me:pw@huggingface.co/timm/x?token=1#y http://10.0.0.3:80/p/q.pt", "https://huggingface.co/timm/x q.pt"),
    ("redis://:pw@h:6379", "[address]"),
    ("10.2.3.4:6379 or 127.0.0.1, aa:bb:cc:dd:ee:ff, 17:40:37", "[address]:6379 or 127.0.0.1, [address], 17:40:37"),
    ("mail a.b@c.de", "mail [e-mail]"),
    ("s3cr3t/[x] on BOX17.lab.edu, box17, by Eve of my team", "$TOKEN on [host], [host], by [user] of $TEAM"),
    ("/data/s3cr3t/[x]/y HOME/eve/my team/z https://u:s3cr3t/[x]@hf.co/v", "y $TEAM/z https://hf.co/v"),
])
def test_what_tells_of_a_place_goes(text, shown):
    assert CLEAN.text(text.replace("HOME", HOMES)) == shown


@pytest.mark.parametrize("text", [
    "accuracy/consistency and/or n/a, 50/s, 1 / 2", "ivpt@bias of ivpt", "max:accuracy", "2026-01-02 17:40:37,261",
    "</td><script>alert(1)</script>", "cudnn 999.1.0.70", "evening", "loss term 'entropy' is nan", "",
])
def test_what_tells_nothing_stays(text):
    assert CLEAN.text(text) == text


@given(st.text(st.sampled_from("/\\~.:@%2Fa1 '\"eve-")))
def test_once_is_enough(text):
    once = CLEAN.text(text)
    assert CLEAN.text(once) == once


def test_json_stays_json_and_is_left_alone_where_nothing_tells():
    assert CLEAN.document('{"b": 1e-06}') == '{"b": 1e-06}'
    told = json.dumps({f"{HOMES}/bob/k": ["\u002fhome\u002fbob\u002fv"]}).replace("/", "\\u002f")
    assert CLEAN.document(told) == '{"k": ["v"]}'
    assert CLEAN.document(f'{{"torn": "{HOMES}/bob/v') == '{"torn": "v'


def test_values_of_the_environment_are_known_but_for_paths_versions_and_short_ones():
    machine = Machine.here({"USER": "eve", "HOSTNAME": "box17.lab.edu", "API_KEY": "abcd", "PYTHON": "3.11.7-slim",
                            "WHERE": "/a/long/path", "LEVEL": "short", "NOTE": "a note of mine"})
    assert dict(machine.secrets) == {"abcd": "API_KEY"}
    assert dict(machine.values) == {"a note of mine": "NOTE"}
    assert "eve" in machine.users
    assert {"box17", "box17.lab.edu"} <= machine.hosts
