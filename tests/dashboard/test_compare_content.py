"""One file of two images side by side, and a container with its image."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.compared import PLACE, pair, store, text_of
from tests.dashboard.doors import client_of
from tests.support.api import Api
from worker.engine.containers import Change
from worker.engine.store import Store
from worker.models import Container, Image, Project

__all__ = ["pair", "store"]

MINUS = "\N{MINUS SIGN}"


class TestText:
    def test_lines_stand_side_by_side(self, viewer: Client, pair: tuple[Image, Image]) -> None:
        html = viewer.get(f"{PLACE}text/?a={pair[0].pk}&b={pair[1].pk}&path=/etc/motd").content.decode()
        assert "world" in html
        assert "there" in html
        assert 'class="same"' in html

    def test_a_binary_is_said_to_be_one_with_sizes_and_hashes(
        self, viewer: Client, pair: tuple[Image, Image]
    ) -> None:
        text = text_of(viewer, f"{PLACE}text/?a={pair[0].pk}&b={pair[1].pk}&path=usr/bin/tool")
        assert "It is not text." in text
        assert "3 B" in text
        assert len(re.findall(r"\b[0-9a-f]{64}\b", text)) == 2

    def test_a_file_of_one_side_is_shown_whole(self, viewer: Client, pair: tuple[Image, Image]) -> None:
        text = text_of(viewer, f"{PLACE}text/?a={pair[0].pk}&b={pair[1].pk}&path=usr/new")
        assert "12345678" in text

    @pytest.mark.parametrize(
        ("path", "status"), [("usr/gone", 404), ("nothing", 404), ("%5Cq", 422), ("", 404)]
    )
    def test_what_does_not_differ_is_not_found(
        self, viewer: Client, pair: tuple[Image, Image], path: str, status: int
    ) -> None:
        where = f"{PLACE}text/?a={pair[0].pk}&b={pair[1].pk}&path={path}"
        assert viewer.get(where).status_code == status


class TestContainer:
    @pytest.fixture
    def container(self, project: Project, pair: tuple[Image, Image]) -> Container:
        return Container.objects.create(
            project=project, image=pair[0], name="quiet", node="local", env={"GREETING": "secret"},
            command=["run", "it"], state="stopped",
        )  # fmt: skip

    @pytest.fixture
    def changed(self, container: Container, store: Store, monkeypatch: pytest.MonkeyPatch) -> Container:
        """It wrote one file, and another one back as it was; what the kernel marks needs a real mount."""
        upper = store.containers / str(container.runtime_id) / "upper"
        (upper / "etc").mkdir(parents=True)
        (upper / "etc/motd").write_bytes(b"hello\nthere\n")
        (upper / "fresh").write_bytes(b"12")
        found = [
            Change("/etc/motd", "changed", "file", 12, b"/etc/motd"),
            Change("/fresh", "added", "file", 2, b"/fresh"),
            Change("/usr/gone", "removed", "file", 0, b"/usr/gone"),
            Change("/vanished", "added", "file", 2, b"/vanished"),
        ]
        monkeypatch.setattr("worker.services.comparing.Containers.changes", lambda *_: found)
        return container

    def test_one_that_wrote_nothing_is_the_same(self, viewer: Client, container: Container) -> None:
        assert "the container has changed nothing" in text_of(viewer, f"{PLACE}?container={container.pk}")

    def test_what_it_wrote_is_compared(self, viewer: Client, changed: Container) -> None:
        text = text_of(viewer, f"{PLACE}?container={changed.pk}")
        assert "Added 1 " in text
        assert "Removed 1 " in text
        assert "Changed 1 " in text
        assert f"Content {MINUS}2 B" in text
        text = text_of(viewer, f"{PLACE}text/?container={changed.pk}&path=etc/motd")
        assert "world" in text
        assert "there" in text
        assert "the container" in text

    def test_its_variables_are_told_to_operators_alone(self, users: Users, changed: Container) -> None:
        where = f"{PLACE}?container={changed.pk}&tab=config"
        assert "secret" not in text_of(client_of(users.viewer), where)
        assert "secret" in text_of(client_of(users.operator), where)
        markdown = f"{PLACE}comparison.md?container={changed.pk}"
        assert b"secret" not in client_of(users.viewer).get(markdown).content

    def test_the_page_of_its_changes_leads_there(
        self, viewer: Client, changed: Container, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = [Change("/fresh", "added", "file", 2, b"/fresh")]
        monkeypatch.setattr("worker.services.containers.Containers.changes", lambda *_: found)
        html = viewer.get(f"/p/team/containers/{changed.pk}/changes/").content.decode()
        assert f'href="{PLACE}?container={changed.pk}"' in html


@pytest.fixture
def operator(users: Users) -> Api:
    return Api(users.operator)


def test_the_api_writes_paths_modes_and_digests_as_it_does_elsewhere(
    operator: Api, pair: tuple[Image, Image]
) -> None:
    files = operator.get(f"compare?a={pair[0].pk}&b={pair[1].pk}")["files"]
    assert files["items"]
    for item in files["items"]:
        assert item["path"].startswith("/")
        for side in filter(None, (item["before"], item["after"])):
            assert re.fullmatch("[0-7]{4}", side["mode"])
            assert side["sha256"] is None or re.fullmatch("sha256:[0-9a-f]{64}", side["sha256"])


@pytest.mark.parametrize("wrong", ["kind=zz", "aspect=x", "sort=x"])
def test_the_api_refuses_a_filter_that_it_does_not_know(
    operator: Api, pair: tuple[Image, Image], wrong: str
) -> None:
    status, _ = operator.call("GET", f"compare?a={pair[0].pk}&b={pair[1].pk}&{wrong}")
    assert status == 422
