"""A registry with one image whose single layer is made while it is sent: of any size, and held by nobody."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_PIECE = 1 << 20
_FILE = 64  # pieces
_END = bytes(1024)
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class GeneratedLayer:
    """Files of 64 MiB that do not compress, named ``file0``, ``file1``, ...

    Attributes:
        files: How many.
        size: Bytes of the compressed layer.
        digest, diff_id: Digests of the compressed and the uncompressed layer.
    """

    def __init__(self, size: int) -> None:
        """``size`` in bytes is rounded up to whole files."""
        self.files = -(-size // (_FILE * _PIECE))
        self._content = random.Random(size).randbytes(_PIECE)
        # Each piece is a gzip member of its own, as pigz and many builders write them.
        self._packed = gzip.compress(self._content, 1, mtime=0)
        compressed, tar = hashlib.sha256(), hashlib.sha256()
        self.size = 0
        for piece, packed in self._pieces():
            tar.update(piece)
            compressed.update(packed)
            self.size += len(packed)
        self.digest = f"sha256:{compressed.hexdigest()}"
        self.diff_id = f"sha256:{tar.hexdigest()}"

    def __iter__(self) -> Iterator[bytes]:
        """Yield the compressed layer in pieces."""
        for _, packed in self._pieces():
            yield packed

    def _pieces(self) -> Iterator[tuple[bytes, bytes]]:
        for number in range(self.files):
            entry = tarfile.TarInfo(f"file{number}")
            entry.size = _FILE * _PIECE
            header = entry.tobuf()
            yield header, gzip.compress(header, 1, mtime=0)
            for _ in range(_FILE):
                yield self._content, self._packed
        yield _END, gzip.compress(_END, 1, mtime=0)


class GeneratedRegistry:
    """Serves the layer as the image ``generated:1`` on 127.0.0.1, within a ``with`` block.

    Attributes:
        gate: While it is not set, a layer is sent only up to its half.
        waiting: Set when a layer waits for the gate.
    """

    def __init__(self, layer: GeneratedLayer) -> None:
        self.layer = layer
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        config = {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        }
        self._documents: dict[str, tuple[str, bytes]] = {}
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._keep(_CONFIG, config),
            "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size}],
        }
        self._documents["1"] = self._documents[self._keep(_MANIFEST, manifest)["digest"]]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.registry = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def reference(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}/generated:1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def document(self, key: str) -> tuple[str, bytes] | None:
        """A manifest or config by tag or digest, and its media type."""
        return self._documents.get(key)

    def _keep(self, media_type: str, value: Any) -> dict[str, Any]:
        content = json.dumps(value).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._documents[digest] = media_type, content
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        registry: GeneratedRegistry = self.server.registry  # type: ignore[attr-defined]
        key = self.path.rpartition("/")[2]
        if key == registry.layer.digest:
            self._head(200, "application/octet-stream", registry.layer.size)
            self._send(registry)
            return
        media_type, content = registry.document(key) or ("application/json", b"{}")
        self._head(200 if registry.document(key) or not key else 404, media_type, len(content))
        if self.command == "GET":
            self.wfile.write(content)

    def _head(self, status: int, media_type: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(self, registry: GeneratedRegistry) -> None:
        sent = 0
        try:
            for piece in registry.layer:
                if sent + len(piece) > registry.layer.size // 2 and not registry.gate.is_set():
                    registry.waiting.set()
                    registry.gate.wait()
                self.wfile.write(piece)
                sent += len(piece)
        except OSError:  # the client has gone
            self.close_connection = True
