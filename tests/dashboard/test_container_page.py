"""The page of one container: its state, its log, what it changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboard.queries.containers import printable
from tests.conftest import Users
from tests.dashboard.containers import LIST, container, image
from tests.dashboard.doors import client_of
from worker import services
from worker.engine.containers import Change, LogLine
from worker.engine.errors import LayerMissing
from worker.models import Container, ContainerState, Job, JobKind, JobState, Project

__all__ = ["container", "image"]  # fixtures


def log_of(monkeypatch: pytest.MonkeyPatch, *lines: LogLine) -> None:
    """The log's text is the engine's matter (tests/engine); here only how it is shown."""
    monkeypatch.setattr(services, "container_log", lambda row: list(lines))


class TestOne:
    def test_it_tells_stdout_from_stderr(
        self, users: Users, container: Container, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = datetime(2026, 11, 1, 12, 0, 5, tzinfo=UTC)
        log_of(
            monkeypatch,
            LogLine(at, "stdout", "\x1b[32mgreen\x1b[0m <i>"),
            LogLine(at, "stderr", "oops"),
        )
        html = client_of(users.viewer).get(f"{LIST}{container.pk}/").content.decode()
        assert "<span>green &lt;i&gt;</span>" in html
        assert '<li class="err">' in html
        assert "ended by signal 9" in html

    def test_viewers_see_the_names_of_its_variables_and_operators_their_values(
        self, users: Users, container: Container
    ) -> None:
        Container.objects.update(env={"API_KEY": "tr0ub4dor"})
        address = f"{LIST}{container.pk}/"
        seen = client_of(users.viewer).get(address).content.decode()
        assert "API_KEY" in seen
        assert "tr0ub4dor" not in seen
        assert "API_KEY=tr0ub4dor" in client_of(users.operator).get(address).content.decode()

    def test_the_log_refreshes_only_while_it_runs(
        self, users: Users, container: Container, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_of(monkeypatch)
        client = client_of(users.viewer)
        assert "every 2s" not in client.get(f"{LIST}{container.pk}/").content.decode()
        Container.objects.update(state=ContainerState.RUNNING)
        part = client.get(f"{LIST}{container.pk}/?part=log", headers={"HX-Request": "true"}).content.decode()
        assert "every 2s" in part
        assert "<html" not in part

    def test_a_log_that_cannot_be_read_is_said_in_its_place(
        self, users: Users, container: Container, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(row: Container) -> list[LogLine]:
            raise LayerMissing("The disk is away.", hint="Put it back.")

        monkeypatch.setattr(services, "container_log", broken)
        answer = client_of(users.viewer).get(f"{LIST}{container.pk}/")
        assert answer.status_code == 200
        assert "The disk is away. Put it back." in answer.content.decode()

    @pytest.mark.parametrize(
        ("state", "offered"),
        [
            (ContainerState.CREATED, {"start", "remove"}),
            (ContainerState.STOPPED, {"start", "remove"}),
            (ContainerState.RUNNING, {"stop", "remove"}),
            (ContainerState.FAILED, {"remove"}),
            (ContainerState.CREATING, set()),
        ],
    )
    def test_only_what_can_be_done_is_offered_and_only_to_operators(
        self,
        users: Users,
        container: Container,
        monkeypatch: pytest.MonkeyPatch,
        state: ContainerState,
        offered: set[str],
    ) -> None:
        log_of(monkeypatch)
        Container.objects.update(state=state)
        address = f"{LIST}{container.pk}/"
        html = client_of(users.operator).get(address).content.decode()
        assert {
            action for action in ("start", "stop", "remove") if f'"{address}{action}/"' in html
        } == offered
        seen = client_of(users.viewer).get(address).content.decode()
        assert not any(f'"{address}{action}/"' in seen for action in ("start", "stop", "remove"))

    def test_a_job_at_work_is_shown_and_nothing_else_offered(
        self, users: Users, container: Container, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_of(monkeypatch)
        job = Job.objects.create(
            project=project, kind=JobKind.CONTAINER, container=container, arguments={"action": "start"}
        )
        html = client_of(users.operator).get(f"{LIST}{container.pk}/").content.decode()
        assert f'Being started by <a href="/p/team/jobs/{job.pk}/">' in html
        assert f'"{LIST}{container.pk}/start/"' not in html

    def test_a_failed_job_says_why_and_what_to_do(
        self, users: Users, container: Container, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_of(monkeypatch)
        Job.objects.create(
            project=project,
            kind=JobKind.CONTAINER,
            state=JobState.FAILED,
            container=container,
            error_code="command_not_found",
            error_message="There is no gcc-99.",
            error_hint="Choose a command that exists.",
        )
        html = client_of(users.viewer).get(f"{LIST}{container.pk}/").content.decode()
        assert "There is no gcc-99." in html
        assert "Choose a command that exists." in html


class TestChanges:
    @pytest.fixture(autouse=True)
    def _changes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = [
            Change("/etc/motd", "removed", "file", 0, b"/etc/motd"),
            Change("/root/<x>", "added", "file", 2048, b"/root/<x>"),
            Change("/var/log", "changed", "directory", 0, b"/var/log"),
        ]
        monkeypatch.setattr(services, "container_changes", lambda row: found)

    def test_they_are_listed_with_kind_and_size(self, users: Users, container: Container) -> None:
        html = client_of(users.viewer).get(f"{LIST}{container.pk}/changes/").content.decode()
        for text in ("/etc/motd", "/root/&lt;x&gt;", "2.00 KiB in its writable layer", "removed 1", "all 3"):
            assert text in html

    def test_one_kind_can_be_chosen(self, users: Users, container: Container) -> None:
        html = client_of(users.viewer).get(f"{LIST}{container.pk}/changes/?kind=added").content.decode()
        assert "/root/&lt;x&gt;" in html
        assert "/etc/motd" not in html

    def test_a_layer_that_cannot_be_read_is_said(
        self, users: Users, container: Container, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(row: Container) -> list[Change]:
            raise LayerMissing("A layer is not extracted any more.")

        monkeypatch.setattr(services, "container_changes", broken)
        html = client_of(users.viewer).get(f"{LIST}{container.pk}/changes/").content.decode()
        assert "A layer is not extracted any more. Extract the image first." in html


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\rb\x00c\x08", "abc"),
        ("tab\tstays", "tab\tstays"),
        ("日本 ✓", "日本 ✓"),
    ],
)
def test_a_log_is_shown_without_a_terminals_commands(raw: str, shown: str) -> None:
    assert printable(raw) == shown
