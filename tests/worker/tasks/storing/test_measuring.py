"""What the store takes on the disk, measured."""

from __future__ import annotations

import pytest

from samples.images import recompressed
from tests.worker.tasks.helpers import Pull
from tests.worker.tasks.storing.helpers import APP, BASE
from worker.engine.store import Store
from worker.models import (
    Layer,
    Project,
    StoreSurvey,
)
from worker.tasks.measuring import measure

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def test_a_measurement_tells_what_sharing_saves(project: Project, store: Store, pull: Pull) -> None:
    """Two images on one base: on their own, the base would be there twice, unpacked and compressed."""
    pull("base", BASE)
    pull("app", APP)
    pull("twin", recompressed(BASE, "zstd"))
    measure(store)
    survey = StoreSurvey.objects.get()
    base = Layer.objects.get(diff_id=str(BASE.diff_ids[0]))
    assert base.unpacked_size is not None
    # The twin's blob was never fetched: its tree was here. So it would have a tree alone.
    assert survey.saved == 2 * base.unpacked_size + BASE.layers[0].size
    assert survey.bytes > 100_000
    assert survey.kinds["trees"]["count"] == 2
    assert 0 < survey.disk_free <= survey.disk_total
    assert survey.measured_at is not None


def test_a_store_can_be_measured_before_anything_was_pulled(db: None, store: Store) -> None:
    assert not store.root.exists()
    measure(store)
    survey = StoreSurvey.objects.get()
    assert (survey.saved, survey.bytes) == (0, 0)
    assert survey.disk_total > 0
    store.prepare()
    measure(store)
    assert StoreSurvey.objects.get().saved == 0
