"""rpm's database: its SQLite form is read, whatever is in the file."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.packages.rpmdb import header, write
from worker.engine.packages import Ecosystem, Package, rpm
from worker.engine.packages.reading import gather
from worker.engine.packages.rpm_header import read_header
from worker.engine.packages.values import Unreadable

OPENSSL = {
    "name": "openssl-libs", "version": "3.0.7", "release": "27.el9", "epoch": 1, "size": 2230000,
    "license": "ASL 2.0", "arch": "x86_64", "sourcerpm": "openssl-3.0.7-27.el9.src.rpm",
}  # fmt: skip


def read(path: Path) -> list[Package | Unreadable]:
    with path.open("rb") as file:
        return list(rpm.read_sqlite(file))


def test_a_package_of_the_database(tmp_path: Path) -> None:
    key = header(name="gpg-pubkey", version="fd431d51", release="4ae0493b")
    path = write(tmp_path / "rpmdb.sqlite", header(**OPENSSL), key)
    assert read(path) == [
        Package(Ecosystem.RPM, "openssl-libs", "1:3.0.7-27.el9", "x86_64", "openssl", "", "ASL 2.0", 2230000)
    ]


def test_what_is_no_header_is_told_of_and_the_others_are_read(tmp_path: Path) -> None:
    broken = (b"", b"\0" * 7, struct.pack(">II", 1 << 30, 10), header(version="1"), header(**OPENSSL)[:40])
    found = read(write(tmp_path / "rpmdb.sqlite", *broken, header(name="a", version="1", release="2")))
    assert [one.version for one in found if isinstance(one, Package)] == ["1-2"]
    assert sum(isinstance(one, Unreadable) for one in found) == len(broken)


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.integers(0, 200).map(lambda cut: header(**OPENSSL)[:cut]))
def test_a_header_of_any_bytes_gives_a_package_or_a_reason(blob: bytes) -> None:
    with contextlib.suppress(Unreadable):
        read_header(blob)


def test_a_file_that_is_no_database_gives_a_reason(tmp_path: Path) -> None:
    for content in (b"", b"SQLite format 3\0" + b"\xff" * 5000, b"text"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(Unreadable):
            read(tmp_path / "x")


def test_a_truncated_database_is_told_of(tmp_path: Path) -> None:
    many = [header(name=f"p{number}", version="1", release="1", license="x" * 900) for number in range(200)]
    path = write(tmp_path / "rpmdb.sqlite", *many)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with path.open("rb") as file:
        record = gather(rpm.read_sqlite(file))
    assert len(record.packages) < 200
    assert record.notes


def test_a_view_that_would_compute_forever_is_not_asked(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    database.execute(
        "CREATE VIEW Packages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        "SELECT x AS blob FROM n"
    )
    database.close()
    with pytest.raises(Unreadable, match="no table"):
        read(tmp_path / "rpmdb.sqlite")


def test_columns_that_are_computed_are_not_asked(tmp_path: Path) -> None:
    """The schema is the stranger's: a column could compute for as long as he likes."""
    path = tmp_path / "rpmdb.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE Packages (a INTEGER, blob BLOB AS (hex(zeroblob(8000000))) VIRTUAL)")
    database.close()
    with pytest.raises(Unreadable, match="no table"):
        read(path)


@pytest.mark.parametrize(("limit", "value"), [("_MAX_STEPS", 1000), ("_MAX_ROWS", 50), ("MAX_BYTES", 2000)])
def test_rows_without_end_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(rpm, "_EVERY", 100)
    monkeypatch.setattr(rpm, limit, value)
    path = write(tmp_path / "rpmdb.sqlite", *[header(name="a", version="1")] * 2000)
    with pytest.raises(Unreadable):
        read(path)


def test_an_odd_value_in_a_row_is_told_of(tmp_path: Path) -> None:
    path = write(tmp_path / "rpmdb.sqlite")
    database = sqlite3.connect(path)
    with database:
        database.execute("INSERT INTO Packages (blob) VALUES ('text'), (7), (NULL)")
    database.close()
    assert all(isinstance(one, Unreadable) for one in read(path))
    assert len(read(path)) == 3


@pytest.mark.skipif(not shutil.which("rpmbuild"), reason="needs rpm")
def test_it_agrees_with_rpm(tmp_path: Path) -> None:
    """A database that rpm itself wrote."""
    (tmp_path / "a.spec").write_text(
        "Name: hello\nEpoch: 2\nVersion: 1.0~rc1\nRelease: 3\nSummary: x\nLicense: GPLv3+ and MIT\n"
        "BuildArch: noarch\n%description\nx\n%files\n"
    )
    run = ["rpmbuild", "--quiet", "--define", f"_topdir {tmp_path}", "-bb", str(tmp_path / "a.spec")]
    subprocess.run(run, check=True, capture_output=True)
    (package,) = (tmp_path / "RPMS").rglob("*.rpm")
    database = ["--define", "_db_backend sqlite", "--dbpath", str(tmp_path / "db")]
    install = ["rpm", *database, "-i", "--nodeps", "--justdb", "--noscripts", "--force-debian", str(package)]
    subprocess.run(install, check=True, capture_output=True)
    asked = ["rpm", *database, "-qa", "--qf", "%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE} %{ARCH}"]
    answer = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    (found,) = read(tmp_path / "db" / "rpmdb.sqlite")
    assert isinstance(found, Package)
    assert f"{found.name} {found.version} {found.architecture}" == answer
    assert found.license == "GPLv3+ and MIT"


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a" * 100_000])
def test_what_sqlite_quotes_of_a_damaged_schema_is_one_short_reason(tmp_path: Path, name: bytes) -> None:
    path = write(tmp_path / "rpmdb.sqlite")
    database = sqlite3.connect(path)
    with database:
        database.execute("PRAGMA writable_schema = ON")
        entry = (
            "INSERT INTO sqlite_schema VALUES ('table', CAST(? AS TEXT), 'x', 99, 'CREATE TABLE nonsense')"
        )
        database.execute(entry, [name])
    database.close()
    with pytest.raises(Unreadable, match="damaged") as caught:
        read(path)
    assert len(str(caught.value)) < 300


def test_the_version_of_a_source_package_fits_where_it_is_kept() -> None:
    package = read_header(header(name="a", version="1", sourcerpm=f"b-{'2' * 3000}-1.src.rpm"))
    assert package is not None
    assert (package.source, package.source_version) == ("b", "")
