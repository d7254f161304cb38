"""An image's SBOM, as its pages and the API hand it out."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpResponse

from dashboard.queries.names import names_of
from worker.engine.errors import Conflict, InvalidInput
from worker.engine.packages import cyclonedx, spdx
from worker.engine.packages.sbom import Item, Subject
from worker.models import Image, ImageLayer
from worker.models.packages import PackageState, packages_of

FORMATS: dict[str, tuple[Callable[[Subject], str], str, str]] = {
    "cyclonedx": (cyclonedx.to_cyclonedx, cyclonedx.MEDIA_TYPE, "cdx.json"),
    "spdx": (spdx.to_spdx, spdx.MEDIA_TYPE, "spdx.json"),
}
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def sbom(image: Image, form: str) -> HttpResponse:
    """Return the SBOM of an image, as a file.

    Raises:
        InvalidInput: there is no such format.
        Conflict: the packages of the image are not known (yet).
    """
    if form not in FORMATS:
        raise InvalidInput("There is no such format of SBOMs.", hint=f"Ask for {' or '.join(FORMATS)}.")
    write, media_type, ending = FORMATS[form]
    subject = _subject(image)
    stem = _NOT_IN_FILE_NAMES.sub("-", f"{subject.repository}-{subject.tag or subject.digest[7:19]}").strip(
        "-"
    )
    return HttpResponse(
        write(subject),
        content_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{stem}.{ending}"'},
    )


def _subject(image: Image) -> Subject:
    found = packages_of(image)
    if found.state is PackageState.NOT_EXTRACTED:
        raise Conflict("The packages of this image are not known.", hint="Extract the image first.")
    if found.read_at is None:
        raise Conflict("The packages of this image are being read.", hint="Try again in a moment.")
    name = names_of([image])[image.pk].name
    layers = dict(ImageLayer.objects.filter(image=image).values_list("position", "layer__diff_id"))
    return Subject(
        registry=name.host,
        repository=name.repository,
        tag=name.tag,
        digest=image.digest,
        os=image.os,
        architecture=image.architecture,
        created=found.read_at,
        distribution=found.distribution,
        items=[Item(one.package, one.path, layers[one.layer], one.layer) for one in found.packages],
        notes=found.notes,
    )
