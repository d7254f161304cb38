"""What is measured, and what dive itself says of the same layers."""

from __future__ import annotations

import math

import pytest

from tests.engine.weight.layers import file, hardlink, image, layer, opaque
from worker.engine.weight import Efficiency, efficiency
from worker.engine.weight.efficiency import efficiency_of

#: The layers of dive's test image (.data/Dockerfile.test-image); the base's files count as one.
DIVES_TEST_IMAGE = (
    layer(("bin/busybox", 1154361)),
    layer(("somefile.txt", 6405)),
    layer("root/", "root/example/", "root/example/really/", "root/example/really/nested/"),
    layer("root/", "root/example/", ("root/example/somefile1.txt", 6405)),
    layer("root/", "root/example/", ("root/example/somefile1.txt", 6405)),
    layer("root/", "root/example/", ("root/example/somefile2.txt", 6405)),
    layer("root/", "root/example/", ("root/example/somefile3.txt", 6405)),
    layer("root/", ("root/saved.txt", 6405), "root/example/", "-root/example/somefile3.txt"),
    layer("root/", ("root/.saved.txt", 6405)),
    layer("root/", "-root/example"),
    layer("root/", "root/.data/", ("root/.data/tag.sh", 917), ("root/.data/test.sh", 1270)),
    layer("tmp/", ("tmp/saved.again1.txt", 6405)),
    layer("root/", "root/.data/", ("root/.data/saved.again2.txt", 6405)),
    layer("root/", ("root/saved.txt", 6405)),
)


def test_dives_test_image_has_the_figures_that_dive_publishes() -> None:
    """As in dive/image/docker/image_archive_analysis_test.go."""
    found = efficiency_of(DIVES_TEST_IMAGE)

    assert found.score == 0.9844212134184309
    assert found.total_bytes == 1220598
    assert found.user_bytes == 66237
    assert found.wasted_bytes == 32025
    assert found.user_wasted_percent == 0.4834911001404049


def test_the_worst_files_come_first_with_the_layers_that_have_them() -> None:
    worst = efficiency_of(DIVES_TEST_IMAGE).worst

    assert [(one.path, one.times, one.bytes, one.layers, one.removed) for one in worst] == [
        (b"root/example/somefile1.txt", 2, 12810, (3, 4), False),
        (b"root/saved.txt", 2, 12810, (7, 13), False),
        (b"root/example/somefile3.txt", 2, 6405, (6, 7), True),
    ]


def test_dives_own_example_of_a_deleted_directory() -> None:
    """As in dive/filetree/efficiency_test.go: the directory has no entry, so its mark weighs nothing."""
    found = efficiency_of(
        [
            layer(("etc/nginx/nginx.conf", 2000), ("etc/nginx/public", 3000)),
            layer(("etc/nginx/nginx.conf", 5000), ("etc/athing", 10000)),
            layer("-etc/nginx"),
        ]
    )

    assert found.score == 0.75
    assert [(one.path, one.bytes) for one in found.worst] == [(b"etc/nginx/nginx.conf", 7000)]


def test_an_image_of_one_layer_wastes_nothing() -> None:
    assert efficiency_of([layer(("a", 5), ("b", 5))]) == Efficiency(1.0, 0, 0.0, 0, 10, ())


@pytest.mark.parametrize("layers", [(), (layer("nothing/"),)])
def test_an_image_without_content_is_perfect(layers: tuple[object, ...]) -> None:
    assert efficiency(image(*layers)).score == 1.0  # type: ignore[arg-type]


def test_a_deleted_directory_with_an_entry_weighs_what_was_in_it() -> None:
    """Its weight is the same in the least and in all, so the score comes nearer to 1."""
    below = [layer("d/", ("d/a", 60), ("d/e/b", 40)), layer("d/", ("d/a", 60))]

    assert efficiency_of(below).score == pytest.approx(100 / 160)
    assert efficiency_of([*below, layer("-d")]).score == pytest.approx(200 / 260)


def test_a_deleted_directory_that_the_layer_above_has_no_entry_for_weighs_nothing() -> None:
    """So it is in dive, which knows no more of such a directory than that it is no directory."""
    found = efficiency_of([layer("d/", ("d/a", 60)), layer(("d/b", 40)), layer("-d")])

    assert found.score == 1.0


def test_a_deleted_file_makes_what_it_weighed_a_waste_without_end() -> None:
    """Nothing but the mark is above the base, so no ratio could tell how much is wasted."""
    found = efficiency_of([layer(("a", 7), ("b", 3)), layer("-a")])

    assert (found.wasted_bytes, found.score) == (7, 0.3)
    assert math.isinf(found.user_wasted_percent)


def test_a_mark_of_nothing_counts_as_nothing_and_what_follows_counts() -> None:
    """Unlike dive, which stops reading the layer there."""
    found = efficiency_of([layer(("a", 7)), layer("-0", ("a", 7))])

    assert [(one.path, one.times) for one in found.worst] == [(b"a", 2)]


def test_a_hard_link_has_no_bytes_of_its_own() -> None:
    found = efficiency_of([layer(file("a", 7), hardlink("b", "a")), layer(file("b", 7))])

    assert (found.total_bytes, found.wasted_bytes, found.score) == (14, 7, 0.5)


def test_an_empty_directory_counts_one_with_something_in_it_does_not() -> None:
    found = efficiency_of([layer("empty/", "full/", ("full/a", 1)), layer("empty/", "full/", ("full/b", 1))])

    assert [one.path for one in found.worst] == [b"empty"]


def test_what_an_opaque_directory_hides_is_no_waste_for_dive() -> None:
    found = efficiency_of([layer("d/", ("d/a", 7)), layer("d/", opaque("d"), ("d/b", 7))])

    assert (found.score, found.wasted_bytes) == (1.0, 0)


def test_the_same_layer_twice_is_wasted_once_more() -> None:
    twice = layer(("a", 7))

    assert efficiency_of([twice, twice]).wasted_bytes == 14
