"""One HTTP exchange: pools, proxies, TLS and time limits; and redirects, which never carry secrets away."""

from __future__ import annotations

import contextlib
import functools
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from worker.engine.cancel import CancelToken
from worker.engine.errors import CertificateRejected, RegistryMisbehaved
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.failures import translated, unusable_proxy
from worker.engine.registry.response import Response
from worker.engine.registry.sockets import Dialler, PlainPool, TlsPool

REDIRECTS_MAX = 5
# An endpoint is insecure because somebody decided so; a warning for each request tells nothing new.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

_REDIRECTS = {301, 302, 303, 307, 308}
_CONNECTIONS = 16  # kept open per host; more are made when needed
_DEFAULT_PORTS = {"http": 80, "https": 443}
USER_AGENT = "strata"


class Transport:
    """Sends requests for one endpoint; may be used from several threads."""

    def __init__(self, endpoint: Endpoint, cancel: CancelToken) -> None:
        self.endpoint = endpoint
        self.cancel = cancel
        self.dialler = Dialler(cancel)
        self._lock = threading.Lock()
        self._managers: dict[tuple[bool, str | None], urllib3.PoolManager] = {}
        self._watch = contextlib.ExitStack()
        self._watch.enter_context(cancel.on_cancel(self.dialler.interrupt))

    def close(self) -> None:
        """Close every connection; safe to call twice."""
        self._watch.close()
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        authorization: str | None = None,
        subject: str = "",
    ) -> Response:
        """Send a GET or HEAD, and follow redirects; any status is an answer.

        ``authorization`` goes to the host of ``url`` alone, and never from TLS to plain HTTP.

        Raises:
            RegistryError: by the network, as ``failures.translate`` names it.
            RegistryMisbehaved: redirects without end, or to where they may not lead.
            Cancelled.
        """
        start = current = urlsplit(url)
        for _ in range(REDIRECTS_MAX + 1):
            sent = dict(headers)
            if authorization is not None and _origin(current) == _origin(start):
                sent["Authorization"] = authorization
            redirected = _origin(current) != _origin(start)
            response = self._exchange(method, current, sent, subject, redirected=redirected)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location:
                return response
            response.discard()
            current = self._redirect(current, location)
        raise RegistryMisbehaved(
            f"{_shown(start)} redirects in a circle, or more than {REDIRECTS_MAX} times."
        )

    def tls_context(self, host: str) -> ssl.SSLContext:
        """How to do TLS with a host: only an insecure endpoint's own goes unverified."""
        return _tls_context(self.endpoint.ca_file, self._verifies(host))

    def _exchange(
        self, method: str, url: SplitResult, headers: Mapping[str, str], subject: str, *, redirected: bool
    ) -> Response:
        self.cancel.check()
        timeout = urllib3.Timeout(connect=self.endpoint.connect_timeout, read=self.endpoint.stall_timeout)
        with translated(_shown(url), subject, self.cancel):
            raw = self._manager(url).urlopen(
                method,
                url.geturl(),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers},
                redirect=False,
                retries=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
            )
        return Response(raw, host=_shown(url), subject=subject, redirected=redirected, cancel=self.cancel)

    def _redirect(self, source: SplitResult, location: str) -> SplitResult:
        target = web_address(location, source.geturl())
        if target is None:
            raise RegistryMisbehaved(f"{_shown(source)} redirects to what is not a web address.")
        if (source.scheme, target.scheme) == ("https", "http") and not self.endpoint.insecure:
            raise RegistryMisbehaved(f"{source.netloc} redirects from TLS to plain HTTP, at {target.netloc}.")
        return target._replace(fragment="")

    def _manager(self, url: SplitResult) -> urllib3.PoolManager:
        host = url.hostname or ""
        key = (self._verifies(host), proxy_for(url.scheme, host))
        with self._lock:
            if key not in self._managers:
                self._managers[key] = self._make_manager(*key)
            return self._managers[key]

    def _make_manager(self, verify: bool, proxy: str | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "num_pools": 16,
            "maxsize": _CONNECTIONS,
            "ssl_context": _tls_context(self.endpoint.ca_file, verify),
        }
        manager: urllib3.PoolManager
        if proxy is None:
            manager = urllib3.PoolManager(**options)
        else:
            try:
                user = urllib3.util.parse_url(proxy).auth
                auth = urllib3.make_headers(proxy_basic_auth=user) if user else {}  # for the proxy alone
                manager = urllib3.ProxyManager(proxy, proxy_headers=auth, **options)
            except urllib3.exceptions.HTTPError as error:
                raise unusable_proxy(self.endpoint.host, "its address makes no sense") from error
        pools = {
            "http": functools.partial(PlainPool, dialler=self.dialler),
            "https": functools.partial(TlsPool, dialler=self.dialler),
        }
        # Typed as classes, used as factories.
        manager.pool_classes_by_scheme = cast("dict[str, type[Any]]", pools)
        return manager

    def _verifies(self, host: str) -> bool:
        own = urlsplit(f"//{self.endpoint.api_host}").hostname
        return not (self.endpoint.insecure and host == own)


def web_address(text: str, base: str = "") -> SplitResult | None:
    """Read an address that a stranger wrote, perhaps relative to ``base``; None if HTTP cannot go there."""
    try:
        url = urlsplit(urljoin(base, text))
        usable = url.scheme in _DEFAULT_PORTS and url.hostname is not None and url.port != 0
    except ValueError:
        return None
    return url if usable else None


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that the environment prescribes (``HTTPS_PROXY``, ``NO_PROXY``); never for this machine."""
    if _is_this_machine(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    # curl and others understand a bare host:port; so must this.
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy or None


def _shown(url: SplitResult) -> str:
    """Host and port for messages; a user name and password in a redirect's address are nobody's business."""
    return url.netloc.rpartition("@")[2]


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme)


def _tls_context(ca_file: Path | None, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one too
            raise CertificateRejected(
                f"The file of certificates {ca_file} cannot be used: {error.strerror or error}.",
                hint="Give a readable file of certificates in PEM form.",
            ) from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
