"""Reading files as far as they can be read, every row with its line."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm.errors import SchemaError
from crm.files import CsvFormat, FileRows, read_rows
from crm.origins import ORIGIN, lines_of


def read(path: Path, content: bytes, written: CsvFormat | None = None) -> FileRows:
    path.write_bytes(content)
    return read_rows(path, 0, written)


def lines(frame: pd.DataFrame) -> list[int]:
    return lines_of(frame[ORIGIN].to_numpy()).tolist()


def test_the_header_is_line_one(tmp_path):
    found = read(tmp_path / "a.csv", b"id,name\n1,Acme\n2,Bolt\n")
    assert found.rows["name"].tolist() == ["Acme", "Bolt"]
    assert lines(found.rows) == [2, 3]


def test_line_breaks_inside_quotes_count_as_lines(tmp_path):
    found = read(tmp_path / "a.csv", b'id,name\r\n1,"Acme\r\nLtd"\r\n2,Bolt\r\n')
    assert found.rows["name"].tolist() == ["Acme\r\nLtd", "Bolt"]
    assert lines(found.rows) == [2, 4]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_in_the_header(tmp_path, delimiter):
    found = read(tmp_path / "a.csv", "id,name\n1,Acme\n".replace(",", delimiter).encode())
    assert found.rows["name"].tolist() == ["Acme"]


def test_an_empty_value_is_missing(tmp_path):
    assert read(tmp_path / "a.csv", b"id,name\n1,\n").rows["name"].isna().all()


def test_empty_lines_are_no_rows(tmp_path):
    found = read(tmp_path / "a.csv", b"id,name\n\n1,Acme\n,\n")
    assert lines(found.rows) == [3]
    assert found.rejects.empty


def test_a_line_with_too_many_values_is_refused_alone(tmp_path):
    found = read(tmp_path / "a.csv", b"id,name\n1,Acme, Ltd\n2,Bolt\n")
    assert found.rows["name"].tolist() == ["Bolt"]
    assert lines(found.rejects) == [2]
    assert "the line has 3 values where the header has 2 columns" in found.rejects["rule"][0]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path):
    found = read(tmp_path / "a.csv", b'id,name\n1,"Acme\n2,Bolt\n3,Core\n')
    assert found.rows["id"].tolist() == ["2", "3"]
    assert found.rejects["rule"].str.startswith("a quote is opened and not closed").all()
    assert lines(found.rejects) == [2]


def test_a_last_line_cut_short_is_refused(tmp_path):
    found = read(tmp_path / "a.csv", b"id,name,size\n1,Acme,2\n2,Bo")
    assert found.rows["id"].tolist() == ["1"]
    assert "the file ends in the middle of this line: 2 of 3 values" in found.rejects["rule"][0]


def test_a_last_line_without_line_end_loads_with_a_warning(tmp_path):
    found = read(tmp_path / "a.csv", b"id,name\n1,Acme\n2,Bolt")
    assert found.rows["id"].tolist() == ["1", "2"]
    assert "the last line has no line end" in found.warnings[0]


def test_a_cut_gzip_gives_all_whole_lines_and_says_what_is_lost(tmp_path):
    rng = np.random.default_rng(0)
    names = ["".join(map(chr, rng.integers(97, 123, 30))) for _ in range(5_000)]
    packed = gzip.compress(("id,name\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names))).encode())
    found = read(tmp_path / "a.csv.gz", packed[: len(packed) // 2])
    n = len(found.rows)
    assert 1_000 < n < 4_000
    assert found.rows["name"].tolist() == names[:n]
    assert "its gzip data end in the middle" in found.rejects["rule"].iloc[-1]


def test_gzip_files_written_one_after_the_other_are_one_file(tmp_path):
    found = read(tmp_path / "a.csv.gz", gzip.compress(b"id,name\n1,Acme\n") + gzip.compress(b"2,Bolt\n"))
    assert found.rows["id"].tolist() == ["1", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_needs_no_declaration(tmp_path, encoding):
    found = read(tmp_path / "a.csv", "id,name\n1,Müller\n".encode(encoding))
    assert found.rows.columns.tolist() == ["id", "name", ORIGIN]
    assert found.rows["name"].tolist() == ["Müller"]


def test_another_encoding_is_read_when_it_is_declared(tmp_path):
    found = read(tmp_path / "a.csv", "id,name\n1,Müller\n".encode("cp1252"), CsvFormat(encoding="cp1252"))
    assert found.rows["name"].tolist() == ["Müller"]


def test_bytes_that_are_not_utf8_name_the_line_and_the_remedy(tmp_path):
    content = "id,name\n1,Acme\n2,Müller\n".encode("cp1252")
    with pytest.raises(SchemaError, match=r"a\.csv line 3: byte 0xfc is not UTF-8; .*`encoding: cp1252`"):
        read(tmp_path / "a.csv", content)


def test_a_column_named_twice_is_an_error(tmp_path):
    with pytest.raises(SchemaError, match="more than one column 'id'"):
        read(tmp_path / "a.csv", b"id,id\n1,2\n")


def test_an_empty_file_is_one_reject(tmp_path):
    found = read(tmp_path / "a.csv", b"")
    assert found.rows.empty
    assert found.n_read == 0
    assert "the file is empty" in found.rejects["rule"][0]


def test_parquet_rows_are_numbered_from_one(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"id": ["1", "2"], "size": pd.array([3, None], dtype="Int64")}).to_parquet(path)
    found = read_rows(path, 0)
    assert lines(found.rows) == [1, 2]
    assert found.rows["size"].tolist()[0] == "3"


def test_parquet_cut_in_the_middle_is_one_reject(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"id": ["1", "2"]}).to_parquet(path)
    found = read(path, path.read_bytes()[:-20])
    assert found.rows.empty
    assert "damaged or ends in the middle" in found.rejects["rule"][0]


def test_a_damaged_row_group_costs_its_own_rows_only(tmp_path):
    path = tmp_path / "a.parquet"
    names = [f"name {i} {i * 7919 % 10_007}" for i in range(20_000)]
    pd.DataFrame({"name": names}).to_parquet(path, row_group_size=10_000, compression="gzip")
    content = bytearray(path.read_bytes())
    content[1_000:3_000] = bytes(2_000)
    found = read(path, bytes(content))
    assert found.rows["name"].tolist() == names[10_000:]
    assert "rows 1 to 10000 are damaged" in found.rejects["rule"][0]
