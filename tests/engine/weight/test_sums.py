"""What layers hold, what is seen of it, and what a directory weighs."""

from __future__ import annotations

from tests.engine.weight.layers import file, hardlink, image, layer, opaque
from worker.engine.weight import LayerSum, sums
from worker.engine.weight.parts import contents


def test_overwritten_deleted_and_opaque_content_is_hidden() -> None:
    known = sums(
        image(
            layer(file("a", 10, content="a"), file("b", 20, content="b"), "d/", file("d/c", 40, content="c")),
            layer(file("a", 5, content="x"), "-b", "d/", opaque("d"), file("d/e", 3, content="e")),
        )
    )

    assert known.layers == (LayerSum(70, 0), LayerSum(8, 8))
    assert (known.bytes, known.seen, known.hidden) == (78, 8, 70)


def test_the_same_content_counts_once_in_whatever_layer() -> None:
    same = [file(name, 10, content="same") for name in ("a", "b", "c")]
    known = sums(image(layer(*same[:2]), layer(same[2], file("d", 1, content="other"))))

    assert (known.distinct, known.repeated) == (11, 20)
    assert (known.files, known.distinct_files) == (4, 2)


def test_hard_links_weigh_once_and_are_seen_by_any_of_their_names() -> None:
    known = sums(image(layer(file("a", 10, content="a"), hardlink("b", "a")), layer("-a")))

    assert known.layers[0] == LayerSum(10, 10)
    assert known.files == 1


def test_an_image_without_layers_weighs_nothing() -> None:
    known = sums(image())

    assert (known.bytes, known.seen, known.layers) == (0, 0, ())


def test_a_directory_is_weighed_heaviest_part_first_with_the_layer_of_most_of_it() -> None:
    files = image(
        layer(file("usr/lib/x", 60), file("usr/y", 5), file("z", 7), "empty/"),
        layer(file("usr/lib/big", 100)),
    )

    found = contents(files.view(), b"", 10)
    assert found is not None
    assert (found.size, found.files, found.others) == (172, 4, 1)
    assert [(one.path, one.size, one.files, one.layer) for one in found.parts] == [
        (b"usr", 165, 3, 1),
        (b"z", 7, 1, 0),
    ]
    assert [(one.path, one.size) for one in found.parts[0].inner] == [(b"usr/lib", 160), (b"usr/y", 5)]


def test_what_is_beyond_the_heaviest_is_one_rest() -> None:
    files = image(layer(*[file(f"f{size}", size) for size in range(1, 11)]))

    found = contents(files.view(), b"", 3)
    assert found is not None
    assert [one.size for one in found.parts] == [10, 9, 8]
    assert (found.others, found.others_size) == (7, 28)


def test_what_is_no_directory_has_no_parts() -> None:
    view = image(layer(file("a/b", 1))).view()

    assert contents(view, b"a/b", 10) is None
    assert contents(view, b"nothing", 10) is None
