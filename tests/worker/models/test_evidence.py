"""What speaks for an image having been built from another; the most likely of several comes first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.timezone import now

from samples.images import image, layer
from tests.dashboard.catalog import make_image, make_tag
from tests.worker.models.test_recording import REFERENCE, pulled
from worker.models import Image, Project, TagMovement
from worker.models.evidence import Evidence, declared_base
from worker.models.lineage import candidates, parents
from worker.models.recording import record

FIRST = {"created": "2026-01-01T00:00:00Z", "created_by": "ADD rootfs"}
SECOND = {"created": "2026-01-02T00:00:00Z", "created_by": "RUN install"}


@pytest.fixture
def bases(project: Project) -> list[Image]:
    """Twins: three names for the same layers, without a word on who was built from whom."""
    return [make_image(project, name, "d", tags=[], config={"history": []}) for name in ("x", "y", "z")]


def child(project: Project, **fields: Any) -> Image:
    made = make_image(project, "child", "da", tags=[], config=fields.pop("config", {"history": []}))
    Image.objects.filter(pk=made.pk).update(**fields)
    return Image.objects.get(pk=made.pk)


def told(of: Image) -> list[tuple[str, tuple[Evidence, ...]]]:
    return [(one.image.repository.removeprefix("library/"), one.evidence) for one in candidates(of)]


def test_without_evidence_the_one_that_was_here_first_is_first(project: Project, bases: list[Image]) -> None:
    assert told(child(project)) == [("x", ()), ("y", ()), ("z", ())]


def test_one_with_a_tag_goes_before_one_without(project: Project, bases: list[Image]) -> None:
    make_tag(bases[2], "1")
    assert told(child(project))[0] == ("z", ())


def test_one_that_was_built_after_the_child_comes_last(project: Project, bases: list[Image]) -> None:
    make_tag(bases[0], "1")
    bases[0].created_by_builder_at = datetime(2026, 2, 1, tzinfo=UTC)
    bases[0].save()
    assert told(child(project, created_by_builder_at=datetime(2026, 1, 1, tzinfo=UTC)))[-1] == ("x", ())


def test_a_history_that_the_child_continues_is_evidence(project: Project, bases: list[Image]) -> None:
    Image.objects.filter(pk=bases[1].pk).update(config={"history": [FIRST]})
    Image.objects.filter(pk=bases[2].pk).update(config={"history": [SECOND]})
    found = told(child(project, config={"history": [FIRST, SECOND]}))
    assert found == [("y", (Evidence.HISTORY,)), ("x", ()), ("z", ())]


def test_a_declared_name_counts_more_than_history(project: Project, bases: list[Image]) -> None:
    Image.objects.filter(pk=bases[1].pk).update(config={"history": [FIRST]})
    make_tag(bases[2], "1")
    found = told(child(project, base_name="z:1", config={"history": [FIRST, SECOND]}))
    assert found[:2] == [("z", (Evidence.NAME,)), ("y", (Evidence.HISTORY,))]


def test_a_name_that_the_image_once_had_counts(project: Project, bases: list[Image]) -> None:
    tag = make_tag(bases[0], "1")
    TagMovement.objects.create(tag=tag, to_digest=bases[2].digest, moved_at=now())
    assert told(child(project, base_name="docker.io/library/x:1"))[:2] == [
        ("x", (Evidence.NAME,)),
        ("z", (Evidence.NAME,)),
    ]


def test_a_declared_digest_counts_most(project: Project, bases: list[Image]) -> None:
    make_tag(bases[1], "1")
    found = told(child(project, base_name="y:1", base_digest=bases[2].digest))
    assert found[:2] == [("z", (Evidence.DIGEST,)), ("y", (Evidence.NAME,))]


@pytest.mark.parametrize("name", ["", "UPPER:1", "z", "z@sha256:12", "\x01", " "])
def test_a_name_that_is_none_is_no_evidence(project: Project, bases: list[Image], name: str) -> None:
    make_tag(bases[2], "2")
    assert [evidence for _, evidence in told(child(project, base_name=name))] == [(), (), ()]


@pytest.mark.parametrize("config", [{}, {"history": None}, {"history": "x"}, [], None])
def test_a_config_of_any_form_is_read(project: Project, bases: list[Image], config: Any) -> None:
    Image.objects.filter(pk=bases[1].pk).update(config=config if config is not None else {})
    assert len(candidates(child(project))) == 3


def test_a_single_parent_has_its_evidence_too(project: Project) -> None:
    base = make_image(project, "only", "d", tags=["1"], config={"history": [FIRST]})
    one = child(project, base_digest=base.digest, base_name="only:1", config={"history": [FIRST, SECOND]})
    assert told(one) == [("only", (Evidence.DIGEST, Evidence.NAME, Evidence.HISTORY))]
    assert parents(one) == [base]
    assert candidates(base) == []


def test_annotations_count_more_than_labels() -> None:
    key = "org.opencontainers.image.base."
    assert declared_base({f"{key}name": "a:1"}, {f"{key}name": "b:1", f"{key}digest": "sha256:1"}) == (
        "sha256:1",
        "a:1",
    )
    assert declared_base({f"{key}digest": "x" * 72, f"{key}name": "n" * 600}, {}) == ("", "n" * 512)


def test_a_pull_writes_down_what_the_image_declares(project: Project) -> None:
    labels = {"org.opencontainers.image.base.name": "docker.io/library/debian:12"}
    sample = image([layer({"a": b"a"})], run={"Labels": labels})
    row = record(project, REFERENCE, pulled(sample))
    assert (row.base_digest, row.base_name) == ("", "docker.io/library/debian:12")
