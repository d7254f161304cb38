"""Images of one index are one image: recorded together, listed once, and no relatives of each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from samples.images import SampleImage, image, index, layer
from tests.worker.models.test_lineage import image as catalog_image
from tests.worker.models.test_recording import REFERENCE, pulled
from worker.engine.errors import InvalidPlatform
from worker.engine.oci import Digest, Index, Platform, Reference
from worker.engine.pull import ALL, PulledImage
from worker.models import Image, ImageIndex, Project, Tag, TagMovement
from worker.models.lineage import ancestors, children, descendants, parents, project_graph, twins
from worker.models.platforms import read_platforms, write_platforms
from worker.models.recording import record, record_all

SHARED = layer({"data": b"data"})
NAMES = ("linux/amd64", "linux/arm64", "linux/s390x")
MEMBERS = [image([SHARED, layer({"arch": name.encode()})], platform=name) for name in NAMES]
INDEX = index(MEMBERS)


def led(sample: SampleImage, by: Index | None = None, *, unchanged: bool = False) -> PulledImage:
    """What the engine says of an image that an index led to."""
    listed = by or Index.parse(INDEX.raw)
    return replace(
        pulled(sample, unchanged=unchanged),
        index=listed.digest,
        index_media_type=listed.media_type,
        offered=listed.images,
    )


class TestRecording:
    def test_several_platforms_become_images_of_one_index(self, project: Project) -> None:
        rows = record_all(project, REFERENCE, [led(MEMBERS[1]), led(MEMBERS[0])])
        assert [row.platform for row in rows] == ["linux/arm64", "linux/amd64"]
        found = ImageIndex.objects.get()
        assert (found.digest, found.project) == (str(INDEX.digest), project)
        assert [one.platform for one in found.images_offered] == list(NAMES)
        assert {row.index for row in rows} == {found}
        assert sorted(Tag.objects.values_list("platform", flat=True)) == ["linux/amd64", "linux/arm64"]
        assert TagMovement.objects.values("moved_at").distinct().count() == 1

    def test_queries_do_not_grow_with_the_platforms(self, project: Project) -> None:
        with CaptureQueriesContext(connection) as one:
            record_all(project, REFERENCE, [led(MEMBERS[0])])
        other = Reference.parse("r.example/other:1")
        more = [image([layer({"x": name.encode()})], platform=name) for name in NAMES]
        listed = Index.parse(index(more).raw)
        with CaptureQueriesContext(connection) as three:
            record_all(project, other, [led(sample, listed) for sample in more])
        # Marking as extracted is two more for each image; whatever else there is, is done for all at once.
        assert len(three) <= len(one) + 2 * 2

    def test_a_platform_that_comes_later_joins_the_others(self, project: Project) -> None:
        first = record(project, REFERENCE, led(MEMBERS[0]))
        before = ImageIndex.objects.get().pulled_at
        second = record(project, REFERENCE, led(MEMBERS[2]))
        assert first.index_id == second.index_id
        assert ImageIndex.objects.get().pulled_at > before
        assert list(Image.objects.leads()) == [first]

    def test_an_unchanged_pull_lets_an_image_of_old_join(self, project: Project) -> None:
        """Recorded before indexes were."""
        row = record(project, REFERENCE, pulled(MEMBERS[0]))
        assert row.index is None
        again = record(project, REFERENCE, led(MEMBERS[0], unchanged=True))
        assert again.index is not None
        assert again.pulled_at == row.pulled_at

    def test_an_image_moves_to_the_index_that_leads_to_it_now(self, project: Project) -> None:
        record_all(project, REFERENCE, [led(MEMBERS[0]), led(MEMBERS[1])])
        newer = Index.parse(index([MEMBERS[0], image([SHARED], platform="linux/arm64")]).raw)
        moved = record(project, REFERENCE, led(MEMBERS[0], newer))
        assert moved.index is not None
        assert moved.index.digest == str(newer.digest)
        assert ImageIndex.objects.count() == 2
        record(project, REFERENCE, led(MEMBERS[1], newer))
        assert [found.digest for found in ImageIndex.objects.all()] == [str(newer.digest)]

    def test_a_pull_by_the_digest_of_one_manifest_leaves_it_with_its_index(self, project: Project) -> None:
        row = record(project, REFERENCE, led(MEMBERS[0]))
        again = record(project, Reference.parse(f"r.example/app@{MEMBERS[0].digest}"), pulled(MEMBERS[0]))
        assert again.index_id == row.index_id

    def test_projects_have_indexes_of_their_own(self, project: Project) -> None:
        other = Project.objects.create(slug="other", name="Other")
        record(project, REFERENCE, led(MEMBERS[0]))
        record(other, REFERENCE, led(MEMBERS[0]))
        assert ImageIndex.objects.count() == 2


class TestLeads:
    def test_one_stands_for_all(self, project: Project) -> None:
        lone = record(project, Reference.parse("r.example/lone:1"), pulled(image([SHARED])))
        lead, _, _ = record_all(project, REFERENCE, [led(one) for one in MEMBERS])
        assert set(Image.objects.leads()) == {lone, lead}
        assert Image.objects.all().count_leads() == 2
        assert list(Image.objects.leads().lately()) == [lead, lone]

    def test_when_it_goes_another_one_does(self, project: Project) -> None:
        lead, second, _ = record_all(project, REFERENCE, [led(one) for one in MEMBERS])
        Tag.objects.all().delete()
        lead.delete()
        assert list(Image.objects.leads()) == [second]


class TestLineage:
    """As above, but all layers alike: then only the index tells that they are one image."""

    def siblings(self, project: Project, *stacks: str) -> list[Image]:
        rows = [catalog_image(project, f"member{at}", stack) for at, stack in enumerate(stacks)]
        found = ImageIndex.objects.create(
            project=project, digest=str(Digest.of(b"index")), media_type="", pulled_at=rows[0].pulled_at
        )
        Image.objects.update(index=found)
        return [Image.objects.get(pk=row.pk) for row in rows]

    def test_platforms_of_one_image_are_no_relatives(self, project: Project) -> None:
        short, alike, longer = self.siblings(project, "d", "d", "da")
        for one in (short, alike, longer):
            assert list(ancestors(one)) == list(descendants(one)) == list(children(one)) == []
            assert list(twins(one)) == parents(one) == []
        for node in project_graph(project).nodes:
            assert (node.parents, node.twin_of) == ((), None)

    def test_others_are_related_to_each_of_them(self, project: Project) -> None:
        short, alike, longer = self.siblings(project, "d", "d", "da")
        grown = catalog_image(project, "grown", "dab")
        assert parents(grown) == [longer]
        assert list(ancestors(grown)) == [short, alike, longer]
        assert list(descendants(longer)) == list(children(longer)) == [grown]
        # What lies in between for another platform is another image: it is the parent.
        assert list(children(short)) == []
        nodes = {node.id: node for node in project_graph(project).nodes}
        assert nodes[grown.pk].parents == (longer.pk,)

    def test_a_twin_of_one_platform_is_a_twin(self, project: Project) -> None:
        short, alike, _ = self.siblings(project, "d", "d", "da")
        twin = catalog_image(project, "twin", "d")
        assert list(twins(twin)) == [short, alike]
        assert list(twins(short)) == list(twins(alike)) == [twin]
        nodes = {node.id: node for node in project_graph(project).nodes}
        assert nodes[twin.pk].twin_of == short.pk
        assert nodes[alike.pk].twin_of is None

    def test_a_child_is_not_hidden_by_its_own_other_platform(self, project: Project) -> None:
        self.siblings(project, "da", "dab")
        base = catalog_image(project, "base", "d")
        assert sorted(one.layer_count for one in children(base)) == [2, 3]


class TestWriting:
    @pytest.mark.parametrize(
        ("given", "written"),
        [
            ([], ""),
            ([""], ""),
            (["linux/x86_64"], "linux/amd64"),
            (["linux/amd64", "linux/arm64/v8", "linux/amd64"], "linux/amd64,linux/arm64"),
            (["linux/amd64, linux/arm/v7"], "linux/amd64,linux/arm/v7"),
            (["ALL"], "all"),
            (["all", "all"], "all"),
        ],
    )
    def test_they_are_written_in_one_way(self, given: list[str], written: str) -> None:
        assert write_platforms(given) == written
        assert write_platforms([written]) == written

    @pytest.mark.parametrize("given", [["linux"], ["all", "linux/amd64"], ["linux/amd64;linux/arm64"]])
    def test_what_cannot_be_meant_is_refused(self, given: list[str]) -> None:
        with pytest.raises(InvalidPlatform):
            write_platforms(given)

    def test_more_than_a_row_holds_are_refused(self) -> None:
        with pytest.raises(InvalidPlatform, match="more platforms"):
            write_platforms([f"linux/arch{number}" for number in range(20)])

    def test_they_are_read_again(self) -> None:
        assert read_platforms("") == ()
        assert read_platforms("all") is ALL
        assert read_platforms("linux/amd64,linux/arm/v7") == (
            Platform("linux", "amd64"),
            Platform("linux", "arm", "v7"),
        )
