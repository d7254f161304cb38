"""``manage.py check_image``: exit status, reports, and one clear line for everything that goes wrong."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from django.core.management import call_command

from samples.images import layer
from tests.support.files import make_image, open_store
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, Project, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(data_dir: Path) -> Store:
    return open_store(data_dir / "store")


@pytest.fixture
def image(project: Project, store: Store) -> Image:
    made = make_image(
        project,
        store,
        "app",
        [layer({"etc/conf": b"c" * 3000}), layer({"etc/conf": b"d" * 1000, "id.pem": b"k"})],
        commands=["FROM base", "RUN make"],
    )
    tag(made)
    return made


def tag(image: Image, name: str = "1", **fields: str) -> Tag:
    return Tag.objects.create(
        project=image.project,
        image=image,
        name=name,
        moved_at=image.pulled_at,
        checked_at=image.pulled_at,
        **{
            "registry_host": image.registry_host,
            "repository": image.repository,
            "platform": image.platform,
            **fields,
        },
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = 0
    try:
        call_command("check_image", *arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.usefixtures("image")
def test_a_kept_rule_is_status_0_and_a_broken_one_1(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "app:1", "--highest-wasted-bytes", "4kB")
    assert (status, err) == (0, "")
    assert "4,000 bytes are wasted; at most 4,000 are allowed." in out
    assert out.endswith("pass: 1 of 1 rules\n")

    status, out, err = run(capsys, "app:1", "--lowest-efficiency", "0.95", "--forbid-path", "*.pem")
    assert (status, err) == (1, "")
    assert "/id.pem  0644, from layer 2 of 2 (RUN make)" in out
    assert "/etc/conf  (layers 1, 2)" in out
    assert out.endswith("FAIL: 2 of 2 rules\n")


@pytest.mark.usefixtures("image")
def test_without_rules_those_of_dive_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "app:1")

    assert status == 1
    assert "at least 0.9 is asked for" in out
    assert "at most 0.1 is allowed" in out


def test_the_report_as_json(image: Image, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "app:1", "--json", "--forbid-path", "*.pem", "--forbid-setuid-added")

    report = json.loads(out)
    assert (status, err) == (1, "")
    assert report["passed"] is False
    assert report["digest"] == image.digest
    assert {rule["rule"]: rule["passed"] for rule in report["rules"]} == {
        "forbid-setuid-added": True,
        "forbid-path": False,
    }
    assert report["wasted_bytes"] == 4000
    assert [one["created_by"] for one in report["layers"]] == ["FROM base", "RUN make"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["app:2"], "no image docker.io/library/app:2 in this catalog. There is docker.io/library/app:1."),
        (["nothing"], "Pull it first"),
        (["app:1", "--project", "none"], "no project none"),
        (["app:1", "--platform", "linux/s390x"], "only for linux/amd64"),
        (["app:1", "--platform", "x"], "[invalid_platform]"),
        (["App:1"], "lower case"),
        (["sha256:" + "0" * 64], "no image"),
        (["app:1", "--lowest-efficiency", "95%"], "lowest-efficiency: '95%' is not a ratio."),
        (["app:1", "--highest-wasted-bytes", "20QB"], "highest-wasted-bytes: '20QB' is not a size."),
        (["app:1", "--highest-user-wasted-percent", "2"], "highest-user-wasted-percent: '2' is not a ratio."),
        (["app:1", "--forbid-path", ""], "forbid-path: A pattern of a path is empty."),
    ],
)
@pytest.mark.usefixtures("image")
def test_what_cannot_be_told_is_status_2_and_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_an_image_is_found_by_tag_digest_and_the_beginning_of_one(
    image: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("app:1", f"app@{image.digest}", image.digest, image.digest[7:], image.digest[7:19]):
        _, out, err = run(capsys, name, "--json", "--highest-wasted-bytes", "1GB")
        assert not err
        assert json.loads(out)["image"] == image.pk, name


def test_the_same_name_in_two_projects_has_to_be_told_apart(
    image: Image, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_image(
        Project.objects.create(slug="other", name="Other"), store, "app", [layer({"a": b"other"})]
    )
    tag(other)

    status, _, err = run(capsys, "app:1")
    assert status == 2
    assert "--project: other, team" in err
    for project, wanted in (("team", image), ("other", other)):
        _, out, _ = run(capsys, "app:1", "--project", project, "--json")
        assert json.loads(out)["image"] == wanted.pk


def test_an_image_whose_layers_are_not_extracted_cannot_be_told(
    image: Image, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    for diff_id in image.layers.values_list("diff_id", flat=True):
        store.layers.remove(Digest.parse(diff_id))

    status, out, err = run(capsys, "app:1")
    assert (status, out) == (2, "")
    assert "cannot be checked" in err
    assert "[layer_missing]" in err


@pytest.mark.usefixtures("image")
def test_a_lost_file_index_cannot_be_told_either(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for index in (store.root / "layers").glob("*/*/files.*"):
        index.unlink()

    status, out, err = run(capsys, "app:1")
    assert (status, out) == (2, "")
    assert "[store_damaged]" in err


def test_it_leaves_the_log_of_whoever_called_it_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("check_image", "nowhere:1")
    assert logging.root.manager.disable == logging.NOTSET
