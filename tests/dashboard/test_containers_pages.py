"""The pages of containers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.queries.containers import printable
from tests.conftest import Users
from tests.dashboard.catalog import make_image
from tests.dashboard.doors import assert_door, assert_verbs
from tests.support.redis import RedisServer
from worker import services
from worker.engine.containers import Change, LogLine
from worker.engine.errors import LayerMissing
from worker.models import Container, ContainerState, Image, Job, JobKind, JobState, Project, Role

LIST = "/p/team/containers/"


@pytest.fixture
def image(project: Project) -> Image:
    return make_image(project, "debian", "d", tags=["bookworm"])


@pytest.fixture
def container(project: Project, image: Image) -> Container:
    return Container.objects.create(
        project=project,
        image=image,
        name="quiet-basalt",
        node="local",
        command=["sh", "-c", "echo <b>hi</b>"],
        env={"A": "1"},
        state=ContainerState.STOPPED,
        exit_code=137,
        started_at=datetime(2026, 11, 1, tzinfo=UTC),
    )


def client_of(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def log_of(monkeypatch: pytest.MonkeyPatch, *lines: LogLine) -> None:
    """The log's text is the engine's matter (tests/engine); here only how it is shown."""
    monkeypatch.setattr(services, "container_log", lambda row: list(lines))


class TestDoors:
    def test_seeing(self, users: Users, container: Container) -> None:
        for address in (LIST, f"{LIST}{container.pk}/", f"{LIST}{container.pk}/changes/"):
            assert_door(users, "get", address, needs=Role.VIEWER)
            assert_verbs(users.admin, address, refused="post put delete")

    def test_making(self, users: Users) -> None:
        for method in ("get", "post"):
            assert_door(users, method, f"{LIST}new/", needs=Role.OPERATOR)
        assert_verbs(users.admin, f"{LIST}new/", refused="put delete")

    @pytest.mark.parametrize("action", ["start", "stop"])
    def test_acting(self, users: Users, container: Container, action: str) -> None:
        address = f"{LIST}{container.pk}/{action}/"
        assert_door(users, "post", address, needs=Role.OPERATOR)
        assert_verbs(users.admin, address, refused="get put delete")
        assert not Job.objects.exists()

    def test_removing(self, users: Users, container: Container) -> None:
        for method in ("get", "post"):
            assert_door(users, method, f"{LIST}{container.pk}/remove/", needs=Role.OPERATOR)
        assert_verbs(users.admin, f"{LIST}{container.pk}/remove/", refused="put delete")

    def test_another_projects_container_is_not_found(self, users: Users, image: Image) -> None:
        other = Project.objects.create(slug="other", name="Other")
        foreign = Container.objects.create(
            project=other, image=make_image(other, "x", "x"), name="x", node="local"
        )
        client = client_of(users.admin)
        for action in ("", "changes/"):
            assert client.get(f"{LIST}{foreign.pk}/{action}").status_code == 404
        for action in ("start/", "stop/", "remove/"):
            assert client.post(f"{LIST}{foreign.pk}/{action}").status_code == 404


class TestList:
    def test_an_empty_one_says_how_to_begin(self, users: Users) -> None:
        assert "New container" in client_of(users.operator).get(LIST).content.decode()
        seen = client_of(users.viewer).get(LIST).content.decode()
        assert "No container yet" in seen
        assert "container_new" not in seen
        assert f"{LIST}new/" not in seen

    def test_it_shows_state_image_command_and_exit_code(self, users: Users, container: Container) -> None:
        html = client_of(users.viewer).get(LIST).content.decode()
        for text in ("quiet-basalt", "stopped", "debian:bookworm", "&lt;b&gt;hi&lt;/b&gt;", "137"):
            assert text in html

    def test_it_is_filtered_by_words_and_state(self, users: Users, container: Container) -> None:
        client = client_of(users.viewer)
        for query in ("?q=basalt", "?q=debian", "?state=stopped", "?q=quiet+bookworm"):
            assert "quiet-basalt" in client.get(f"{LIST}{query}").content.decode()
        for query in ("?q=nothing", "?state=running", "?state=nonsense"):
            assert "No container matches" in client.get(f"{LIST}{query}").content.decode()

    def test_queries_do_not_grow(
        self,
        users: Users,
        project: Project,
        image: Image,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        client = client_of(users.viewer)
        for number in range(12):
            Container.objects.create(project=project, image=image, name=f"c{number}", node="local")
        client.get(LIST)
        with django_assert_max_num_queries(13):
            client.get(LIST)


class TestNew:
    def test_it_offers_extracted_images_only(self, users: Users, project: Project, image: Image) -> None:
        make_image(project, "fetched", "f", extracted=False)
        html = client_of(users.operator).get(f"{LIST}new/").content.decode()
        assert "debian:bookworm · linux/amd64" in html
        assert "fetched" not in html

    def test_the_images_are_narrowed(self, users: Users, project: Project, image: Image) -> None:
        make_image(project, "php", "dp")
        client = client_of(users.operator)
        html = client.get(f"{LIST}new/?q=php", headers={"HX-Request": "true"}).content.decode()
        assert html.lstrip().startswith('<div id="choices">')
        assert "php:1" in html
        assert "debian" not in html

    def test_an_image_can_come_with_the_address(self, users: Users, image: Image) -> None:
        html = client_of(users.operator).get(f"{LIST}new/?image={image.pk}").content.decode()
        assert f'<option value="{image.pk}" selected>' in html

    def test_without_any_image_it_says_what_to_do(self, users: Users) -> None:
        assert "No image to run" in client_of(users.operator).get(f"{LIST}new/").content.decode()

    @pytest.mark.django_db(transaction=True)
    def test_it_makes_a_container_and_a_job(
        self, users: Users, image: Image, redis_server: RedisServer
    ) -> None:
        answer = client_of(users.operator).post(
            f"{LIST}new/",
            {"image": image.pk, "name": "mine", "command": "sh -c 'echo hi'", "env": "A=1", "start": "on"},
        )
        made = Container.objects.get()
        assert answer.status_code == 302
        assert answer["Location"] == f"{LIST}{made.pk}/"
        assert (made.name, made.command, made.env) == ("mine", ["sh", "-c", "echo hi"], {"A": "1"})
        job = Job.objects.get()
        assert (job.kind, job.arguments["action"], job.arguments["start"]) == ("container", "create", True)

    def test_a_refusal_keeps_what_was_typed(self, users: Users, container: Container, image: Image) -> None:
        answer = client_of(users.operator).post(
            f"{LIST}new/", {"image": image.pk, "name": container.name, "command": "echo 1"}
        )
        html = answer.content.decode()
        assert answer.status_code == 422
        assert "There is a container quiet-basalt already. Choose another name." in html
        assert 'value="echo 1"' in html
        assert f'<option value="{image.pk}" selected>' in html

    @pytest.mark.parametrize("image_id", ["999", "", "x", "99999999999999999999"])
    def test_an_image_that_is_not_here_is_said_at_its_field(
        self, users: Users, image: Image, image_id: str
    ) -> None:
        answer = client_of(users.operator).post(f"{LIST}new/", {"image": image_id})
        assert answer.status_code == 422
        assert 'id="id_image_error"' in answer.content.decode()


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


@pytest.mark.django_db(transaction=True)
class TestActions:
    def test_start_makes_a_job(self, users: Users, container: Container, redis_server: RedisServer) -> None:
        answer = client_of(users.operator).post(f"{LIST}{container.pk}/start/")
        assert answer["Location"] == f"{LIST}{container.pk}/"
        assert Job.objects.get().arguments["action"] == "start"

    def test_what_cannot_be_done_now_is_said_on_its_page(self, users: Users, container: Container) -> None:
        answer = client_of(users.operator).post(f"{LIST}{container.pk}/stop/", follow=True)
        assert "You cannot stop the container quiet-basalt now" in answer.content.decode()
        assert not Job.objects.exists()

    def test_removal_is_asked_back_first(
        self, users: Users, container: Container, redis_server: RedisServer
    ) -> None:
        client = client_of(users.operator)
        html = client.get(f"{LIST}{container.pk}/remove/").content.decode()
        assert "Everything that it wrote is lost" in html
        assert not Job.objects.exists()
        answer = client.post(f"{LIST}{container.pk}/remove/", follow=True)
        job = Job.objects.get()
        assert job.arguments["action"] == "remove"
        assert f"being removed by job {job.pk}" in answer.content.decode()


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
