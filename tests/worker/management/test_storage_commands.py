"""``gc``, ``scrub`` and ``rebuild_catalog``, run as programs, as a person or cron runs them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.worker.management.test_commands import Strata

pytestmark = pytest.mark.services

SAMPLE = image([layer({"a": os.urandom(50_000)}), layer({"b": os.urandom(70_000)})])


@pytest.fixture
def strata(tmp_path: Path, sample_registry: SampleRegistry) -> Strata:
    """An install with one image."""
    made = Strata(tmp_path / "data")
    reference = sample_registry.push("app", "1", SAMPLE)
    done = made.run("pull", reference, "--insecure")
    assert done.returncode == 0, done.stderr
    return made


def test_gc_removes_what_a_dry_run_lists(strata: Strata) -> None:
    (strata.data / "store" / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"nobody's")
    look = strata.run("gc", "--dry-run")
    assert look.returncode == 0, look.stderr
    assert look.stdout.splitlines()[-1] == "8 B in 1 item would be removed."
    done = strata.run("gc", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["count"], facts["bytes"], facts["dry_run"]) == (1, 8, False)
    assert strata.run("gc").stdout == "There is no garbage.\n"
    assert (
        strata.rows("SELECT kind, state FROM worker_job WHERE kind = 'collect'")
        == [("collect", "succeeded")] * 3
    )


def test_scrub_exits_with_one_while_something_remains_damaged(
    strata: Strata, sample_registry: SampleRegistry
) -> None:
    assert strata.run("scrub").stdout.endswith("nothing is damaged.\n")
    blob = strata.data / "store" / "blobs" / "sha256" / SAMPLE.layers[0].digest.hex
    blob.chmod(0o644)
    blob.write_bytes(b"x" * SAMPLE.layers[0].size)
    found = strata.run("scrub", "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout)["found"] == 1
    assert found.stderr.splitlines()[-1] == (
        "error: Damaged in the store, and not repaired: 1 thing. Run it again with --repair. [store_damaged]"
    )
    repaired = strata.run("scrub", "--repair")
    assert repaired.returncode == 0, repaired.stderr
    assert "(repaired)" in repaired.stdout


def test_the_catalog_comes_back_into_the_project_that_is_named(strata: Strata) -> None:
    before = strata.rows("SELECT digest, repository FROM worker_image")
    for file in strata.data.glob("db.sqlite3*"):
        file.unlink()
    done = strata.run("rebuild_catalog", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["added"] == 1
    assert strata.rows("SELECT digest, repository FROM worker_image") == before
    assert strata.rows("SELECT slug FROM worker_project") == [("default",)]
    unknown = strata.run("rebuild_catalog", "--project", "nope")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.endswith("[not_found]\n")


def test_one_of_a_kind_at_a_time_until_its_program_is_known_to_be_dead(strata: Strata) -> None:
    """A killed command leaves a running row behind; without workers nobody else would ever end it."""
    strata.run("gc")
    strata.rows(
        "UPDATE worker_job SET state = 'running', heartbeat_at = datetime('now') WHERE kind = 'collect'"
    )
    refused = strata.run("gc")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stderr.startswith("error: Garbage is being collected already (job ")
    strata.rows("UPDATE worker_job SET heartbeat_at = datetime('now', '-1 hour') WHERE kind = 'collect'")
    assert strata.run("gc").returncode == 0
    assert strata.rows("SELECT state, error_code FROM worker_job WHERE kind = 'collect' ORDER BY id") == [
        ("failed", "worker_lost"),
        ("succeeded", ""),
    ]


def test_remove_images_frees_what_a_dry_run_foresees(strata: Strata, sample_registry: SampleRegistry) -> None:
    reference = f"{sample_registry.host}/app:1"
    look = strata.run("remove_images", reference, "--dry-run", "--json")
    assert look.returncode == 0, look.stderr
    foreseen = json.loads(look.stdout)
    assert foreseen["freed"] == foreseen["trees"] + foreseen["indexes"] + foreseen["blobs"] > 120_000
    told = strata.run("remove_images", reference, "--dry-run").stdout.splitlines()
    assert told[-1].endswith(f"({foreseen['freed']} bytes) freed.")
    assert strata.rows("SELECT count(*) FROM worker_image") == [(1,)]
    done = strata.run("remove_images", reference, "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["bytes"], facts["foreseen"], facts["stay"]) == (foreseen["freed"], foreseen["freed"], 0)
    assert list((strata.data / "store" / "blobs" / "sha256").iterdir()) == []
    assert list((strata.data / "store" / "layers" / "sha256").iterdir()) == []
    gone = strata.run("remove_images", reference)
    assert gone.returncode == 1
    assert gone.stderr.startswith("error: There is no image")
