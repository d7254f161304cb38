"""Recording when others record at the same time, and when what was pulled is odd or lies."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from django.db import connection, transaction

from samples.images import image, layer
from tests.worker.models.test_recording import REFERENCE, pulled
from worker.engine.oci import ImageConfig, Reference
from worker.models import Image, Project
from worker.models.recording import record

OTHER = Reference.parse("r.example/other:1")


@pytest.mark.django_db(transaction=True)
def test_of_two_that_complete_an_image_together_the_later_one_notices() -> None:
    """Each brings a layer that the image lacks, and neither sees the other's before it is committed."""
    project = Project.objects.create(slug="one", name="one")
    first, second = layer({"a": b"a"}), layer({"b": b"b"})
    lacking = record(project, REFERENCE, pulled(image([first, second]), extracted=False))
    began, may_end = threading.Event(), threading.Event()

    def begin() -> None:
        try:
            with transaction.atomic():
                record(project, OTHER, pulled(image([first])))
                began.set()
                may_end.wait(10)
        finally:
            connection.close()

    def follow() -> None:
        try:
            record(project, OTHER, pulled(image([second])))
        finally:
            connection.close()

    threads = [threading.Thread(target=begin), threading.Thread(target=follow)]
    threads[0].start()
    assert began.wait(10)
    threads[1].start()
    threads[1].join(1)
    may_end.set()
    for thread in threads:
        thread.join(20)
    lacking.refresh_from_db()
    assert lacking.extracted
    assert lacking.unpacked_size == len(first.tar) + len(second.tar)


def test_text_that_no_database_holds_is_replaced(project: Project) -> None:
    """A config is JSON, which can hold a NUL and half a character; PostgreSQL takes neither."""
    sample = pulled(image([layer({"a": b"a"})]))
    odd = json.loads(sample.config.raw)
    odd["config"] = {"Env": ["A=x\0y"], "Labels": {"k\0": "\ud800"}}
    config = ImageConfig.parse(json.dumps(odd).encode())
    layers = (replace(sample.layers[0], created_by="RUN \0 \udfff"),)
    row = record(project, REFERENCE, replace(sample, config=config, layers=layers))
    row = Image.objects.get(pk=row.pk)
    assert row.config["config"] == {"Env": ["A=x\ufffdy"], "Labels": {"k\ufffd": "\ufffd"}}
    assert row.image_layers.get().created_by == "RUN \ufffd \ufffd"


def test_what_one_manifest_says_of_a_blob_is_not_believed_of_another(project: Project) -> None:
    """A layer that is here already is not fetched again, so nobody checks what a manifest calls its blob."""
    honest, liar = pulled(image([layer({"a": b"a"})])), pulled(image([layer({"b": b"b"})]))
    blob = honest.layers[0]
    claim = replace(liar.layers[0], digest=blob.digest, size=2**50, media_type="application/x")
    elsewhere = Project.objects.create(slug="elsewhere", name="Elsewhere")
    record(elsewhere, REFERENCE, replace(liar, layers=(claim,)))
    row = record(project, REFERENCE, honest)
    found = row.image_layers.select_related("blob", "layer").get()
    assert (found.blob.digest, found.blob.size, found.blob.media_type) == (
        str(blob.digest),
        blob.size,
        blob.media_type,
    )
    assert found.blob.layer == found.layer
