"""Reading the packages of images into the catalog, and what is read from there again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from samples.layers import SampleLayer, layer
from tests.engine.packages.test_stack import STATUS, metadata, package_json, status
from tests.support.files import make_image
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, LayerMissing
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, PackageChange, PackageReading, PackageVersion, Project
from worker.models.package_differences import package_differences
from worker.models.package_recording import forget_packages
from worker.models.packages import PackageState, packages_of
from worker.tasks.packages import images_to_read, read_all_packages, read_packages

BASE = layer({STATUS: status(bash="5.2-1", openssl="3.0.9-1"), "etc/os-release": b"ID=debian\nVERSION_ID=12"})
APP = layer({"app/node_modules/a/package.json": package_json("a"), "a.dist-info/METADATA": metadata("six")})
UPGRADE = layer({STATUS: status(bash="5.2-1", openssl="3.0.11-1")})


@pytest.fixture
def store(data_dir: Path) -> Store:
    store = Store(settings.STORE_DIR)
    store.prepare()
    return store


def shown(image: Image) -> list[str]:
    return [f"{one.layer} {one.package.name} {one.package.version}" for one in packages_of(image).packages]


def test_packages_and_the_layers_that_brought_them(project: Project, store: Store) -> None:
    image = make_image(project, store, "app", [BASE, APP, UPGRADE])
    assert packages_of(image).state is PackageState.PENDING
    assert read_packages(image, store.layers) == 3
    found = packages_of(image)
    assert found.state is PackageState.READ
    assert found.distribution.id == "debian"
    assert shown(image) == ["0 bash 5.2-1", "2 openssl 3.0.11-1", "1 a 1.0.0", "1 six 1.0"]
    assert not images_to_read().exists()


def test_images_share_the_rows_of_their_base(project: Project, store: Store) -> None:
    base = make_image(project, store, "base", [BASE])
    app = make_image(project, store, "app", [BASE, APP])
    twin = make_image(project, store, "twin", [BASE, APP])
    assert read_packages(base, store.layers) == 1
    before = PackageChange.objects.count()
    assert read_packages(app, store.layers) == 1
    assert PackageChange.objects.count() == before + 2
    assert read_packages(twin, store.layers) == 0
    assert shown(twin) == shown(app)
    assert shown(base) == ["0 bash 5.2-1", "0 openssl 3.0.9-1"]


def test_whichever_image_comes_first_the_same_is_known(project: Project, store: Store) -> None:
    app = make_image(project, store, "app", [BASE, APP, UPGRADE])
    base = make_image(project, store, "base", [BASE])
    read_packages(base, store.layers)
    read_packages(app, store.layers)
    step_by_step = shown(app)
    PackageReading.objects.all().delete()
    read_packages(app, store.layers)
    assert shown(app) == step_by_step


def test_bases_are_read_before_what_stands_on_them(project: Project, store: Store) -> None:
    app = make_image(project, store, "app", [BASE, APP])
    base = make_image(project, store, "base", [BASE])
    assert list(images_to_read()) == [base, app]
    assert read_all_packages(store.layers) == {project.pk}
    assert read_all_packages(store.layers) == set()


def test_what_an_older_reader_read_is_read_again(project: Project, store: Store) -> None:
    image = make_image(project, store, "app", [BASE, APP])
    read_packages(image, store.layers)
    PackageReading.objects.update(reader=0)
    assert packages_of(image).state is PackageState.PENDING
    assert read_packages(image, store.layers) == 2
    assert len(shown(image)) == 4
    assert PackageReading.objects.count() == 2


def test_an_image_without_layers_and_one_without_packages(project: Project, store: Store) -> None:
    empty = make_image(project, store, "empty", [])
    assert packages_of(empty).state is PackageState.READ
    static = make_image(project, store, "static", [layer({"bin/app": b"x"})])
    read_packages(static, store.layers)
    found = packages_of(static)
    assert (found.state, found.packages, found.notes) == (PackageState.READ, (), ())


def test_an_image_that_is_not_extracted_is_not_read(project: Project, store: Store) -> None:
    image = make_image(project, store, "app", [BASE], extracted=False)
    assert packages_of(image).state is PackageState.NOT_EXTRACTED
    assert read_all_packages(store.layers) == set()


def test_an_image_that_cannot_be_read_does_not_stop_the_others(project: Project, store: Store) -> None:
    broken = make_image(project, store, "broken", [BASE])
    fine = make_image(project, store, "fine", [APP])
    shutil.rmtree(store.layers.home(Digest.parse(str(BASE.diff_id))))
    with pytest.raises(LayerMissing):
        read_packages(broken, store.layers)
    read_all_packages(store.layers)
    assert packages_of(fine).state is PackageState.READ
    assert packages_of(broken).state is PackageState.PENDING


def test_what_was_read_before_a_cancel_stays(project: Project, store: Store) -> None:
    class AfterOne(CancelToken):
        calls = 0

        def check(self) -> None:
            self.calls += 1
            if self.calls > 1:
                raise Cancelled("Enough.")

    image = make_image(project, store, "app", [BASE, UPGRADE])
    with pytest.raises(Cancelled):
        read_packages(image, store.layers, cancel=AfterOne())
    assert PackageReading.objects.count() == 1
    assert read_packages(image, store.layers) == 1
    assert shown(image) == ["0 bash 5.2-1", "1 openssl 3.0.11-1"]


def test_what_no_image_has_any_more_is_forgotten(project: Project, store: Store) -> None:
    base, app = make_image(project, store, "base", [BASE]), make_image(project, store, "app", [BASE, APP])
    read_all_packages(store.layers)
    assert forget_packages() == 0
    app.delete()
    assert forget_packages() == 1
    assert set(PackageVersion.objects.values_list("name", flat=True)) == {"bash", "openssl"}
    assert len(shown(base)) == 2
    base.delete()
    assert forget_packages() == 1
    assert not PackageVersion.objects.exists()
    assert not PackageChange.objects.exists()


def many(count: int) -> SampleLayer:
    return layer({STATUS: status(**{f"p{number}": "1.0" for number in range(count)})})


def test_three_thousand_packages(project: Project, store: Store) -> None:
    image = make_image(project, store, "large", [many(3000), many(2999)])
    read_packages(image, store.layers)
    assert len(packages_of(image).packages) == 2999
    assert PackageChange.objects.count() == 3001


def test_a_name_that_is_longer_in_lower_case_is_kept(project: Project, store: Store) -> None:
    """PostgreSQL refuses what is longer than its column."""
    name = "\u0130" * 255
    image = make_image(project, store, "a", [layer({"node_modules/x/package.json": package_json(name)})])
    read_packages(image, store.layers)
    (found,) = PackageVersion.objects.all()
    assert found.name == name
    assert len(found.search_name) == 255


def test_differences(project: Project, store: Store) -> None:
    a = make_image(project, store, "a", [BASE, layer({"node_modules/x/package.json": package_json("x")})])
    b = make_image(project, store, "b", [BASE, UPGRADE, APP])
    assert not package_differences(a, b).is_known
    read_all_packages(store.layers)
    found = package_differences(a, b)
    assert found.is_known
    assert [one.name for one in found.added] == ["a", "six"]
    assert [one.name for one in found.removed] == ["x"]
    (changed,) = found.changed
    assert (changed.before[0].version, changed.after[0].version) == ("3.0.9-1", "3.0.11-1")
    assert found.same == 1
    same = package_differences(b, b)
    assert (same.added, same.removed, same.changed, same.same) == ((), (), (), 4)


def test_where_a_package_is_recorded_makes_no_difference(project: Project, store: Store) -> None:
    a = make_image(project, store, "a", [layer({"a.dist-info/METADATA": metadata("six")})])
    b = make_image(project, store, "b", [layer({"opt/b.dist-info/METADATA": metadata("six")})])
    read_all_packages(store.layers)
    found = package_differences(a, b)
    assert (found.added, found.removed, found.changed, found.same) == ((), (), (), 1)
