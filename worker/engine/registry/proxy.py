"""Which HTTP proxy leads to a host, and how to be led through it."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import urllib.request
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from worker.engine.errors import ProxyFailed, ProxyRefused
from worker.engine.registry.endpoint import Credentials, Endpoint

_HEAD_MAX = 64 << 10  # bytes of a proxy's answer to CONNECT
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Way:
    """The way through a proxy.

    Attributes:
        scheme: How to talk to the proxy: ``http`` or ``https``.
        host: Of the proxy; a name, or an address without brackets.
        port: Of the proxy.
        authorization: For ``Proxy-Authorization``; empty if the proxy asks nobody. Never shown by ``repr``.
    """

    scheme: str
    host: str
    port: int
    authorization: str = field(repr=False, default="")

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """For the proxy alone."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def way_to(endpoint: Endpoint, scheme: str, host: str) -> Way | None:
    """Which proxy leads to a host on behalf of an endpoint; None if none does.

    An endpoint's own proxy is for all that it fetches, and ``NO_PROXY`` does not count then; else the
    environment decides (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``), save for this machine.

    Raises:
        ProxyFailed: the address of the proxy makes no sense.
    """
    if endpoint.proxy is None:
        url = proxy_for(scheme, host)
        return None if url is None else _read(url, None, endpoint.host)
    if not endpoint.proxy.url:
        return None
    return _read(endpoint.proxy.url, endpoint.proxy.credentials, endpoint.host)


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that the environment prescribes (``HTTPS_PROXY``, ``NO_PROXY``); never for this machine."""
    if _is_this_machine(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    # curl and others understand a bare host:port; so must this.
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy or None


def unusable_proxy(host: str, why: str) -> ProxyFailed:
    """Say that a proxy does not lead to a host."""
    return ProxyFailed(f"The HTTP proxy did not connect to {host}: {why}.")


def refusal(host: str, status: int) -> ProxyFailed:
    """Say what a proxy's own answer means that is no success."""
    if status == 407:
        wants = "it wants credentials, or others than it was sent"
        return ProxyRefused(f"The HTTP proxy did not connect to {host}: {wants} (status 407).")
    kind = ProxyRefused if 400 <= status < 500 else ProxyFailed
    return kind(f"The HTTP proxy did not connect to {host}: it answered with status {status}.")


def tunnel(sock: socket.socket, way: Way, target: str, tls: ssl.SSLContext) -> socket.socket:
    """Ask the proxy at the other end of ``sock`` for a connection to ``target`` (host:port).

    Args:
        tls: For a proxy that is itself reached over TLS.

    Raises:
        ProxyFailed: it refuses, or answers nonsense.
        OSError: as the socket fails.
    """
    stream = tls.wrap_socket(sock, server_hostname=way.host) if way.scheme == "https" else sock
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in way.headers.items()]
    stream.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX:
        # A byte at a time: what follows the head belongs to the other side of the tunnel.
        data = stream.recv(1)
        if not data:
            break
        head += data
    words = head.partition(b"\r\n")[0].decode("latin-1").split(None, 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not re.fullmatch("[1-5][0-9][0-9]", words[1]):
        raise unusable_proxy(target, f"{way.netloc} does not answer as a proxy")
    if words[1] != "200":
        raise refusal(target, int(words[1]))
    return stream


def _read(text: str, credentials: Credentials | None, host: str) -> Way:
    try:
        url = urlsplit(text)
        port = url.port or _DEFAULT_PORTS[url.scheme]
        name = url.hostname or ""
        name.encode("idna" if not name.isascii() else "ascii")
    except (ValueError, KeyError) as error:
        raise unusable_proxy(host, "its address makes no sense") from error
    if not name:
        raise unusable_proxy(host, "its address makes no sense")
    return Way(url.scheme, name, port, _authorization(url, credentials))


def _authorization(url: SplitResult, credentials: Credentials | None) -> str:
    if credentials is None and url.username is not None:
        credentials = Credentials(unquote(url.username), unquote(url.password or ""))
    if credentials is None:
        return ""
    pair = f"{credentials.username}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
