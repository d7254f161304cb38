"""Descendants in the order in which to rebuild them: parents before children, twins together."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dashboard.catalog import family, make_image
from worker.models import Image, ImageIndex, Project
from worker.models.lineage import children, siblings
from worker.models.rebuilding import RebuildStep, rebuild_order

pytestmark = pytest.mark.django_db


def names(step: RebuildStep) -> list[str]:
    return [one.names[0].rpartition("/")[2] for one in step.images]


def test_twins_are_one_step_and_what_stands_on_them_comes_after(project: Project) -> None:
    images = family(project)
    make_image(project, "alone", "dz", tags=[])
    steps = rebuild_order(images["debian"])
    assert [(step.number, step.wave, step.after) for step in steps] == [(1, 1, None), (2, 1, None), (3, 2, 2)]
    assert names(steps[0])[0].startswith("alone@sha256:")
    assert [names(step) for step in steps[1:]] == [["apache:2.4", "apache-zstd:2.4"], ["php:8"]]
    assert steps[2].images[0].names == ("docker.io/library/php:8", "docker.io/library/php:latest")


def test_an_unnamed_ancestor_between_is_no_step(project: Project) -> None:
    base = make_image(project, "base", "d")
    make_image(project, "left", "dul")
    make_image(project, "right", "dur")
    assert [(names(step), step.after) for step in rebuild_order(base)] == [
        (["left:1"], None),
        (["right:1"], None),
    ]


def test_the_same_image_for_another_platform_is_nobody_s_base(project: Project) -> None:
    base = make_image(project, "base", "d")
    index = ImageIndex.objects.create(
        project=project,
        digest=base.digest,
        media_type="application/vnd.oci.image.index.v1+json",
        pulled_at=now(),
    )
    for name, layers in (("amd64", "da"), ("arm64", "dab")):
        made = make_image(project, name, layers)
        Image.objects.filter(pk=made.pk).update(index=index)
    assert [(names(step), step.wave, step.after) for step in rebuild_order(base)] == [
        (["amd64:1"], 1, None),
        (["arm64:1"], 1, None),
    ]


def test_who_has_no_descendants_leaves_nothing_to_rebuild(project: Project) -> None:
    assert rebuild_order(family(project)["php"]) == []
    assert rebuild_order(make_image(project, "bare", "")) == []


def test_siblings_stand_directly_on_the_same_parent(project: Project) -> None:
    images = family(project)
    beside = make_image(project, "beside", "dz")
    make_image(project, "below", "dzq")
    assert list(siblings(beside)) == [images["apache"], images["apache-zstd"]]
    assert list(siblings(images["apache"])) == [beside]
    assert list(siblings(images["debian"])) == []


@given(stacks=st.lists(st.text("ab", min_size=1, max_size=5), min_size=1, max_size=8))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_family_each_comes_right_after_the_one_that_it_is_a_child_of(
    project: Project, stacks: list[str]
) -> None:
    Image.objects.all().delete()
    project.family.all().delete()
    made: dict[str, Any] = {
        str(n): make_image(project, str(n), stack, tags=[]) for n, stack in enumerate(stacks)
    }
    for image in made.values():
        steps = rebuild_order(image)
        place = {one.id: step for step in steps for one in step.images}
        for step in steps:
            assert step.after is None or step.after < step.number
            for one in step.images:
                for child in children(Image.objects.get(pk=one.id)):
                    assert place[child.pk].after == step.number
                    assert place[child.pk].wave == step.wave + 1
        direct = {one.id for step in steps if step.after is None for one in step.images}
        assert direct == {child.pk for child in children(image)}
