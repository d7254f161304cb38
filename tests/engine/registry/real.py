"""The reference implementation of a registry (Debian's ``docker-registry``), started for a test."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Self

import urllib3

from samples.images import Content
from worker.engine.oci import Digest

USER, PASSWORD = "reader", "secret"
_HTPASSWD = f"{USER}:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"  # bcrypt of PASSWORD


class RealRegistry:
    """Runs ``program`` on a free port, with its data in ``folder``; ``locked``: it wants a password."""

    def __init__(self, program: Path, folder: Path, *, locked: bool = False) -> None:
        with closing(socket.socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{sock.getsockname()[1]}"
        config: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": self.host},
        }
        self._headers = {}
        if locked:
            (folder / "htpasswd").write_text(_HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
            self._headers = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")
        path = folder / "config.yml"
        path.write_text(json.dumps(config))  # JSON is YAML too
        self._command = [str(program), "serve", str(path)]
        self._http = urllib3.PoolManager()

    def push(self, repository: str, tag: str, content: Content) -> str:
        """Push as any client does; return the reference under which to pull it."""
        for member in content.manifests:
            self.push(repository, str(member.digest), member)
        for blob in content.blobs:
            start = self._ask("POST", f"/v2/{repository}/blobs/uploads/", 202)
            where = start.headers["Location"]
            mark = "&" if "?" in where else "?"
            self._ask("PUT", f"{where}{mark}digest={Digest.of(blob)}", 201, blob, "application/octet-stream")
        self._ask("PUT", f"/v2/{repository}/manifests/{tag}", 201, content.raw, content.media_type)
        return f"{self.host}/{repository}:{tag}"

    def _ask(
        self, method: str, path: str, status: int, body: bytes = b"", content_type: str = ""
    ) -> urllib3.BaseHTTPResponse:
        url = path if path.startswith("http") else f"http://{self.host}{path}"
        headers = {**self._headers, **({"Content-Type": content_type} if content_type else {})}
        answer = self._http.request(method, url, body=body, headers=headers, retries=False)
        assert answer.status == status, answer.data
        return answer

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                self._http.request("GET", f"http://{self.host}/v2/", retries=False)
            except urllib3.exceptions.HTTPError:
                assert time.monotonic() < deadline
                assert self._process.poll() is None
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        self._http.clear()
        self._process.terminate()
        self._process.wait(10)
