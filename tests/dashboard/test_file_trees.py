"""An image of more files than there is memory for is refused at once, in words, and takes nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from samples.layers import layer
from tests.conftest import Users
from tests.support.api import Api
from tests.support.files import make_image, open_store
from worker.models import Image, Layer, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(data_dir: Path, project: Project) -> Image:
    image = make_image(project, open_store(settings.STORE_DIR), "app", [layer({"f": b"1"})])
    Layer.objects.update(entries=4_000_000)
    return image


@pytest.mark.parametrize("tab", ["files", "weight"])
def test_pages_of_too_many_files_say_so(client: Client, users: Users, image: Image, tab: str) -> None:
    client.force_login(users.viewer)
    response = client.get(f"/p/team/images/{image.pk}/{tab}/")
    assert response.status_code == 200
    assert "4,000,000 files: more than there is memory for" in response.content.decode()


def test_so_does_the_api(users: Users, image: Image) -> None:
    status, answer = Api(users.viewer).call("GET", f"images/{image.pk}/files?path=/")
    assert (status, answer["error"]["code"]) == (422, "too_many_files")
