"""The sample registry's answers (OCI distribution spec, "Pull"), and its faults."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, urlsplit

from samples.answers import Answers
from samples.builders import Content
from samples.referrers import referrers_page
from samples.tags import tag_page
from worker.engine.errors import InvalidDigest
from worker.engine.oci import Digest

_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")
_BLOB = re.compile(r"/v2/(.+)/blobs/([^/]+)")
_TAGS = re.compile(r"/v2/(.+)/tags/list")
_REFERRERS = re.compile(r"/v2/(.+)/referrers/([^/]+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class Handler(Answers):
    """One connection."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._log()
        path = urlsplit(self.path).path
        faults = self.registry.faults
        if path == "/token" and "/token" not in faults.where:
            self._token()
        elif (failure := faults.take_failure(path)) is not None:
            status, headers, body = failure
            self.answer(status, body.encode(), headers)
        elif path == "/token":
            self._token()
        elif faults.page:
            self.answer(
                200, b"<html><title>Sign in</title></html>", {"Content-Type": "text/html; charset=utf-8"}
            )
        elif not self._allowed():
            self._challenge()
        elif self.command == "HEAD" and faults.no_head:
            self.answer_error(405, "UNSUPPORTED", "HEAD is not supported")
        elif faults.missing and faults.missing in path:
            self.answer_error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        else:
            self._route(path)

    def do_POST(self) -> None:
        self._log()
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        path = urlsplit(self.path).path
        failure = self.registry.faults.take_failure(path) if "/token" in self.registry.faults.where else None
        if failure is not None:
            status, headers, body = failure
            self.answer(status, body.encode(), headers)
        elif path == "/token":
            self._exchange({name: values[0] for name, values in form.items()})
        else:
            self.answer_error(405, "UNSUPPORTED", "only tokens are asked for by POST")

    def _log(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.registry.record(self.command, self.path, headers)

    def _route(self, path: str) -> None:
        if path in ("/v2/", "/v2"):
            self.answer_json(200, {})
        elif path == "/v2/_catalog":
            self.answer_json(200, {"repositories": sorted(self.registry.manifests)})
        elif match := _MANIFEST.fullmatch(path):
            self._manifest(*match.groups())
        elif match := _BLOB.fullmatch(path):
            self._blob(match[2])
        elif match := _TAGS.fullmatch(path):
            self._tags(match[1])
        elif self.registry.referrers.api and (match := _REFERRERS.fullmatch(path)):
            stored, query = self.registry.manifests.get(match[1], {}), urlsplit(self.path).query
            self.answer_json(200, *referrers_page(match[1], match[2], stored, query, self.registry.referrers))
        else:
            self.answer_error(404, "UNSUPPORTED", "no such address")

    def _tags(self, repository: str) -> None:
        stored = self.registry.manifests.get(repository)
        if stored is None:
            self.answer_error(404, "NAME_UNKNOWN", "repository name not known to registry")
        else:
            tags = (key for key in stored if ":" not in key)
            self.answer_json(200, *tag_page(repository, tags, urlsplit(self.path).query, self.registry.tags))

    def _manifest(self, repository: str, key: str) -> None:
        faults = self.registry.faults
        content: Content | None = self.registry.manifests.get(repository, {}).get(key)
        if content is None:
            # As the reference implementation does it: the same code for a missing repository.
            self.answer_error(404, "MANIFEST_UNKNOWN", "manifest unknown")
            return
        headers = {"Content-Type": faults.content_type or content.media_type}
        if (pulls := self.registry.pulls) is not None:
            granted = pulls.take(self.command)
            headers |= pulls.headers
            if not granted:
                self.answer_error(429, "TOOMANYREQUESTS", "pull rate limit reached", pulls.headers)
                return
        if not faults.no_digest:
            lie = faults.head_digest if self.command == "HEAD" else ""
            headers["Docker-Content-Digest"] = lie or faults.digest or str(content.digest)
        self.answer(200, self._spoiled(content.raw), headers)

    def _blob(self, digest: str) -> None:
        faults = self.registry.faults
        try:
            blob = self.registry.blobs.get(Digest.parse(digest))
        except InvalidDigest:
            blob = None
        if blob is None:
            self.answer_error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        elif (faults.redirect or faults.location) and faults.where in self.path:
            self.answer(307, b"", {"Location": faults.location or faults.redirect + self.path})
        else:
            self._serve(blob)

    def _serve(self, blob: bytes) -> None:
        """Serve a blob or, from HTTP's range header, its end."""
        faults = self.registry.faults
        touched = faults.where in self.path
        body = self._spoiled(blob)
        if touched:
            body = body[: len(body) - faults.truncate] + b"?" * faults.longer
        headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        headers |= faults.blob_headers
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        if wanted is None or faults.ignore_range:
            self.answer(200, body, headers, blob=True)
            return
        first, last = int(wanted[1]), int(wanted[2] or len(body) - 1)
        if first >= len(body):
            self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            return
        first = max(0, first + faults.shift_range)
        if faults.part_of_range:
            last = min(last, first + faults.part_of_range - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        self.answer(206, body[first : last + 1], headers, blob=True)

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
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            if scheme == "Bearer" and token not in self.registry.tokens:
                value += ',error="invalid_token"'
        if auth is not None and auth.challenge:
            value = auth.challenge.replace("REALM", realm)
        self.answer_error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": value})

    def _token(self) -> None:
        """Answer as the token specification says: a user name and a password in the header."""
        auth = self.registry.auth
        value = self.headers.get("Authorization", "").removeprefix("Basic ")
        if auth is not None and auth.username and _user(value) != f"{auth.username}:{auth.password}":
            self.answer_error(401, "UNAUTHORIZED", "incorrect username or password")
            return
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        self._hand_out({"token": self.registry.new_token(), "expires_in": 300, "scopes": scopes})

    def _exchange(self, form: dict[str, str]) -> None:
        """Answer as the OAuth2 specification says: an identity token in a form."""
        auth = self.registry.auth
        if auth is None or not auth.identity_token:
            self.answer_error(405, "UNSUPPORTED", "no identity tokens here")
        elif form.get("grant_type") != "refresh_token" or form.get("refresh_token") != auth.identity_token:
            self.answer_error(401, "UNAUTHORIZED", "invalid refresh token")
        else:
            token = self.registry.new_token()
            self._hand_out({"access_token": token, "expires_in": 300, "scope": form.get("scope", "")})

    def _hand_out(self, answer: dict[str, object]) -> None:
        auth = self.registry.auth
        changed = {**answer, **(auth.answer if auth is not None else {})}
        self.answer_json(200, {name: value for name, value in changed.items() if value is not None})


def _user(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError:
        return ""
