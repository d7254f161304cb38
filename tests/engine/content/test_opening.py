"""Opening one file of a layer: what is in the tree as the index says, and nothing else in the world."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker.engine.containers import kernel
from worker.engine.content import beneath, open_file, pieces, read_head
from worker.engine.errors import ContentUnreadable, InvalidInput, LayerMissing, StoreDamaged
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.store import LayerStore, Store

LAYER = Digest.parse("sha256:" + "5" * 64)
TEXT = b"root:x:0:0\n"


def make_layers(place: Path) -> LayerStore:
    store = Store(place / "store")
    store.prepare()
    store.layers.tree(LAYER).mkdir(parents=True)
    return store.layers


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """Be a user like any other, as an unprivileged web service is."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def layers(tmp_path: Path) -> LayerStore:
    return make_layers(tmp_path)


@pytest.fixture
def tree(layers: LayerStore) -> Path:
    return layers.tree(LAYER)


@pytest.fixture(params=["openat2", "step by step"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once with openat2(2), once as on a kernel that does not know it."""
    if request.param == "step by step":

        def unknown(*_: object) -> int:
            raise OSError(38, os.strerror(38))

        monkeypatch.setattr(beneath.kernel, "openat2", unknown)


def file(path: bytes, content: bytes = TEXT) -> FileEntry:
    return FileEntry(path, EntryType.FILE, size=len(content), sha256=hashlib.sha256(content).digest())


@pytest.mark.usefixtures("_either_way")
class TestEitherWay:
    def test_a_file_is_read(self, layers: LayerStore, tree: Path) -> None:
        (tree / "etc").mkdir()
        (tree / "etc/passwd").write_bytes(TEXT)
        with open_file(layers, file(b"etc/passwd"), LAYER) as content:
            assert content.read() == TEXT
        assert read_head(layers, file(b"etc/passwd"), LAYER, 4) == b"root"
        assert read_head(layers, file(b"etc/passwd"), LAYER, 1000) == TEXT

    def test_names_need_not_be_text(self, layers: LayerStore, tree: Path) -> None:
        name = b"caf\xe9\n\x1b[31m"
        Path(os.fsdecode(os.fsencode(tree) + b"/" + name)).write_bytes(TEXT)
        assert read_head(layers, file(name), LAYER, 1000) == TEXT

    @pytest.mark.parametrize(
        "path",
        [b"/etc/passwd", b"../outside", b"etc/../../outside", b"..", b".", b"", b"etc//passwd", b"a\0b"],
    )
    def test_what_is_no_path_of_a_tree_is_refused(self, layers: LayerStore, tree: Path, path: bytes) -> None:
        (tree.parent / "outside").write_bytes(TEXT)
        (tree / "etc").mkdir()
        with pytest.raises(StoreDamaged):
            open_file(layers, file(path), LAYER)

    def test_no_link_is_followed_at_the_end(self, layers: LayerStore, tree: Path, tmp_path: Path) -> None:
        secret = tmp_path / "shadow"
        secret.write_bytes(TEXT)
        (tree / "absolute").symlink_to(secret)
        (tree / "relative").symlink_to("../../../../../shadow")
        (tree / "inside").symlink_to("real")
        (tree / "real").write_bytes(TEXT)
        for name in (b"absolute", b"relative", b"inside"):
            with pytest.raises(StoreDamaged, match="is a symbolic link"):
                open_file(layers, file(name), LAYER)

    def test_no_link_is_followed_on_the_way(self, layers: LayerStore, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "host").mkdir()
        (tmp_path / "host/shadow").write_bytes(TEXT)
        (tree / "etc").symlink_to(tmp_path / "host")
        (tree / "here").symlink_to(".")
        (tree / "shadow").write_bytes(TEXT)
        (tree / "proc").symlink_to("/proc/self/root")
        for name in (b"etc/shadow", b"here/shadow", b"proc/etc/passwd"):
            with pytest.raises(StoreDamaged, match="is not in the layer's tree"):
                open_file(layers, file(name), LAYER)

    def test_a_tree_that_is_a_link_itself_is_none(
        self, layers: LayerStore, tree: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "host").mkdir()
        (tmp_path / "host/shadow").write_bytes(TEXT)
        tree.rmdir()
        tree.symlink_to(tmp_path / "host")
        with pytest.raises(StoreDamaged):
            open_file(layers, file(b"shadow"), LAYER)

    def test_fifos_and_sockets_are_never_waited_for(self, layers: LayerStore, tree: Path) -> None:
        os.mkfifo(tree / "fifo")
        with socket.socket(socket.AF_UNIX) as server:
            here = os.open(tree, os.O_RDONLY)
            server.bind(f"/proc/self/fd/{here}/socket")
            os.close(here)
        for name, what in ((b"fifo", "a FIFO"), (b"socket", "a socket")):
            with pytest.raises(StoreDamaged, match=what):
                open_file(layers, file(name, b""), LAYER)

    @pytest.mark.root
    def test_devices_are_never_opened(self, layers: LayerStore, tree: Path) -> None:
        """Not even for a moment: to open some devices is to do something."""
        os.mknod(tree / "zero", 0o666 | 0o020000, os.makedev(1, 5))
        os.mknod(tree / "tty", 0o666 | 0o020000, os.makedev(5, 0))
        os.mknod(tree / "disk", 0o666 | 0o060000, os.makedev(8, 0))
        for name in (b"zero", b"tty", b"disk"):
            with pytest.raises(StoreDamaged, match="a device"):
                open_file(layers, file(name, b""), LAYER)

    def test_paths_longer_than_one_call_takes(self, layers: LayerStore, tree: Path) -> None:
        name = b"d" * 250
        here = os.open(tree, os.O_RDONLY)
        for _ in range(20):
            os.mkdir(name, dir_fd=here)
            here, above = os.open(name, os.O_RDONLY, dir_fd=here), here
            os.close(above)
        with os.fdopen(os.open(b"file", os.O_CREAT | os.O_WRONLY, dir_fd=here), "wb") as deep:
            deep.write(TEXT)
        os.close(here)
        assert read_head(layers, file(b"/".join([name] * 20 + [b"file"])), LAYER, 1000) == TEXT

    @pytest.mark.root
    def test_what_is_mounted_in_a_tree_is_not_entered(self, layers: LayerStore, tree: Path) -> None:
        (tree / "mnt").mkdir()
        kernel.mount("tmpfs", tree / "mnt", "tmpfs", 0, "size=64k")
        try:
            (tree / "mnt/file").write_bytes(TEXT)
            with pytest.raises(StoreDamaged, match="is not in the layer's tree"):
                open_file(layers, file(b"mnt/file"), LAYER)
        finally:
            kernel.umount(tree / "mnt", 0)

    @pytest.mark.root
    def test_a_process_without_rights_is_told_so(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            Path(directory).chmod(0o755)
            layers = make_layers(Path(directory))
            tree = layers.tree(LAYER)
            (tree / "shadow").write_bytes(TEXT)
            (tree / "shadow").chmod(0o600)
            (tree / "closed").mkdir(mode=0o700)
            (tree / "closed/file").write_bytes(TEXT)
            (tree / "open").write_bytes(TEXT)
            with without_rights():
                assert read_head(layers, file(b"open"), LAYER, 100) == TEXT
                for name in (b"shadow", b"closed/file"):
                    with pytest.raises(ContentUnreadable, match="may not read"):
                        open_file(layers, file(name), LAYER)

    def test_what_is_gone_or_another_size_is_damage(self, layers: LayerStore, tree: Path) -> None:
        (tree / "grown").write_bytes(TEXT + b"more")
        with pytest.raises(StoreDamaged, match="15 bytes"):
            open_file(layers, file(b"grown"), LAYER)
        with pytest.raises(StoreDamaged, match="is not in the layer's tree"):
            open_file(layers, file(b"gone"), LAYER)


def test_a_layer_that_is_not_extracted_is_missing(layers: LayerStore) -> None:
    with pytest.raises(LayerMissing):
        open_file(layers, file(b"any"), Digest.parse("sha256:" + "6" * 64))


@pytest.mark.parametrize("kind", [kind for kind in EntryType if kind is not EntryType.FILE])
def test_only_files_have_content(layers: LayerStore, tree: Path, kind: EntryType) -> None:
    (tree / "it").write_bytes(b"")
    with pytest.raises(InvalidInput):
        open_file(layers, FileEntry(b"it", kind), LAYER)


def test_other_content_of_the_same_size_never_arrives_whole(layers: LayerStore, tree: Path) -> None:
    big = os.urandom(600_000)
    (tree / "big").write_bytes(big[:-1] + bytes([big[-1] ^ 1]))
    entry = file(b"big", big)
    with pytest.raises(StoreDamaged, match="other content"):
        read_head(layers, entry, LAYER, len(big))
    received: list[bytes] = []
    with open_file(layers, entry, LAYER) as content, pytest.raises(StoreDamaged):
        received.extend(pieces(content, entry, 0, entry.size))
    assert 0 < len(b"".join(received)) < len(big)


@pytest.mark.parametrize(("start", "length"), [(0, 10), (5, 3), (299_999, 300_001), (600_000, 0)])
def test_a_part_is_read_from_where_it_starts(layers: LayerStore, tree: Path, start: int, length: int) -> None:
    big = os.urandom(600_000)
    (tree / "big").write_bytes(big)
    entry = file(b"big", big)
    with open_file(layers, entry, LAYER) as content:
        assert b"".join(pieces(content, entry, start, length)) == big[start : start + length]


def test_a_file_that_shrinks_while_it_is_read_is_damage(layers: LayerStore, tree: Path) -> None:
    big = os.urandom(600_000)
    (tree / "big").write_bytes(big)
    entry = file(b"big", big)
    with open_file(layers, entry, LAYER) as content:
        os.truncate(tree / "big", 300_000)
        with pytest.raises(StoreDamaged, match="too early"):
            list(pieces(content, entry, 0, entry.size))


def test_no_descriptor_stays_open(layers: LayerStore, tree: Path) -> None:
    (tree / "file").write_bytes(TEXT)
    (tree / "link").symlink_to("file")
    tries: list[Callable[[], object]] = [
        lambda: read_head(layers, file(b"file"), LAYER, 4),
        lambda: read_head(layers, file(b"link"), LAYER, 4),
        lambda: read_head(layers, file(b"file", b"other size"), LAYER, 4),
        lambda: read_head(layers, file(b"no/such"), LAYER, 4),
    ]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for attempt in tries:
        with contextlib.suppress(StoreDamaged):
            attempt()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
