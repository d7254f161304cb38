"""One HTTP exchange: pools, proxies, TLS and time limits; and redirects, which never carry secrets away."""

from __future__ import annotations

import contextlib
import functools
import ssl
import threading
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryMisbehaved
from worker.engine.registry.addresses import NamedBy, literal
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.failures import translated
from worker.engine.registry.proxy import Way, refusal, way_to
from worker.engine.registry.response import Response
from worker.engine.registry.sockets import Dialler, PlainPool, TlsPool, led_inside
from worker.engine.registry.trust import tls_context

REDIRECTS_MAX = 5
# An endpoint is insecure because somebody decided so; a warning for each request tells nothing new.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

_REDIRECTS = {301, 302, 303, 307, 308}
_CONNECTIONS = 16  # kept open per host; more are made when needed
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NETLOC_MAX = 400  # characters: a name (253), a port, and a user nobody cares about
USER_AGENT = "strata"


class Transport:
    """Sends requests for one endpoint; may be used from several threads."""

    def __init__(self, endpoint: Endpoint, cancel: CancelToken) -> None:
        self.endpoint = endpoint
        self.cancel = cancel
        self.dialler = Dialler(cancel)
        self._lock = threading.Lock()
        self._managers: dict[tuple[str, NamedBy, Way | None], urllib3.PoolManager] = {}
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
        body: bytes | None = None,
        subject: str = "",
        named_by: NamedBy = NamedBy.REGISTRY,
    ) -> Response:
        """Send a request, and follow redirects unless it has a ``body``; any status is an answer.

        ``authorization`` goes to the host of ``url`` alone, and never from TLS to plain HTTP; nor is it sent
        again once a redirect led elsewhere, and another one back. ``named_by`` is who named other hosts than
        the registry's own: ``url``, and those that it redirects to.

        Raises:
            RegistryError: by the network, as ``failures.translate`` names it.
            RegistryMisbehaved: redirects without end, or to where they may not lead.
            Cancelled.
        """
        start = current = urlsplit(url)
        redirected = False
        for _ in range(REDIRECTS_MAX + 1):
            sent = dict(headers)
            redirected = redirected or _origin(current) != _origin(start)
            if authorization is not None and not redirected:
                sent["Authorization"] = authorization
            response = self._exchange(method, current, sent, body, subject, named_by, redirected=redirected)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location or body is not None:
                return response
            response.discard()
            current = self._redirect(current, location)
        raise RegistryMisbehaved(
            f"{_shown(start)} redirects in a circle, or more than {REDIRECTS_MAX} times."
        )

    def tls_context(self, host: str) -> ssl.SSLContext:
        """How to do TLS with a host: only an insecure endpoint's own goes unverified.

        Raises:
            CertificateRejected, ClientCertificateUnusable: what the endpoint prescribes cannot be used.
        """
        return self._tls_context(own_host=host == self._own_host)

    def way_to(self, url: SplitResult) -> Way | None:
        """The proxy that leads there, if any. Raises ProxyFailed: its address makes no sense."""
        return way_to(self.endpoint, url.scheme, url.hostname or "")

    def _exchange(
        self,
        method: str,
        url: SplitResult,
        headers: Mapping[str, str],
        body: bytes | None,
        subject: str,
        named_by: NamedBy,
        *,
        redirected: bool,
    ) -> Response:
        self.cancel.check()
        timeout = urllib3.Timeout(connect=self.endpoint.connect_timeout, read=self.endpoint.stall_timeout)
        way = self.way_to(url)
        with translated(_shown(url), subject, self.cancel):
            raw = self._manager(url, way, named_by).urlopen(
                method,
                url.geturl(),
                body=body,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers},
                redirect=False,
                retries=False,
                timeout=timeout,
                preload_content=False,
                decode_content=False,
            )
        if raw.status == 407 and way is not None:
            raw.close()
            raise refusal(_shown(url), raw.status)
        return Response(
            raw,
            host=_shown(url),
            subject=subject,
            redirected=redirected,
            cancel=self.cancel,
            deadlines=self.dialler.deadlines,
            stall_timeout=self.endpoint.stall_timeout,
        )

    def _redirect(self, source: SplitResult, location: str) -> SplitResult:
        target = web_address(location, source.geturl())
        if target is None:
            raise RegistryMisbehaved(f"{_shown(source)} redirects to what is not a web address.")
        if (source.scheme, target.scheme) == ("https", "http") and not self.endpoint.insecure:
            raise RegistryMisbehaved(f"{source.netloc} redirects from TLS to plain HTTP, at {target.netloc}.")
        return target._replace(fragment="")

    def _manager(self, url: SplitResult, way: Way | None, named_by: NamedBy) -> urllib3.PoolManager:
        if url.hostname == self._own_host:
            named_by = NamedBy.PERSON
        elif way is not None:
            self._check_literal(url, named_by)  # what a name means, the proxy decides
        key = (url.scheme, named_by, way)
        with self._lock:
            if key not in self._managers:
                self._managers[key] = self._make_manager(*key)
            return self._managers[key]

    def _check_literal(self, url: SplitResult, named_by: NamedBy) -> None:
        address = literal(url.hostname or "")
        if address is not None and not self.dialler.guard.allows(address, named_by):
            raise led_inside(_shown(url), named_by)

    def _make_manager(self, scheme: str, named_by: NamedBy, way: Way | None) -> urllib3.PoolManager:
        own_host = named_by is NamedBy.PERSON
        options: dict[str, Any] = {"num_pools": 16, "maxsize": _CONNECTIONS}
        if scheme == "https":  # only then: to read the system's authorities takes a while
            options["ssl_context"] = self._tls_context(own_host=own_host)
        manager: urllib3.PoolManager
        if way is None:
            manager = urllib3.PoolManager(**options)
        else:
            if way.scheme == "https":
                options["proxy_ssl_context"] = self._tls_context(own_host=False)
            manager = urllib3.ProxyManager(way.url, proxy_headers=way.headers, **options)
        # A proxy was named by a person, wherever it leads.
        dialled: dict[str, Any] = {
            "dialler": self.dialler,
            "named_by": named_by if way is None else NamedBy.PERSON,
            "home": own_host and way is None,
        }
        pools = {
            "http": functools.partial(PlainPool, **dialled),
            "https": functools.partial(TlsPool, **dialled),
        }
        # Typed as classes, used as factories.
        manager.pool_classes_by_scheme = cast("dict[str, type[Any]]", pools)
        return manager

    @property
    def _own_host(self) -> str | None:
        return urlsplit(f"//{self.endpoint.api_host}").hostname

    def _tls_context(self, *, own_host: bool) -> ssl.SSLContext:
        verify = not (self.endpoint.insecure and own_host)
        return tls_context(self.endpoint, verify=verify, own_host=own_host)


def web_address(text: str, base: str = "") -> SplitResult | None:
    """Read an address that a stranger wrote, perhaps relative to ``base``; None if HTTP cannot go there."""
    try:
        url = urlsplit(urljoin(base, text))
        usable = url.scheme in _DEFAULT_PORTS and url.hostname is not None and url.port != 0
        # It will stand in messages: longer than any name, or with what turns text around, it is none.
        usable = usable and len(url.netloc) <= _NETLOC_MAX and url.netloc.isprintable()
    except ValueError:
        return None
    return url if usable else None


def _shown(url: SplitResult) -> str:
    """Host and port for messages; a user name and password in a redirect's address are nobody's business."""
    return url.netloc.rpartition("@")[2]


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme)
