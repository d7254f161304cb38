"""The family tree in the catalog is a function of the images alone, in whichever order they come and go."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samples.images import image, layer
from tests.dashboard.catalog import make_image
from tests.worker.models.test_recording import REFERENCE, pulled
from worker.models import FamilyMember, Image, Project
from worker.models.growing import arranged, regrow, shrink, written
from worker.models.recording import record
from worker.services import remove_image

# Few letters and short words: most stacks share beginnings, many are alike.
stacks = st.lists(st.text("abc", max_size=5), max_size=9)


def chain(image: Image) -> list[str]:
    return list(image.image_layers.order_by("position").values_list("chain_id", flat=True))


def simply(words: Sequence[str]) -> dict[str, tuple[str | None, bool]]:
    """The tree of words by its definition: by word its parent, and whether it was among the words."""
    beginnings = {word[:length] for word in words for length in range(1, len(word) + 1)}
    forks = {
        one
        for one in beginnings
        if len({word[len(one)] for word in beginnings if word.startswith(one) and word != one}) > 1
    }
    members = forks | {word for word in words if word}
    found: dict[str, tuple[str | None, bool]] = {}
    for member in members:
        below = [other for other in members if member.startswith(other) and other != member]
        found[member] = max(below, key=len, default=None), member in words
    return found


@given(words=stacks)
def test_a_member_is_where_a_stack_ends_or_two_part(words: list[str]) -> None:
    chains = [[word[: length + 1] for length in range(len(word))] for word in words]
    places = arranged(chains)
    assert {member: (place.parent, place.named) for member, place in places.items()} == simply(words)
    for member, place in places.items():
        assert place.height == len(member)
        assert place.first_step == member[: len(place.parent or "") + 1]
    assert [place.parent for place in places.values() if place.parent and place.parent not in places] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=stacks, order=st.randoms(use_true_random=False))
def test_images_that_come_and_go_in_any_order_leave_the_tree_of_those_that_stay(
    project: Project, words: list[str], order: object
) -> None:
    with transaction.atomic():
        images = {}
        for number, word in enumerate(words):
            images[number] = make_image(project, f"image{number}", word, tags=[])
        assert written(project) == arranged(chain(one) for one in images.values())
        going = list(images)
        order.shuffle(going)  # type: ignore[attr-defined]
        for first, second in zip(going[::2], going[1::2], strict=False):
            gone = [images.pop(first), images.pop(second)]
            Image.objects.filter(pk__in=[image.pk for image in gone]).delete()
            shrink(project, [image.chain_id for image in gone])
            assert written(project) == arranged(chain(one) for one in images.values())
        assert not regrow(project)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_tree_that_was_lost_or_is_wrong_grows_again(project: Project) -> None:
    images = [make_image(project, name, name, tags=[]) for name in ("abx", "aby", "c", "abyz", "abyz2")]
    right = arranged(chain(one) for one in images)
    FamilyMember.objects.all().delete()
    assert regrow(project)
    assert written(project) == right
    FamilyMember.objects.filter(project=project, named=False).delete()
    FamilyMember.objects.filter(project=project).update(height=1)
    assert regrow(project)
    assert written(project) == right
    assert not regrow(project)


@pytest.mark.django_db
def test_a_tree_that_tells_of_images_that_are_gone_does_not_stop_a_pull(project: Project) -> None:
    make_image(project, "abc", "abc", tags=[])
    Image.objects.all().delete()
    assert len(written(project)) == 1
    new = make_image(project, "abd", "abd", tags=[])
    assert written(project) == arranged([chain(new)])


@pytest.mark.django_db
def test_projects_have_trees_of_their_own(project: Project) -> None:
    other = Project.objects.create(name="Other", slug="other")
    for owner, word in ((project, "ab"), (other, "ac")):
        make_image(owner, word, word, tags=[])
    assert [place.parent for place in written(project).values()] == [None]
    assert [place.parent for place in written(other).values()] == [None]


@pytest.mark.django_db
def test_a_pull_and_a_removal_keep_the_tree(project: Project) -> None:
    base, other = layer({"a": b"a"}), layer({"b": b"b"})
    images = [record(project, REFERENCE, pulled(image([base, part]))) for part in (other, layer({"c": b"c"}))]
    places = written(project)
    assert sorted((place.height, place.named) for place in places.values()) == [
        (1, False),  # what both stand on, though no image ends there
        (2, True),
        (2, True),
    ]
    remove_image(images[0], by=None)
    assert [(place.height, place.parent) for place in written(project).values()] == [(2, None)]
    assert not regrow(project)


@pytest.mark.django_db
def test_a_catalog_from_before_gets_its_tree_by_the_migration(project: Project) -> None:
    for name in ("abx", "aby", "c", "abyz", "abx2", ""):
        make_image(project, name or "scratch", name, tags=[])
    right = written(project)
    FamilyMember.objects.all().delete()
    import_module("worker.migrations.0008_family").plant(apps, None)
    assert len(right) == 6
    assert written(project) == right
