from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.engine.containers.layers import GROUP, PASSWD
from worker.engine.containers.rootfs import check_program, read_file
from worker.engine.containers.users import User, resolve_user
from worker.engine.errors import CommandNotFound, RuntimeFailure


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/passwd").write_text(
        PASSWD + "77:x:1001:1002::/home/n:\nbroken\nbad:x:minus:0:::\nno-home:x:9:9:::\n"
    )
    (tree / "etc/group").write_text(GROUP)
    (tmp_path / "secret").write_text("evil:x:0:0:evil:/root:/bin/sh\n")
    return tree


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(0, 0, "/root")),
        ("root", User(0, 0, "/root")),
        ("www", User(33, 34, "/var/www", (26,))),
        ("33", User(33, 34, "/var/www", (26,))),
        ("www:tape", User(33, 26, "/var/www")),
        ("www:0", User(33, 0, "/var/www")),
        ("www:", User(33, 34, "/var/www", (26,))),
        ("4000", User(4000, 0, "/")),
        ("4000:5000", User(4000, 5000, "/")),
        ("77", User(1001, 1002, "/home/n")),
        ("no-home", User(9, 9, "/")),
    ],
)
def test_users_are_read_as_docker_reads_them(root: Path, text: str, user: User) -> None:
    assert resolve_user(root, text) == user


@pytest.mark.parametrize(
    "text", ["nobody", "bad", "-1", "2147483648", "99999999999999", "0x0", "٣", "www:none"]
)
def test_an_unknown_user_or_group_is_named(root: Path, text: str) -> None:
    with pytest.raises(RuntimeFailure, match=text.partition(":")[2] or text):
        resolve_user(root, text)


def test_an_image_without_users_knows_root_and_numbers(tmp_path: Path) -> None:
    assert resolve_user(tmp_path, "") == User(0, 0, "/")
    assert resolve_user(tmp_path, "5:6") == User(5, 6, "/")


@pytest.mark.parametrize(
    "link", ["{outside}/secret", "../../secret", "../../../../../../../../{outside}/secret"]
)
def test_links_do_not_lead_out_of_the_image(root: Path, link: str) -> None:
    """/etc/passwd as a link to a file of the host is as if it did not exist."""
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to(link.format(outside=root.parent))
    with pytest.raises(RuntimeFailure, match="evil"):
        resolve_user(root, "evil")


def test_links_within_the_image_are_followed(root: Path) -> None:
    """An absolute link starts at the image's root, ``..`` stops there."""
    (root / "usr").mkdir()
    (root / "etc/passwd").rename(root / "usr/passwd")
    (root / "etc/passwd").symlink_to("/../../usr/passwd")
    assert resolve_user(root, "www").uid == 33


def test_what_is_no_regular_file_is_not_read(root: Path) -> None:
    """Neither a pipe (which would hold the reader forever) nor a directory, nor a loop of links."""
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to("loop")
    (root / "magic").symlink_to("/proc/self/root")
    for path in ("pipe", "etc", "loop", "magic", "missing", "etc/passwd/x"):
        assert read_file(root, path, 100) is None
    assert read_file(root, "etc/group", 4) == b"root"


@pytest.fixture
def programs(root: Path) -> Path:
    for name, mode in {"usr/bin/run": 0o755, "bin/plain": 0o644, "srv/app/go": 0o711}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.chmod(mode)
    (root / "bin/linked").symlink_to("/usr/bin/run")
    (root / "bin/outside").symlink_to("/bin/sh")
    return root


@pytest.mark.parametrize("name", ["run", "/usr/bin/run", "linked", "./go", "/srv/app/go", "../app/go"])
def test_programs_are_found_as_in_the_container(programs: Path, name: str) -> None:
    check_program(programs, name, "/bin:/usr/bin", "/srv/app")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("go", "no program “go” \\(searched /bin:/usr/bin\\)"),
        ("sh", "no program “sh”"),
        ("outside", "no program “outside”"),
        ("plain", "not executable"),
        ("/bin", "not a program"),
        ("", "empty"),
    ],
)
def test_what_is_no_program_is_named(programs: Path, name: str, problem: str) -> None:
    """A link to the host's own /bin/sh does not count either."""
    with pytest.raises(CommandNotFound, match=problem):
        check_program(programs, name, "/bin:/usr/bin", "/srv/app")
