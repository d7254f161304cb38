"""An image of this machine's own files: with modes, owners, times and links as Debian packages have them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from samples.images import SampleImage, SampleLayer, from_tar, image

# Few megabytes, and of everything something: configuration, set-user-ID programs, time zones' many links.
_FILES = (
    "etc",
    "usr/share/zoneinfo/Europe",
    "usr/share/zoneinfo/Etc",
    "usr/share/perl/5.36.0/unicore",
    "usr/bin/su",
    "usr/bin/passwd",
    "usr/bin/mount",
    "usr/bin/perl",
    "usr/bin/ls",
    "usr/bin/awk",
    "usr/lib/os-release",
    "bin",
    "lib64",
    "var/mail",
    "var/lock",
)
_CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep
_ACCESS_LIST = bytes.fromhex(  # u::rw- u:1000:r-- g::r-- m::rw- o::r--
    "0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff"
)


def machine_image(scratch: Path) -> SampleImage:
    """Three layers: files of this machine; changes and deletions; a directory that comes back."""
    present = [name for name in _FILES if Path("/", name).exists() or Path("/", name).is_symlink()]
    parents = sorted({str(parent) for name in present for parent in Path(name).parents})
    base = _tar(Path("/"), ["--no-recursion", *parents, "tmp", "--recursion", *present])
    return image([base, _changes(scratch / "changes"), _return(scratch / "return")])


def _changes(root: Path) -> SampleLayer:
    etc = root / "etc"
    etc.mkdir(parents=True)
    (etc / ".wh.passwd").touch()
    (etc / ".wh.alternatives").touch()
    (etc / "hosts").write_text("replaced\n")
    (etc / "os-release").write_text("a file where a link was\n")
    (etc / "skel").write_text("a file where a directory was\n")
    (etc / "init.d").mkdir()
    (etc / "init.d" / ".wh..wh..opq").touch()
    (etc / "init.d" / "only").write_text("this\n")
    os.link(etc / "init.d" / "only", etc / "second name")
    (etc / "motd link").symlink_to("../nowhere/at all")
    usr = root / "usr" / "bin"
    usr.mkdir(parents=True)
    shutil.copy("/bin/true", usr / "ping")
    os.setxattr(usr / "ping", "security.capability", _CAPABILITY)
    (usr / "locked").write_bytes(b"\0" * 100_000)
    os.chown(usr / "locked", 1234, 70_000)
    (usr / "locked").chmod(0o6711)
    os.setxattr(usr / "locked", "system.posix_acl_access", _ACCESS_LIST)
    os.setxattr(etc / "init.d", "system.posix_acl_default", _ACCESS_LIST)
    with (usr / "sparse").open("wb") as sparse:
        for megabyte in (1, 3, 4):
            sparse.seek(megabyte << 20)
            sparse.write(b"data" * 2000)
        sparse.truncate(10 << 20)
    os.mkfifo(root / "fifo", 0o640)
    os.mknod(root / "null", 0o20666, os.makedev(1, 3))
    os.utime(etc / "hosts", ns=(1_500_000_000_123_456_789, 1_500_000_000_123_456_789))
    os.utime(etc, ns=(1_400_000_000_000_000_001, 1_400_000_000_000_000_001))
    os.utime(root / "fifo", ns=(-1_000_000_000, -1_000_000_000))
    return _tar(root, ["."])


def _return(root: Path) -> SampleLayer:
    alternatives = root / "etc" / "alternatives"
    alternatives.mkdir(parents=True)
    alternatives.chmod(0o2775)
    (alternatives / "awk").symlink_to("/usr/bin/mawk")
    (root / ".wh.fifo").touch()
    long_name = alternatives / ("long" * 60)
    long_name.write_text("a name that no ustar header holds\n")
    return _tar(root, ["."])


def _tar(root: Path, names: list[str]) -> SampleLayer:
    kept = ["--xattrs", "--xattrs-include=security.capability", "--xattrs-include=system.posix_acl_*"]
    command = ["tar", "--create", "--format=pax", "--sparse", *kept]
    # 1: a file changed while it was read; it is the archive that counts.
    done = subprocess.run([*command, "-C", root, *names], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert done.returncode in (0, 1)
    return from_tar(done.stdout)
