"""Lineage by chain ID."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import pytest
from django.db import connection
from django.utils.timezone import now

from worker.engine.oci import Digest, chain_ids
from worker.models import Blob, Image, ImageLayer, Layer, Project, Tag
from worker.models.growing import grow, regrow
from worker.models.lineage import ancestors, children, descendants, parents, project_graph, twins


def digest(*parts: object) -> Digest:
    return Digest.parse("sha256:" + hashlib.sha256(repr(parts).encode()).hexdigest())


def image(project: Project, name: str, layers: Sequence[str], *, compression: str = "gzip") -> Image:
    """Make an image of layers that are known by letters."""
    diff_ids = [digest("layer", letter) for letter in layers]
    chain = chain_ids(diff_ids)
    row = Image.objects.create(
        project=project,
        digest=str(digest("image", project.pk, name)),
        media_type="application/vnd.oci.image.manifest.v1+json",
        registry_host="docker.io",
        repository=f"library/{name}",
        os="linux",
        architecture="amd64",
        config_digest=str(digest("config", name)),
        layer_count=len(layers),
        compressed_size=100 * len(layers),
        chain_id=str(chain[-1]) if chain else "",
        pulled_at=now(),
    )
    for position, letter in enumerate(layers):
        layer, _ = Layer.objects.get_or_create(diff_id=str(diff_ids[position]))
        blob, _ = Blob.objects.get_or_create(
            digest=str(digest("blob", letter, compression)),
            defaults={"media_type": compression, "size": 100, "layer": layer},
        )
        ImageLayer.objects.create(
            image=row, layer=layer, blob=blob, position=position, chain_id=str(chain[position])
        )
    grow(project, [[str(one) for one in chain]])
    return row


@pytest.fixture
def debian(project: Project) -> Image:
    return image(project, "debian", "d")


@pytest.fixture
def apache(project: Project, debian: Image) -> Image:
    return image(project, "apache", "dab")


@pytest.fixture
def php(project: Project, apache: Image) -> Image:
    return image(project, "php", "dabp")


@pytest.fixture
def python(project: Project, debian: Image) -> Image:
    return image(project, "python", "dy")


def test_ancestors_are_the_images_whose_layers_come_first(debian: Image, apache: Image, php: Image) -> None:
    assert list(ancestors(php)) == [debian, apache]
    assert list(ancestors(debian)) == []


def test_the_parent_is_the_nearest_ancestor(debian: Image, apache: Image, php: Image, python: Image) -> None:
    assert parents(php) == [apache]
    assert parents(python) == [debian]
    assert parents(debian) == []


def test_children_have_nothing_in_between(debian: Image, apache: Image, php: Image, python: Image) -> None:
    assert list(descendants(debian)) == [python, apache, php]
    assert list(children(debian)) == [python, apache]
    assert list(children(apache)) == [php]
    assert list(children(php)) == []


def test_twins_share_diff_ids_whatever_their_compression(project: Project, apache: Image, php: Image) -> None:
    zstd = image(project, "apache-zstd", "dab", compression="zstd")
    assert list(twins(apache)) == [zstd]
    assert list(twins(zstd)) == [apache]
    assert parents(php) == [apache, zstd]
    assert list(children(zstd)) == [php]
    assert zstd not in ancestors(apache)


def test_the_same_layers_in_another_order_are_no_relation(project: Project) -> None:
    """A chain ID names a layer on top of the ones below it, not the layer alone."""
    image(project, "b-first", "b")
    assert list(ancestors(image(project, "a-then-b", "ab"))) == []


def test_an_image_whose_base_comes_again_on_top_is_not_its_own_ancestor(project: Project) -> None:
    base = image(project, "base", "e")
    twice = image(project, "twice", "ee")
    assert list(ancestors(twice)) == [base]
    assert list(descendants(base)) == [twice]


def test_images_without_layers_are_related_to_nothing(project: Project, debian: Image) -> None:
    first, second = image(project, "scratch1", ""), image(project, "scratch2", "")
    assert list(twins(first)) == list(descendants(first)) == list(ancestors(first)) == []
    assert second not in ancestors(debian)


def test_other_projects_do_not_show(project: Project, php: Image) -> None:
    other = Project.objects.create(slug="other", name="Other")
    secret = image(other, "secret", "dabps")
    image(other, "twin", "dabp")
    assert list(descendants(php)) == list(twins(php)) == []
    assert [twin.repository for twin in ancestors(secret)] == ["library/twin"]
    assert secret.pk not in {node.id for node in project_graph(project).nodes}


def test_the_graph_tells_the_same_as_the_single_questions(
    project: Project, debian: Image, apache: Image, php: Image, python: Image
) -> None:
    zstd = image(project, "apache-zstd", "dab", compression="zstd")
    graph = project_graph(project)
    assert graph.total == 5
    assert {node.id: node.parents for node in graph.nodes} == {
        row.pk: tuple(parent.pk for parent in parents(row)) for row in Image.objects.filter(project=project)
    }
    by_id = {node.id: node for node in graph.nodes}
    assert by_id[zstd.pk].twin_of == apache.pk
    assert by_id[apache.pk].twin_of is None
    assert (by_id[php.pk].compressed_size, by_id[php.pk].own_size) == (400, 100)
    assert by_id[debian.pk].own_size == 100


def test_the_graph_lists_parents_before_children(project: Project, php: Image, python: Image) -> None:
    seen: set[int] = set()
    for node in project_graph(project).nodes:
        assert set(node.parents) <= seen
        seen.add(node.id)


def test_the_graph_names_images_by_their_tags(project: Project, debian: Image) -> None:
    assert project_graph(project).nodes[0].names == ("docker.io/library/debian",)
    for name in ("bookworm", "12"):
        Tag.objects.create(
            project=project, registry_host="docker.io", repository="library/debian", name=name,
            platform="linux/amd64", image=debian, moved_at=now(), checked_at=now(),
        )  # fmt: skip
    assert project_graph(project).nodes[0].names == (
        "docker.io/library/debian:12",
        "docker.io/library/debian:bookworm",
    )


def test_the_graph_of_two_thousand_images_takes_few_queries_and_little_time(
    project: Project, django_assert_max_num_queries: object
) -> None:
    """Measured 0.05 s (0.23 s for ten thousand); the bound is generous, yet below what a query each takes."""
    _thousands(project, families=2)
    with connection.cursor() as cursor:
        # As the database does by itself after a while; without statistics PostgreSQL guesses badly.
        cursor.execute("ANALYZE")
    begun = time.monotonic()
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        graph = project_graph(project)
    took = time.monotonic() - begun
    assert len(graph.nodes) == 2_000
    assert sum(bool(node.parents) for node in graph.nodes) == 1_998
    assert took < 1


def _thousands(project: Project, families: int) -> None:
    """A base of 8 layers for each family; 999 images on it, in chains of nine, one more layer each."""
    images, stacks = [], []
    for family in range(families):
        base = [digest(family, number) for number in range(8)]
        for branch in range(111):
            for depth in range(9):
                stacks.append([*base, *(digest(family, branch, number) for number in range(depth + 1))])
        stacks.append(base)
    for number, diff_ids in enumerate(stacks):
        images.append(
            Image(
                project=project,
                digest=str(digest("i", number)),
                media_type="m",
                registry_host="h",
                repository=f"r{number}",
                os="linux",
                architecture="amd64",
                config_digest="c",
                layer_count=len(diff_ids),
                compressed_size=len(diff_ids),
                chain_id=str(chain_ids(diff_ids)[-1]),
                pulled_at=now(),
            )
        )
    Image.objects.bulk_create(images, batch_size=500)
    unique = sorted({str(diff_id) for diff_ids in stacks for diff_id in diff_ids})
    Layer.objects.bulk_create([Layer(diff_id=diff_id) for diff_id in unique], batch_size=5_000)
    layers = {layer.diff_id: layer for layer in Layer.objects.all()}
    Blob.objects.bulk_create(
        [Blob(digest=layer.diff_id, media_type="m", size=1, layer=layer) for layer in layers.values()],
        batch_size=5_000,
    )
    blobs = {blob.digest: blob for blob in Blob.objects.all()}
    ImageLayer.objects.bulk_create(
        [
            ImageLayer(
                image=row, layer=layers[str(diff_id)], blob=blobs[str(diff_id)], position=position,
                chain_id=str(chain),
            )
            for row, diff_ids in zip(images, stacks, strict=True)
            for position, (diff_id, chain) in enumerate(zip(diff_ids, chain_ids(diff_ids), strict=True))
        ],
        batch_size=5_000,
    )  # fmt: skip
    regrow(project)
