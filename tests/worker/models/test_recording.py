"""What a pull brought enters the catalog once, however often and by however many it is recorded."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from samples.images import SampleImage, SampleLayer, image, layer, recompressed
from tests.support.threads import at_once
from worker.engine.oci import Digest, Reference, chain_ids, layer_commands
from worker.engine.pull import PulledImage, PulledLayer
from worker.models import Blob, Image, ImageLayer, Layer, Project, Tag, TagMovement
from worker.models.recording import record, record_extraction

REFERENCE = Reference.parse("r.example/app:1")
BASE = image([layer({"a": b"a" * 1000}), layer({"b": b"b"})])


def pulled(sample: SampleImage, *, extracted: bool = True, unchanged: bool = False) -> PulledImage:
    """What the engine says after pulling ``sample``."""
    chain = chain_ids(sample.diff_ids)
    commands = layer_commands(sample.config)
    return PulledImage(
        reference=REFERENCE,
        digest=sample.digest,
        media_type=sample.media_type,
        config=sample.config,
        config_digest=sample.config_digest,
        platform=sample.config.platform,
        layers=tuple(
            _layer(part, position, chain[position], commands[position], extracted)
            for position, part in enumerate(sample.layers)
        ),
        bytes_fetched=0 if unchanged else 1,
        layers_extracted=len(sample.layers) if extracted else 0,
        unchanged=unchanged,
    )


def _layer(part: SampleLayer, position: int, chain_id: Digest, command: str, extracted: bool) -> PulledLayer:
    return PulledLayer(
        position=position, digest=part.digest, media_type=part.media_type, size=part.size, blob_present=True,
        diff_id=part.diff_id, chain_id=chain_id, created_by=command,
        unpacked_size=len(part.tar) if extracted else None,
        content_size=7 if extracted else None,
        entries=1 if extracted else None,
        extracted=extracted,
    )  # fmt: skip


def test_everything_is_written(project: Project) -> None:
    row = record(project, REFERENCE, pulled(BASE))
    assert (row.digest, row.config_digest) == (str(BASE.digest), str(BASE.config_digest))
    assert (row.registry_host, row.repository) == ("r.example", "app")
    assert (row.layer_count, row.extracted) == (2, True)
    assert row.compressed_size == sum(part.size for part in BASE.layers)
    assert row.unpacked_size == sum(len(part.tar) for part in BASE.layers)
    assert row.config == BASE.config.raw_json
    assert row.chain_id == str(chain_ids(BASE.diff_ids)[-1])
    assert row.created_by_builder_at == BASE.config.created
    links = list(row.image_layers.select_related("layer", "blob"))
    assert [link.layer.diff_id for link in links] == [str(diff_id) for diff_id in BASE.diff_ids]
    assert [link.blob.digest for link in links] == [str(part.digest) for part in BASE.layers]
    assert [link.created_by for link in links] == ["COPY layer0 /", "COPY layer1 /"]
    assert links[0].layer.tree_present
    tag = Tag.objects.get()
    assert (str(tag), tag.platform, tag.image) == ("r.example/app:1", "linux/amd64", row)
    movement = TagMovement.objects.get()
    assert (movement.from_digest, movement.to_digest) == ("", row.digest)


def test_recording_again_changes_nothing_but_when_the_tag_was_checked(project: Project) -> None:
    first = record(project, REFERENCE, pulled(BASE))
    checked = Tag.objects.get().checked_at
    again = record(project, REFERENCE, pulled(BASE, unchanged=True))
    assert (again.pk, again.pulled_at) == (first.pk, first.pulled_at)
    tag = Tag.objects.get()
    assert tag.checked_at > checked
    assert tag.moved_at <= checked
    counts = [model.objects.count() for model in (Image, ImageLayer, Layer, Blob, TagMovement)]
    assert counts == [1, 2, 2, 2, 1]


def test_a_tag_that_moves_leaves_a_trace(project: Project) -> None:
    old = record(project, REFERENCE, pulled(BASE))
    new = record(project, REFERENCE, pulled(image([layer({"c": b"c"})], base=BASE)))
    assert Tag.objects.get().image == new
    moves = [(movement.from_digest, movement.to_digest) for movement in TagMovement.objects.order_by("id")]
    assert moves == [("", old.digest), (old.digest, new.digest)]
    assert Layer.objects.count() == 3


def test_a_pull_by_digest_moves_no_tag(project: Project) -> None:
    record(project, Reference.parse(f"r.example/app@{BASE.digest}"), pulled(BASE))
    assert not Tag.objects.exists()


def test_a_tag_points_to_one_image_per_platform(project: Project) -> None:
    arm = image([layer({"arm": b""})], platform="linux/arm64/v8")
    record(project, REFERENCE, pulled(BASE))
    record(project, REFERENCE, pulled(arm))
    assert sorted(Tag.objects.values_list("platform", flat=True)) == ["linux/amd64", "linux/arm64/v8"]
    assert TagMovement.objects.filter(from_digest="").count() == 2


def test_a_recompressed_twin_shares_layers_but_not_blobs(project: Project) -> None:
    first = record(project, REFERENCE, pulled(BASE))
    twin = record(project, replace(REFERENCE, tag="zstd"), pulled(recompressed(BASE, "zstd")))
    assert twin.pk != first.pk
    assert twin.chain_id == first.chain_id
    assert (Layer.objects.count(), Blob.objects.count()) == (2, 4)


@pytest.mark.parametrize("again", [True, False])
def test_a_blob_is_present_as_long_as_the_store_has_it(project: Project, again: bool) -> None:
    """What the last pull found counts, whether it fetched the bytes since, or lost them."""
    twin = pulled(BASE)
    for present in (not again, again):
        layers = tuple(replace(part, blob_present=present) for part in twin.layers)
        record(project, REFERENCE, replace(twin, layers=layers))
        assert set(Blob.objects.values_list("present", flat=True)) == {present}


def test_an_image_that_was_only_fetched_waits_for_its_extraction(project: Project) -> None:
    row = record(project, REFERENCE, pulled(BASE, extracted=False))
    assert (row.extracted, row.unpacked_size) == (False, None)
    assert not Layer.objects.filter(tree_present=True).exists()
    row = record_extraction(row, pulled(BASE))
    assert row.extracted
    assert row.unpacked_size == sum(len(part.tar) for part in BASE.layers)


def test_what_one_image_extracts_serves_the_others(project: Project) -> None:
    """Trees belong to layers: an image of which every layer has one is extracted, whoever did it."""
    other = Project.objects.create(slug="other", name="Other")
    waiting = record(other, REFERENCE, pulled(BASE, extracted=False))
    larger = record(project, REFERENCE, pulled(image([layer({"c": b"c"})], base=BASE), extracted=False))
    record(project, REFERENCE, pulled(BASE))
    waiting.refresh_from_db()
    larger.refresh_from_db()
    assert waiting.extracted
    assert not larger.extracted


def test_the_same_layer_twice_in_one_image(project: Project) -> None:
    part = layer({"a": b"a"})
    row = record(project, REFERENCE, pulled(image([part, part])))
    assert row.image_layers.count() == 2
    assert Layer.objects.count() == 1
    assert row.compressed_size == 2 * part.size
    assert row.unpacked_size == 2 * len(part.tar)


def test_more_layers_take_no_more_queries(project: Project) -> None:
    counts = []
    for name, height in (("low", 2), ("high", 40)):
        sample = image([layer({f"{name}{number}": b""}) for number in range(height)])
        with CaptureQueriesContext(connection) as queries:
            record(project, replace(REFERENCE, tag=name), pulled(sample))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_image_without_layers(project: Project) -> None:
    row = record(project, REFERENCE, pulled(image()))
    assert (row.layer_count, row.chain_id, row.extracted, row.unpacked_size) == (0, "", True, 0)


@pytest.mark.django_db(transaction=True)
def test_many_may_record_the_same_at_once() -> None:
    """Images that share layers in another order, in two projects: nothing twice, nothing deadlocked."""
    projects = [Project.objects.create(slug=name, name=name) for name in ("one", "two")]
    parts = [layer({f"f{number}": bytes([number])}) for number in range(6)]
    samples = [image(parts), image(parts[::-1])]

    def work(number: int) -> None:
        for _ in range(3):
            record(projects[number % 2], REFERENCE, pulled(samples[number // 2 % 2]))

    at_once([partial(work, number) for number in range(8)])
    assert (Layer.objects.count(), Blob.objects.count()) == (6, 6)
    assert (Image.objects.count(), ImageLayer.objects.count(), Tag.objects.count()) == (4, 24, 2)
    for tag in Tag.objects.select_related("image"):
        last = tag.movements.first()
        assert last is not None
        assert last.to_digest == tag.image.digest
        assert tag.checked_at <= now()
