"""Ten thousand images that stand on the layers of ``search_corpus``, for timing pages.

``STRATA_DATA=DIRECTORY python -m benchmarks.search_catalog`` enters them into the catalog of a data directory
of its own, whose ``search`` holds the corpus: a project ``corpus``, images of 5 to 30 layers, a base first.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict

import django

# The models need settings, and these the environment.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from benchmarks import search_corpus  # noqa: E402
from worker.engine.oci import Digest, chain_ids  # noqa: E402
from worker.models import Blob, Image, ImageLayer, Layer, Project, Tag  # noqa: E402

_IMAGES = 10_000
_AT_ONCE = 500
_BASES = 10  # the first pools are those of distributions


def main() -> None:
    """Make the project and its images; nothing if they are there."""
    call_command("migrate", verbosity=0)
    project, made = Project.objects.get_or_create(slug="corpus", defaults={"name": "Corpus"})
    if not made:
        return
    pools = _layers()
    rows = {layer.diff_id: layer for layer in Layer.objects.all()}
    blobs = {blob.layer_id: blob for blob in Blob.objects.all()}
    chance = random.Random(11)
    for begin in range(0, _IMAGES, _AT_ONCE):
        stacks = [_stack(pools, chance) for _ in range(_AT_ONCE)]
        chains = [[str(one) for one in chain_ids(stack)] for stack in stacks]
        images = Image.objects.bulk_create(
            _image(project, begin + number, len(stacks[number]), chains[number][-1])
            for number in range(_AT_ONCE)
        )
        ImageLayer.objects.bulk_create(
            ImageLayer(
                image=image,
                layer=rows[str(diff_id)],
                blob=blobs[rows[str(diff_id)].pk],
                position=position,
                chain_id=chain[position],
                created_by=f"RUN step {position}",
            )
            for image, stack, chain in zip(images, stacks, chains, strict=True)
            for position, diff_id in enumerate(stack)
        )
        Tag.objects.bulk_create(
            Tag(
                project=project,
                registry_host=image.registry_host,
                repository=image.repository,
                name=f"{begin + number}",
                platform=image.platform,
                image=image,
                moved_at=now(),
                checked_at=now(),
            )
            for number, image in enumerate(images)
        )


def _layers() -> dict[int, list[Digest]]:
    """Enter all layers; return them by pool."""
    pools: dict[int, list[Digest]] = defaultdict(list)
    for diff_id, pool, _ in search_corpus.layers():
        pools[pool.number].append(diff_id)
    Layer.objects.bulk_create(
        Layer(
            diff_id=str(diff_id), unpacked_size=1 << 20, content_size=1 << 20, entries=5000, tree_present=True
        )
        for stack in pools.values()
        for diff_id in stack
    )
    Blob.objects.bulk_create(
        Blob(
            digest=str(Digest.of(layer.diff_id.encode())),
            media_type="application/vnd.oci.image.layer.v1.tar+gzip",
            size=1 << 19,
            present=True,
            layer=layer,
        )
        for layer in Layer.objects.all()
    )
    return pools


def _stack(pools: dict[int, list[Digest]], chance: random.Random) -> list[Digest]:
    """A base, then revisions of packages and applications."""
    chosen = [chance.randrange(_BASES), *chance.sample(range(_BASES, len(pools)), chance.randrange(4, 30))]
    return [chance.choice(pools[number]) for number in chosen]


def _image(project: Project, number: int, layers: int, chain_id: str) -> Image:
    return Image(
        project=project,
        digest=str(Digest.of(b"image %d" % number)),
        media_type="application/vnd.oci.image.manifest.v1+json",
        registry_host="registry.example.com",
        repository=f"team/app-{number % 200}",
        os="linux",
        architecture="amd64",
        config_digest=str(Digest.of(b"config %d" % number)),
        layer_count=layers,
        compressed_size=layers << 19,
        unpacked_size=layers << 20,
        chain_id=chain_id,
        extracted=True,
        pulled_at=now(),
    )


if __name__ == "__main__":
    main()
