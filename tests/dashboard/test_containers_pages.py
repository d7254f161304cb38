"""The pages of containers."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Users
from tests.dashboard.catalog import make_image
from tests.dashboard.containers import LIST, container, image
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from tests.support.redis import RedisServer
from worker.models import Container, Image, Job, Project, Role

__all__ = ["container", "image"]  # fixtures


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
