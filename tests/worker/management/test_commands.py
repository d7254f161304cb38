"""The commands, run as programs on a data directory of their own, as a person or a script runs them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from samples.images import image, index, layer
from samples.registry import SampleRegistry
from samples.slow import Bandwidth
from tests.support.workers import ROOT

pytestmark = pytest.mark.services


@dataclass
class Strata:
    """An install in an empty directory, without Redis or workers."""

    data: Path

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("STRATA_")},
                "DJANGO_SETTINGS_MODULE": "dashboard.settings",
                "STRATA_DATA": str(self.data),
                "STRATA_REDIS_URL": "redis://127.0.0.1:1/0",
                **env,
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.data / "db.sqlite3") as database:
            return database.execute(query).fetchall()


@pytest.fixture
def strata(tmp_path: Path) -> Strata:
    return Strata(tmp_path / "data")


SAMPLE = image([layer({"a": os.urandom(50_000)}), layer({"b": os.urandom(70_000)})])


def test_a_pull_on_an_empty_directory_needs_nothing_else(
    strata: Strata, sample_registry: SampleRegistry
) -> None:
    reference = sample_registry.push("app", "1", SAMPLE)
    done = strata.run("pull", reference, "--insecure", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["reference"], facts["digest"]) == (reference, str(SAMPLE.digest))
    assert (facts["platform"], facts["unchanged"]) == ("linux/amd64", False)
    assert facts["bytes_fetched"] >= sum(part.size for part in SAMPLE.layers)
    assert facts["seconds"] > 0
    assert [one["diff_id"] for one in facts["layers"]] == [str(diff_id) for diff_id in SAMPLE.diff_ids]
    assert facts["layers"][0] == {
        "position": 0,
        "diff_id": str(SAMPLE.layers[0].diff_id),
        "digest": str(SAMPLE.layers[0].digest),
        "media_type": SAMPLE.layers[0].media_type,
        "compressed_size": SAMPLE.layers[0].size,
        "unpacked_size": len(SAMPLE.layers[0].tar),
        "created_by": "COPY layer0 /",
    }
    assert strata.rows("SELECT kind, state FROM worker_job") == [("pull", "succeeded")]
    assert strata.rows("SELECT id FROM worker_image") == [(facts["image"],)]
    assert strata.rows("SELECT slug FROM worker_project") == [("default",)]

    again = strata.run("pull", reference, "--insecure", "--json")
    facts = json.loads(again.stdout)
    assert (facts["unchanged"], facts["bytes_fetched"]) == (True, 0)


def test_for_a_person_it_says_what_happens_on_stderr_and_the_result_on_stdout(
    strata: Strata, sample_registry: SampleRegistry
) -> None:
    reference = sample_registry.push("app", "1", SAMPLE)
    done = strata.run("pull", reference, "--insecure")
    assert done.stdout.startswith(f"{reference} pulled: {SAMPLE.digest}")
    assert "layer 1/2" in done.stderr
    assert (
        strata.run("pull", reference, "--insecure").stdout == f"{reference} is unchanged: {SAMPLE.digest}\n"
    )


def test_fetch_only_extracts_nothing(strata: Strata, sample_registry: SampleRegistry) -> None:
    reference = sample_registry.push("app", "1", SAMPLE)
    done = strata.run("pull", reference, "--insecure", "--fetch-only", "--json")
    assert [one["unpacked_size"] for one in json.loads(done.stdout)["layers"]] == [None, None]
    assert strata.rows("SELECT extracted FROM worker_image") == [(0,)]


def test_another_platform_can_be_asked_for(strata: Strata, sample_registry: SampleRegistry) -> None:
    arm = image([layer({"arm": b""})], platform="linux/arm64/v8")
    reference = sample_registry.push("app", "1", index([SAMPLE, arm]))
    done = strata.run("pull", reference, "--insecure", "--json", "--platform", "linux/arm64")
    facts = json.loads(done.stdout)
    assert (facts["platform"], facts["digest"]) == ("linux/arm64/v8", str(arm.digest))
    missing = strata.run("pull", reference, "--insecure", "--platform", "linux/s390x")
    assert missing.returncode == 1
    assert "linux/arm64/v8" in missing.stderr
    assert missing.stderr.rstrip().endswith("[platform_not_found]")


def test_several_platforms_can_be_asked_for(strata: Strata, sample_registry: SampleRegistry) -> None:
    arm = image([layer({"arm": b""})], platform="linux/arm64")
    reference = sample_registry.push("app", "1", index([SAMPLE, arm]))
    both = ("--platform", "linux/amd64", "--platform", "linux/arm64")
    facts = json.loads(strata.run("pull", reference, "--insecure", "--json", *both).stdout)
    assert [one["platform"] for one in facts["images"]] == ["linux/amd64", "linux/arm64"]
    assert (facts["image"], facts["digest"]) == (facts["images"][0]["image"], str(SAMPLE.digest))
    again = strata.run("pull", reference, "--insecure", "--platform", "all")
    assert again.stdout.splitlines() == [
        f"{reference} is unchanged: 2 platforms",
        f"  {SAMPLE.digest} linux/amd64",
        f"  {arm.digest} linux/arm64",
    ]
    wrong = strata.run("pull", reference, "--insecure", "--platform", "all", "--platform", "linux/amd64")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.rstrip().endswith("[invalid_platform]")


@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_secret_is_not_for_others_on_this_machine(strata: Strata, is_new: bool) -> None:
    """Sessions, hashes of passwords, and programs of images that gain rights (setuid)."""
    if not is_new:
        strata.data.mkdir(mode=0o755)
    done = strata.run("prepare")
    assert done.returncode == 0, done.stderr
    assert strata.data.stat().st_mode & 0o777 == (0o700 if is_new else 0o755)
    files = [path for path in strata.data.iterdir() if path.name.startswith(("db.sqlite3", "secret_key"))]
    assert len(files) >= 2
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((":::",), "invalid_reference"),
        (("HOST/app:1", "--platform", "x"), "invalid_platform"),
        (("127.0.0.1:1/app",), "connection_refused"),
        (("no-such-host.invalid/app",), "unknown_host"),
        (("HOST/app:1",), "registry_speaks_http"),
        (("HOST/app:nope", "--insecure"), "tag_not_found"),
        (("HOST/app:1", "--insecure", "--project", "nope"), "not_found"),
    ],
)
def test_a_failure_is_one_clear_line(
    strata: Strata, sample_registry: SampleRegistry, arguments: tuple[str, ...], code: str
) -> None:
    sample_registry.push("app", "1", SAMPLE)
    done = strata.run("pull", *(argument.replace("HOST", sample_registry.host) for argument in arguments))
    assert done.returncode == 1
    assert done.stdout == ""
    lines = [
        line for line in done.stderr.splitlines() if not line.startswith("Trying") and "again" not in line
    ]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].endswith(f"[{code}]")
    if (strata.data / "db.sqlite3").exists():
        assert strata.rows("SELECT * FROM worker_image") == []


def test_ctrl_c_ends_it_cleanly_and_the_next_one_goes_on(
    strata: Strata, sample_registry: SampleRegistry
) -> None:
    sample = image([layer({"a": os.urandom(3_000_000)})])
    reference = sample_registry.push("app", "1", sample)
    sample_registry.bandwidth = Bandwidth(1_000_000)
    process = strata.start("pull", reference, "--insecure")
    blobs = strata.data / "store" / "ingest"
    deadline = time.monotonic() + 60
    while sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file()) < 500_000:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert "cancelled" in err
    assert "Traceback" not in err
    assert strata.rows("SELECT state FROM worker_job") == [("cancelled",)]
    sample_registry.bandwidth = None
    done = strata.run("pull", reference, "--insecure", "--json")
    assert json.loads(done.stdout)["bytes_fetched"] < sample.layers[0].size


def test_a_data_directory_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = Strata(tmp_path / "file" / "data").run("pull", "alpine", STRATA_SECRET_KEY="k")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")


def test_prepare_makes_the_administrator_once(strata: Strata) -> None:
    env = {"STRATA_ADMIN_USERNAME": "ada", "STRATA_ADMIN_PASSWORD": "chosen by the operator"}
    assert "administrator ada" in strata.run("prepare", **env).stdout
    again = strata.run("prepare", STRATA_ADMIN_USERNAME="eve", STRATA_ADMIN_PASSWORD="p")
    assert (again.returncode, again.stdout) == (0, "")
    assert strata.rows("SELECT username FROM auth_user WHERE is_superuser") == [("ada",)]


def test_prepare_without_a_name_leaves_it_to_the_first_visit(strata: Strata) -> None:
    assert strata.run("prepare").returncode == 0
    assert strata.rows("SELECT * FROM auth_user") == []


def test_two_may_prepare_at_once(strata: Strata) -> None:
    processes = [strata.start("prepare") for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err


def test_create_token_prints_the_token_and_nothing_else(strata: Strata) -> None:
    strata.run("prepare", STRATA_ADMIN_USERNAME="ada", STRATA_ADMIN_PASSWORD="p")
    done = strata.run("create_token", "ada", "--name", "ci")
    assert done.stdout.startswith("strata_")
    assert len(done.stdout.splitlines()) == 1
    assert strata.rows("SELECT name FROM worker_apitoken") == [("ci",)]
    unknown = strata.run("create_token", "eve")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "error: There is no active user eve.\n"


def test_create_token_without_a_catalog_says_so_in_one_line(strata: Strata) -> None:
    done = strata.run("create_token", "ada")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: There is no catalog in ")
    assert done.stderr.count("\n") == 1
