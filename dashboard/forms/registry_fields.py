"""The fields of a registry's form. Secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.forms.refusal import RefusableForm, code
from worker.models import CredentialSource, ProxyChoice
from worker.services import registry_options

MIB = 1 << 20


class SecretTextarea(forms.Textarea):
    """Takes a secret of several lines, and never shows one, not even the one that was refused."""

    def format_value(self, value: Any) -> None:
        return None


def _pem(rows: int, secret: bool = False, **attributes: str) -> forms.Textarea:
    attrs = code(rows=str(rows), **attributes)
    return SecretTextarea(attrs) if secret else forms.Textarea(attrs)


def _password() -> forms.PasswordInput:
    return forms.PasswordInput({"autocomplete": "new-password"})


class RegistryFields(RefusableForm):
    """What can be said about a registry."""

    host = forms.CharField(
        max_length=255,
        help_text="host or host:port, as in a reference. docker.io is Docker Hub.",
        widget=forms.TextInput(code(placeholder="registry.example.org:5000")),
        error_messages={"required": "Enter the registry's host."},
    )
    insecure = forms.BooleanField(
        required=False,
        label="Insecure: plain HTTP, or TLS whose certificate is not checked",
        help_text="Whoever is in between can read passwords and change images on their way; digests that you "
        "give are still verified.",
    )
    credential_source = forms.ChoiceField(
        label="Credentials",
        required=False,
        choices=CredentialSource.choices,
        help_text="Docker's config.json is the one that STRATA_DOCKER_CONFIG names; it may name credential "
        "helpers in turn.",
    )
    username = forms.CharField(
        label="User name",
        max_length=255,
        required=False,
        widget=forms.TextInput(code()),
    )
    password = forms.CharField(
        label="Password or token", max_length=4096, required=False, strip=False, widget=_password()
    )
    forget = forms.BooleanField(
        required=False, label="Remove the stored user name and password; pull as anybody"
    )
    ca = forms.CharField(
        label="Certificates to trust",
        max_length=registry_options.PEM_MAX,
        required=False,
        help_text="Of the registry's own authority, in PEM form; trusted besides the system's.",
        widget=_pem(4, placeholder="-----BEGIN CERTIFICATE-----"),
    )
    client_certificate = forms.CharField(
        max_length=registry_options.PEM_MAX,
        required=False,
        help_text="Shown to this registry if it asks, and to no other host. In PEM form; certificates of "
        "intermediate authorities follow it.",
        widget=_pem(4, placeholder="-----BEGIN CERTIFICATE-----"),
    )
    client_key = forms.CharField(
        label="Its private key",
        max_length=20_000,
        required=False,
        widget=_pem(3, secret=True, placeholder="-----BEGIN PRIVATE KEY-----"),
    )
    proxy = forms.ChoiceField(
        label="HTTP proxy",
        required=False,
        choices=ProxyChoice.choices,
        help_text="The environment says it by HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
    )
    proxy_url = forms.CharField(
        label="Address of the proxy",
        max_length=300,
        required=False,
        help_text="Everything of this registry goes through it, whatever NO_PROXY says.",
        widget=forms.TextInput(code(placeholder="http://proxy.example.org:3128")),
    )
    proxy_username = forms.CharField(
        label="User name at the proxy", max_length=255, required=False, widget=forms.TextInput(code())
    )
    proxy_password = forms.CharField(
        label="Password at the proxy", max_length=4096, required=False, strip=False, widget=_password()
    )
    mirrors = forms.CharField(
        max_length=4000,
        required=False,
        help_text="One a line: host, host:port or host/project. They are asked in this order, the registry "
        "last. A mirror that wants credentials or certificates gets an entry of its own as a registry.",
        widget=forms.Textarea(code(rows="3", placeholder="mirror.example.org\nharbor.example.org/hub")),
    )
    mirrors_by_digest_only = forms.BooleanField(
        required=False,
        label="Ask mirrors by digest alone",
        help_text="Then the registry itself says what a tag points to: never outdated, but asked each time.",
    )
    max_downloads = forms.IntegerField(
        label="Downloads at the same time",
        required=False,
        min_value=1,
        max_value=registry_options.DOWNLOADS_MAX,
        help_text="Of all workers of one machine together. Empty: no cap.",
        error_messages={
            "min_value": "This must be at least 1; empty means no cap.",
            "max_value": f"This must be at most {registry_options.DOWNLOADS_MAX}; empty means no cap.",
        },
    )
    max_bandwidth = forms.FloatField(
        label="Bandwidth in MiB a second",
        required=False,
        min_value=registry_options.BANDWIDTH_MIN / MIB,
        max_value=registry_options.BANDWIDTH_MAX / MIB,
        help_text="Of all workers of one machine together. Empty: no cap.",
        widget=forms.NumberInput({"step": "any"}),
        error_messages={
            "min_value": "This must be at least 0.001 MiB (1 KiB) a second.",
            "max_value": f"This must be at most {registry_options.BANDWIDTH_MAX // MIB:,} MiB a second; "
            "empty means no cap.",
        },
    )
