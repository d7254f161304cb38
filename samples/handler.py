"""The sample registry's answers (OCI distribution spec, "Pull"), and its faults."""

from __future__ import annotations

import base64
import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from samples.builders import Content
from samples.tags import tag_page
from worker.engine.errors import InvalidDigest
from worker.engine.oci import Digest

if TYPE_CHECKING:
    from samples.registry import SampleRegistry

_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")
_BLOB = re.compile(r"/v2/(.+)/blobs/([^/]+)")
_TAGS = re.compile(r"/v2/(.+)/tags/list")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "StrataSample"

    @property
    def registry(self) -> SampleRegistry:
        return cast("SampleRegistry", cast("Any", self.server).registry)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._log()
        path = urlsplit(self.path).path
        faults = self.registry.faults
        if path == "/token":
            self._token()
        elif (failure := faults.take_failure(path)) is not None:
            status, headers, body = failure
            self._send(status, body.encode(), headers)
        elif faults.page:
            self._send(
                200, b"<html><title>Sign in</title></html>", {"Content-Type": "text/html; charset=utf-8"}
            )
        elif not self._allowed():
            self._challenge()
        elif self.command == "HEAD" and faults.no_head:
            self._error(405, "UNSUPPORTED", "HEAD is not supported")
        elif faults.missing and faults.missing in path:
            self._error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        else:
            self._route(path)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: the registry keeps its own log."""

    def _log(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.registry.record(self.command, self.path, headers)

    def _route(self, path: str) -> None:
        if path in ("/v2/", "/v2"):
            self._json(200, {})
        elif path == "/v2/_catalog":
            self._json(200, {"repositories": sorted(self.registry.manifests)})
        elif match := _MANIFEST.fullmatch(path):
            self._manifest(*match.groups())
        elif match := _BLOB.fullmatch(path):
            self._blob(match[2])
        elif match := _TAGS.fullmatch(path):
            self._tags(match[1])
        else:
            self._error(404, "UNSUPPORTED", "no such address")

    def _tags(self, repository: str) -> None:
        stored = self.registry.manifests.get(repository)
        if stored is None:
            self._error(404, "NAME_UNKNOWN", "repository name not known to registry")
        else:
            tags = (key for key in stored if ":" not in key)
            self._json(200, *tag_page(repository, tags, urlsplit(self.path).query, self.registry.tags))

    def _manifest(self, repository: str, key: str) -> None:
        faults = self.registry.faults
        content: Content | None = self.registry.manifests.get(repository, {}).get(key)
        if content is None:
            # As the reference implementation does it: the same code for a missing repository.
            self._error(404, "MANIFEST_UNKNOWN", "manifest unknown")
            return
        headers = {"Content-Type": faults.content_type or content.media_type}
        if not faults.no_digest:
            headers["Docker-Content-Digest"] = faults.digest or str(content.digest)
        self._send(200, self._spoiled(content.raw), headers)

    def _blob(self, digest: str) -> None:
        faults = self.registry.faults
        try:
            blob = self.registry.blobs.get(Digest.parse(digest))
        except InvalidDigest:
            blob = None
        if blob is None:
            self._error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        elif faults.redirect:
            self._send(307, b"", {"Location": faults.redirect + self.path})
        else:
            self._serve(blob)

    def _serve(self, blob: bytes) -> None:
        """Serve a blob or, from HTTP's range header, its end."""
        faults = self.registry.faults
        touched = faults.where in self.path
        body = self._spoiled(blob)
        if faults.truncate and touched:
            body = body[: -faults.truncate]
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if wanted is None or faults.ignore_range:
            self._send(200, body, headers, blob=True)
            return
        first, last = int(wanted[1]), int(wanted[2] or len(body) - 1)
        if first >= len(body):
            self._send(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            return
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        self._send(206, body[first : last + 1], headers, blob=True)

    def _spoiled(self, body: bytes) -> bytes:
        faults = self.registry.faults
        if not faults.corrupt or faults.where not in self.path or not body:
            return body
        middle = len(body) // 2
        return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]

    def _allowed(self) -> bool:
        auth = self.registry.auth
        if auth is None:
            return True
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if auth.kind == "basic":
            return scheme == "Basic" and _user(value) == f"{auth.username}:{auth.password}"
        return scheme == "Bearer" and self.registry.spend(value)

    def _challenge(self) -> None:
        auth = self.registry.auth
        realm = f"{self.registry.url}/token"
        value = 'Basic realm="sample"'
        if auth is not None and auth.kind == "bearer":
            value = f'Bearer realm="{auth.realm or realm}",service="sample"'
            if match := re.match(r"/v2/(.+)/(?:manifests|blobs|tags)/", self.path):
                value += f',scope="repository:{match[1]}:pull"'
        self._error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": value})

    def _token(self) -> None:
        auth = self.registry.auth
        value = self.headers.get("Authorization", "").removeprefix("Basic ")
        if auth is not None and auth.username and _user(value) != f"{auth.username}:{auth.password}":
            self._error(401, "UNAUTHORIZED", "incorrect username or password")
            return
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        self._json(200, {"token": self.registry.new_token(), "expires_in": 300, "scopes": scopes})

    def _json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self._send(status, body, {"Content-Type": "application/json", **(headers or {})})

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self._json(status, {"errors": [{"code": code, "message": message}]}, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, blob: bool = False) -> None:
        faults = self.registry.faults
        chunked = faults.no_length and faults.where in self.path and status < 300
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header(
            *(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body))))
        )
        self.end_headers()
        if self.command != "HEAD":
            self._body(body, chunked=chunked, blob=blob)

    def _body(self, body: bytes, *, chunked: bool, blob: bool) -> None:
        faults = self.registry.faults
        cut = faults.take_cut(self.path) if blob else None
        stall = faults.stall if blob and faults.where in self.path else None
        end = min(len(body), *(limit for limit in (cut, stall, len(body)) if limit is not None))
        start = 0
        while start < end:
            # Asked for each piece: who watches may change the rate under a body that flows.
            bandwidth = self.registry.bandwidth if blob else None
            part = body[start : min(start + (bandwidth.piece if bandwidth else _PIECE), end)]
            if bandwidth is not None:
                bandwidth.take(len(part))
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            start += len(part)
        if stall is not None and end < len(body):
            self.registry.stopping.wait()
        if end < len(body):
            self.close_connection = True
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")


def _user(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return ""
