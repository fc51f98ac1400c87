"""What the chaos tool counts, it sees: each damage done by hand is counted once."""

import shutil

import pyarrow
import pyarrow.parquet
import pytest
from verify import Damage, compare


def lose(out):
    next(out.glob("rows/*.parquet")).unlink()


def double(out):
    file = next(out.glob("rows/*.parquet"))
    shutil.copy(file, file.with_name("another.parquet"))


def change(out):
    file = next(out.glob("rows/*.parquet"))
    table = pyarrow.parquet.read_table(file)
    value = table.column("value").to_pylist()[0]
    place = table.schema.get_field_index("value")
    pyarrow.parquet.write_table(table.set_column(place, "value", pyarrow.array([value + 2**-50])), file)


def learn_otherwise(out):
    file = next(out.glob("runs/*/losses.csv"))
    file.write_text(file.read_text().replace("4,chaos,total,1", "4,chaos,total,2").replace("total,0", "total,3"))


def tear(out):
    file = next(out.glob("rows/*.parquet"))
    shutil.copy(file, file.with_name("torn.parquet"))
    with file.with_name("torn.parquet").open("r+b") as torn:
        torn.truncate(100)


def leave(out):
    (out / "rows" / ".x.0123456789abcdef0123456789abcdef.tmp").touch()


@pytest.mark.parametrize(("done", "counted"), [
    (lambda out: None, Damage()), (lose, Damage(lost_rows=1)), (double, Damage(duplicate_rows=1)),
    (change, Damage(wrong_values=1)), (learn_otherwise, Damage(wrong_values=1)), (tear, Damage(torn_files=1)),
    (leave, Damage(temporary_files=1))], ids=lambda it: getattr(it, "__name__", ""))
def test_damage_is_counted_once(done, counted, reference, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reference.out, out)
    done(out)
    found, lines = compare(out, reference.out)
    assert found == counted, lines
    assert bool(lines) == bool(counted)
