from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from worker.engine.containers import overlay as module
from worker.engine.containers.mounts import mounted_at, mounts_below, parse_mountinfo
from worker.engine.containers.overlay import MAX_LOWERS, Overlay, count_lowers, unmount
from worker.engine.errors import MountFailed


def overlay(root: Path, count: int) -> Overlay:
    """An overlay of ``count`` layers, layer n holding the files ``n`` and ``top`` (with n in it)."""
    lowers = []
    for number in range(count):
        lower = root / "a directory, with : and \\" / f"layer-{number}"
        lower.mkdir(parents=True)
        (lower / str(number)).touch()
        (lower / "top").write_text(str(number))
        lowers.append(lower)
    for name in ("upper", "work", "rootfs"):
        (root / name).mkdir()
    return Overlay(tuple(lowers), root / "upper", root / "work", root / "rootfs")


def value(count: int) -> Overlay:
    return Overlay(tuple(Path(f"/l/{n}") for n in range(count)), Path("/u"), Path("/w"), Path("/m"))


def test_the_kernel_is_told_the_topmost_layer_first() -> None:
    made = value(3)
    assert made.options().startswith("lowerdir=2:1:0,upperdir=u,workdir=w,")
    assert made.links()["0"] == Path("/l/0")
    assert made.links()["u"] == Path("/u")


def test_the_upper_stands_for_itself() -> None:
    """No redirects and no metadata-only copies: the upper alone tells what changed."""
    options = value(1).options().split(",")
    assert {"redirect_dir=nofollow", "metacopy=off"} <= set(options)


def test_options_of_the_most_layers_fit_in_a_page() -> None:
    assert len(value(MAX_LOWERS).options()) < 4096


@pytest.mark.parametrize("count", [0, MAX_LOWERS + 1])
def test_a_number_of_layers_that_the_kernel_refuses_is_refused_before(count: int) -> None:
    with pytest.raises(MountFailed, match=f"has {count}"):
        value(count).options()


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ("rw,lowerdir=2:1:0,upperdir=u,workdir=w", 3),
        ("rw,lowerdir=/a\\:b:/c,upperdir=u", 2),
        ("rw,lowerdir+=/a,lowerdir+=/b:c,upperdir=u", 2),
        ("rw,upperdir=u", 0),
    ],
)
def test_lowers_are_counted_in_what_the_kernel_shows(options: str, count: int) -> None:
    assert count_lowers(options) == count


def test_mountinfo_is_read_with_its_escapes_and_optional_fields() -> None:
    line = (
        b"36 35 98:0 /r /mnt/a\\040b\\134c rw,noatime shared:1 master:2 - overlay overlay rw,lowerdir=1:0\n"
    )
    (mount,) = parse_mountinfo(line)
    assert (mount.point, mount.fstype, mount.options) == (Path("/mnt/a b\\c"), "overlay", "rw,lowerdir=1:0")


@pytest.mark.root
@pytest.mark.parametrize("count", [1, 300, MAX_LOWERS])
def test_all_layers_are_mounted_base_first(tmp_path: Path, count: int) -> None:
    """Every layer's own file is there, and what all have is the topmost's; nothing is left of the links."""
    made = overlay(tmp_path, count)
    made.mount()
    try:
        assert {path.name for path in made.target.iterdir()} == {"top", *map(str, range(count))}
        assert (made.target / "top").read_text() == str(count - 1)
        (made.target / "new").write_text("x")
        assert [path.name for path in made.upper.iterdir()] == ["new"]
        assert list(tmp_path.glob(".links*")) == []
    finally:
        made.unmount()
    assert mounted_at(made.target) is None


@pytest.mark.root
def test_mounting_moves_no_other_thread(tmp_path: Path) -> None:
    """The process keeps its working directory while many threads mount at once."""
    here = Path.cwd()
    seen: set[Path] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.add(Path.cwd())

    watcher = threading.Thread(target=watch)
    watcher.start()
    overlays = []
    for number in range(8):
        (tmp_path / str(number)).mkdir()
        overlays.append(overlay(tmp_path / str(number), 20))
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Overlay.mount, overlays))
        assert all(len(list(made.target.iterdir())) == 21 for made in overlays)
    finally:
        ended.set()
        watcher.join()
        for made in overlays:
            made.unmount()
    assert seen == {here}


@pytest.mark.root
def test_a_mount_of_fewer_layers_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the kernel drops layers without an error, as it does with options that are too long, we notice."""
    made = overlay(tmp_path, 4)
    truly = module.kernel.mount

    def cut(source: str, target: Path, fstype: str, flags: int, options: str) -> None:
        truly(source, target, fstype, flags, options.replace("lowerdir=3:2:1:0", "lowerdir=3:2"))

    monkeypatch.setattr(module.kernel, "mount", cut)
    with pytest.raises(MountFailed, match="2 of 4 layers"):
        made.mount()
    assert mounts_below(tmp_path) == ()


@pytest.mark.root
def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    made = overlay(tmp_path, 3)
    for file in made.lowers[1].iterdir():
        file.unlink()
    made.lowers[1].rmdir()
    with pytest.raises(MountFailed, match="layer-1 is missing"):
        made.mount()
    assert list(tmp_path.glob(".links*")) == []


@pytest.mark.root
def test_a_file_system_that_cannot_be_an_upper_is_explained(tmp_path: Path) -> None:
    made = overlay(tmp_path, 1)
    inner = Overlay(made.lowers, made.target / "upper", made.target / "work", tmp_path / "inner")
    made.mount()
    try:
        for path in (inner.upper, inner.work, inner.target):
            path.mkdir()
        with pytest.raises(MountFailed, match="does not accept") as failure:
            inner.mount()
        assert "another overlay" in failure.value.hint
    finally:
        made.unmount()


@pytest.mark.root
def test_unmounting_succeeds_although_somebody_is_in_it_and_twice(tmp_path: Path) -> None:
    made = overlay(tmp_path, 1)
    made.mount()
    with (made.target / "top").open():
        unmount(made.target)
        assert mounted_at(made.target) is None
    unmount(made.target)
    unmount(tmp_path / "nothing")
