"""``manage.py demo``: fill a new install with what ``samples.serve`` serves, through the real pipeline."""

from __future__ import annotations

import json
import time
import urllib.request
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from dashboard import env
from worker import services
from worker.engine.errors import StrataError
from worker.engine.oci import Platform, Reference
from worker.models import ACTIVE_STATES, Container, Image, Project, Registry, Schedule, Tag

_PATIENCE = 50.0
_SCHEDULED = "base:12"  # an index: it is pulled for another platform, too
# Name, image and command of what runs: one goes on, the other changes files and ends.
_CONTAINERS: tuple[tuple[str, str, Sequence[str]], ...] = (
    ("web", "web:2.4", ()),
    ("changes", "api:1.1", ("sh", "-c", "echo hi > /root/x; rm /etc/profile; ls -l /srv/app")),
)


class Command(BaseCommand):
    help = "Fill this install with the images of a sample registry. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--registry", required=True, help="host:port of the sample registry")

    def handle(self, *args: Any, **options: Any) -> None:
        admin = User.objects.filter(is_superuser=True, is_active=True).order_by("id").first()
        if admin is None:
            raise CommandError("There is no administrator yet: run manage.py prepare first.")
        password = env.text("ADMIN_PASSWORD")
        if password and admin.check_password(password):
            self.stdout.write(f"Sign in as {admin.username} with the password {password}")
        try:
            Demo(Project.objects.first_or_new(), admin, options["registry"], self.stdout.write).fill()
        except StrataError as error:
            raise CommandError(f"{error.message} {error.hint}") from error


class Demo:
    """Brings a project to the state that the demonstration shows; what is there already stays."""

    def __init__(self, project: Project, admin: User, host: str, say: Callable[[str], Any]) -> None:
        self._project = project
        self._admin = admin
        self._host = host
        self._say = say

    def fill(self) -> None:
        """Pull everything there is, one image every minute, and run containers."""
        references = self._served()
        self._know_registry()
        started = [self._pull(reference) for reference in references]
        started.append(self._pull(f"{self._host}/{_SCHEDULED}", _other_platform()))
        self._say(f"Pulling {sum(started)} of {len(started)} images from the sample registry {self._host}")
        self._schedule(f"{self._host}/{_SCHEDULED}")
        for name, image, command in _CONTAINERS:
            self._run(name, f"{self._host}/{image}", command)

    def _served(self) -> list[str]:
        """Wait for the registry, and return a reference for each tag that it serves."""
        names = _wait_for(lambda: self._ask("_catalog")["repositories"])
        return [
            f"{self._host}/{name}:{tag}" for name in names for tag in self._ask(f"{name}/tags/list")["tags"]
        ]

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self._host}/v2/{path}", timeout=5) as answer:
            return json.load(answer)

    def _know_registry(self) -> None:
        if not Registry.objects.filter(project=self._project, host=self._host).exists():
            services.save_registry(
                self._project, host=self._host, insecure=True, username="", password=None, by=self._admin
            )

    def _pull(self, reference: str, platform: str = "") -> bool:
        """Start a pull unless the image is here or on its way; return whether one was started."""
        tags = _tags(self._project, reference)
        if (tags.filter(platform=platform) if platform else tags).exists():
            return False
        jobs = self._project.jobs.filter(reference=reference, platform=platform, state__in=ACTIVE_STATES)
        if jobs.exists():
            return False
        services.start_pull(self._project, reference, platform=platform, by=self._admin)
        return True

    def _schedule(self, reference: str) -> None:
        if Schedule.objects.filter(project=self._project, reference=reference).exists():
            return
        services.save_schedule(
            self._project,
            reference=reference,
            platform="",
            insecure=False,
            cron="* * * * *",
            timezone="UTC",
            by=self._admin,
        )
        self._say(f"{reference} is pulled every minute")

    def _run(self, name: str, reference: str, command: Sequence[str]) -> None:
        """Run a container once its image is here."""
        if Container.objects.filter(project=self._project, name=name).exists():
            return
        image = _wait_for(lambda: _extracted(self._project, reference))
        services.create_container(self._project, image, name=name, command=command, by=self._admin)
        self._say(f"The container {name} runs on {reference}")


def _other_platform() -> str:
    return "linux/amd64" if Platform.host().architecture == "arm64" else "linux/arm64"


def _tags(project: Project, reference: str) -> Any:
    named = Reference.parse(reference)
    return Tag.objects.filter(
        project=project, registry_host=named.registry, repository=named.repository, name=named.tag
    )


def _extracted(project: Project, reference: str) -> Image | None:
    tag = _tags(project, reference).filter(image__extracted=True).select_related("image").first()
    return tag.image if tag else None


def _wait_for(look: Callable[[], Any]) -> Any:
    """Look until there is something; a registry that does not answer yet is nothing."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if found := look():
                return found
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise CommandError(f"The demonstration is not complete: nothing came for {_PATIENCE:.0f} s.")
        time.sleep(0.3)
