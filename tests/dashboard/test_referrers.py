"""What refers to an image: on its page, in the API, and asked for anew."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from samples.images import image as sample_image
from samples.images import layer
from samples.referrers import referring
from samples.registry import SampleRegistry
from tests.conftest import Users
from tests.dashboard.catalog import make_image, sha
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from tests.dashboard.test_platforms_pages import make_index
from tests.support.api import Api
from worker import services
from worker.engine.errors import NotFound
from worker.models import Image, Project, Referrer, ReferrerKind, Registry, Role


@pytest.fixture
def image(project: Project) -> Image:
    """An image for two platforms; something refers to it, to the other one, and to both."""
    php = [
        make_image(project, "php", "ds", platform=("linux", "amd64", "")),
        make_image(project, "php-arm", "es", platform=("linux", "arm64", "")),
    ]
    make_index(project, php)
    facts = {
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "size": 700,
        "found_by": "referrers",
    }
    Referrer.objects.create(
        image=php[0],
        kind=ReferrerKind.SBOM,
        digest=sha("sbom"),
        artifact_type="application/spdx+json",
        **facts,
    )
    Referrer.objects.create(
        index=php[0].index, kind=ReferrerKind.SIGNATURE, digest=sha("sig"), artifact_type="<b>", **facts
    )
    Referrer.objects.create(
        image=php[1], kind=ReferrerKind.OTHER, digest=sha("other"), artifact_type="other/thing", **facts
    )
    return php[0]


def test_members_see_them_by_kind_and_that_nothing_is_verified(users: Users, image: Image) -> None:
    address = f"/p/team/images/{image.pk}/referrers/"
    assert_door(users, "get", address, needs=Role.VIEWER)
    assert_verbs(users.operator, address, refused="post put delete")
    html = client_of(users.viewer).get(address).content.decode()
    assert html.index("Signature") < html.index("application/spdx+json")
    assert "&lt;b&gt;" in html
    assert "other/thing" not in html
    assert "Nothing of it was verified" in html
    assert "Look</button>" not in html
    assert 'Referrers<span class="count">2</span>' in html


def test_without_any_it_says_whether_anybody_looked(viewer: Client, project: Project) -> None:
    image = make_image(project, "bare", "z")
    address = f"/p/team/images/{image.pk}/referrers/"
    assert "Not known yet" in viewer.get(address).content.decode()
    Image.objects.update(referrers_at=timezone.now())
    assert "Nothing refers to this image" in viewer.get(address).content.decode()


def test_the_api_tells_the_same(users: Users, image: Image) -> None:
    told = Api(users.viewer).get(f"images/{image.pk}/referrers")
    assert told["verified"] is False
    index = image.index
    assert index is not None
    assert [(one["kind"], one["subject"]) for one in told["items"]] == [
        ("signature", index.digest),
        ("sbom", image.digest),
    ]


@pytest.fixture
def served(project: Project, sample_registry: SampleRegistry) -> Image:
    """An image that a registry has, with an SBOM."""
    sample_registry.referrers.api = True
    content = sample_image([layer({"a": b""})])
    sample_registry.push("app", "1", content)
    sbom = referring(content, "application/vnd.cyclonedx+json")
    sample_registry.push("app", str(sbom.digest), sbom)
    image = make_image(project, "app", "z", host=sample_registry.host, repository="app")
    Image.objects.filter(pk=image.pk).update(digest=str(content.digest))
    Registry.objects.create(project=project, host=sample_registry.host, insecure=True)
    image.refresh_from_db()
    return image


def test_operators_look_again(users: Users, served: Image) -> None:
    address = f"/p/team/images/{served.pk}/referrers/look/"
    assert_door(users, "post", address, needs=Role.OPERATOR)
    assert_verbs(users.operator, address, refused="get put delete")
    html = client_of(users.operator).post(address, follow=True).content.decode()
    assert "One artifact refers to this image." in html
    assert "application/vnd.cyclonedx+json" in html
    served.refresh_from_db()
    assert served.referrers_at is not None


def test_what_is_gone_is_gone_after_a_look(
    users: Users, served: Image, sample_registry: SampleRegistry
) -> None:
    client = client_of(users.operator)
    client.post(f"/p/team/images/{served.pk}/referrers/look/")
    sample_registry.referrers.api = False
    html = client.post(f"/p/team/images/{served.pk}/referrers/look/", follow=True).content.decode()
    assert "Nothing refers to this image" in html


def test_a_registry_that_fails_loses_nothing(
    users: Users, served: Image, sample_registry: SampleRegistry
) -> None:
    client = client_of(users.operator)
    client.post(f"/p/team/images/{served.pk}/referrers/look/")
    sample_registry.faults.fail(403, times=9)
    html = client.post(f"/p/team/images/{served.pk}/referrers/look/", follow=True).content.decode()
    assert "does not allow access" in html
    assert "application/vnd.cyclonedx+json" in html


def test_a_look_says_that_the_image_was_removed_meanwhile(served: Image) -> None:
    Image.objects.all().delete()
    with pytest.raises(NotFound):
        services.look_for_referrers(served, by=None)
