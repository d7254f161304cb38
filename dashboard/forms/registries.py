"""How to reach a registry, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.forms import BoundField

from dashboard.forms.registry_fields import MIB, RegistryFields
from dashboard.messages import sentence
from worker.engine.errors import Conflict, InvalidInput, NotAllowed, StrataError
from worker.models import CredentialSource, ProxyChoice, Registry
from worker.services import RegistryOptions, registry_options


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together, folded away where nobody needs them.

    Attributes:
        title: of the group.
        says: in a few words what is set; shown while it is folded.
        fields: what is in it.
        is_open: something is set, or wrong.
    """

    title: str
    says: str
    fields: tuple[BoundField, ...]
    is_open: bool


class RegistryForm(RegistryFields):
    """A registry of a project. Passwords and keys go in and never come out."""

    blamed = ((Conflict, "host"), (NotAllowed, "host"), (InvalidInput, "host"))

    def __init__(self, *args: Any, registry: Registry | None = None, **kwargs: Any) -> None:
        if registry is not None:
            kwargs.setdefault("initial", _initial(registry))
        super().__init__(*args, **kwargs)
        self._has_password = registry is not None and bool(registry.password_encrypted)
        self._offer_docker_config(registry)
        if not self._has_password:
            del self.fields["forget"]
        for name in ("password", "proxy_password", "client_key"):
            stored = registry is not None and bool(getattr(registry, f"{name}_encrypted"))
            self.fields[name].help_text = _STORED if stored else _TO_BE_STORED

    def _offer_docker_config(self, registry: Registry | None) -> None:
        if not settings.DOCKER_CONFIG and not (registry is not None and registry.uses_docker_config):
            del self.fields["credential_source"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("forget") or cleaned.get("credential_source") == CredentialSource.DOCKER:
            cleaned["username"], cleaned["password"] = "", ""
        elif cleaned.get("password") and not cleaned.get("username"):
            self.add_error("username", "There is a password, but no user name.")
        elif cleaned.get("username") and not cleaned.get("password") and not self._has_password:
            self.add_error("password", "There is a user name, but no password.")
        self._check(cleaned)
        return cleaned

    def _check(self, cleaned: dict[str, Any]) -> None:
        """Say all at once what is wrong; the services would say only the first."""
        checks: dict[str, Callable[[str], object]] = {
            "host": registry_options.registry_host,
            "ca": registry_options.certificates,
            "client_certificate": registry_options.certificates,
            "mirrors": lambda text: registry_options.mirrors(_lines(text), cleaned.get("host", "")),
        }
        if cleaned.get("client_key"):
            checks["client_key"] = registry_options.private_key
        if cleaned.get("proxy") == ProxyChoice.OWN:
            checks["proxy_url"] = registry_options.proxy_url
        for name, check in checks.items():
            if name in cleaned:
                try:
                    check(cleaned[name])
                except StrataError as error:
                    self.add_error(name, sentence(error))

    def refuse(self, error: StrataError) -> None:
        if error.field in self.fields:
            self.add_error(error.field, sentence(error))
        else:
            super().refuse(error)

    @property
    def groups(self) -> list[Group]:
        """The groups below the first fields, which are all that most registries need."""
        return [
            self._group("TLS", self._tls_says(), "ca", "client_certificate", "client_key"),
            self._group(
                "Proxy", self._proxy_says(), "proxy", "proxy_url", "proxy_username", "proxy_password"
            ),
            self._group("Mirrors", self._mirrors_say(), "mirrors", "mirrors_by_digest_only"),
            self._group("Limits", self._limits_say(), "max_downloads", "max_bandwidth"),
        ]

    def _group(self, title: str, says: str, *names: str) -> Group:
        wrong = self.is_bound and any(name in self.errors for name in names)
        fields = tuple(self[name] for name in names)
        return Group(title, says or _NOTHING[title], fields, bool(says) or wrong)

    def _value(self, name: str) -> Any:
        return self[name].value()

    def _tls_says(self) -> str:
        has = {"its own authority": "ca", "a client certificate": "client_certificate"}
        return " and ".join(words for words, name in has.items() if self._value(name))

    def _proxy_says(self) -> str:
        chosen = self._value("proxy")
        if chosen == ProxyChoice.OWN:
            return self._value("proxy_url") or "one of its own"
        return "no proxy" if chosen == ProxyChoice.NONE else ""

    def _mirrors_say(self) -> str:
        count = len(_lines(self._value("mirrors") or ""))
        return f"{count} {'mirror' if count == 1 else 'mirrors'}" if count else ""

    def _limits_say(self) -> str:
        downloads, bandwidth = self._value("max_downloads"), self._value("max_bandwidth")
        parts = [f"{downloads} at once"] if downloads else []
        return " and ".join([*parts, f"{bandwidth} MiB a second"] if bandwidth else parts)

    def arguments(self) -> dict[str, Any]:
        """Return what ``services.save_registry`` takes; no secret means: keep the stored one."""
        cleaned = self.cleaned_data
        return {
            "host": cleaned["host"],
            "insecure": cleaned["insecure"],
            "username": cleaned["username"],
            "password": cleaned["password"] or None,
            "given": RegistryOptions(
                credential_source=cleaned.get("credential_source") or None,
                ca=cleaned["ca"],
                client_certificate=cleaned["client_certificate"],
                client_key=cleaned["client_key"] or None,
                proxy=cleaned["proxy"] or None,
                proxy_url=cleaned["proxy_url"],
                proxy_username=cleaned["proxy_username"],
                proxy_password=cleaned["proxy_password"] or None,
                mirrors=_lines(cleaned["mirrors"]),
                mirror_tags=not cleaned["mirrors_by_digest_only"],
                max_downloads=cleaned["max_downloads"] or 0,
                max_bandwidth=round((cleaned["max_bandwidth"] or 0) * MIB),
            ),
        }


_STORED = "One is stored. Empty keeps it; it is never shown."
_TO_BE_STORED = "It is stored encrypted, and never shown again."
_SHOWN = (
    "host",
    "insecure",
    "credential_source",
    "username",
    "ca",
    "client_certificate",
    "proxy",
    "proxy_url",
    "proxy_username",
    "max_downloads",
)
_NOTHING = {
    "TLS": "the system's authorities, no client certificate",
    "Proxy": "as the worker's environment says",
    "Mirrors": "none",
    "Limits": "none",
}


def _initial(registry: Registry) -> dict[str, Any]:
    return {name: getattr(registry, name) for name in _SHOWN} | {
        "mirrors": "\n".join(registry.mirrors),
        "mirrors_by_digest_only": not registry.mirror_tags,
        "max_bandwidth": _mib(registry.max_bandwidth),
    }


def _mib(count: int | None) -> float | int | None:
    if count is None:
        return None
    value = round(count / MIB, 6)
    return int(value) if value == int(value) else value


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
