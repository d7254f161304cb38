"""Who a container runs as: the image's ``User``, looked up in the image's own /etc/passwd and /etc/group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from worker.engine.containers.rootfs import read_file
from worker.engine.errors import RuntimeFailure

_LIMIT = 4 << 20
_MAX_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class User:
    """Numeric IDs, as the kernel wants them.

    Attributes:
        home: From /etc/passwd; ``/`` for those who are not in it.
        groups: Further groups, sorted.
    """

    uid: int = 0
    gid: int = 0
    home: str = "/"
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    gid: int
    members: tuple[str, ...]


def resolve_user(root: Path, text: str) -> User:
    """Resolve ``name``, ``uid``, ``name:group`` or ``uid:gid``; empty means root.

    A number need not be known to the image. Whoever is in /etc/passwd also gets the groups that list him
    there, unless a group is given: Docker's rules.

    Raises:
        RuntimeFailure: a name that the image does not know, or a number out of range.
    """
    who, colon, group_text = text.partition(":")
    account = _account(root, who or "0")
    groups = _groups(root)
    if colon and group_text:
        return User(account.uid, _gid(groups, group_text), account.home)
    further = sorted({group.gid for group in groups if account.name and account.name in group.members})
    return User(account.uid, account.gid, account.home, tuple(gid for gid in further if gid != account.gid))


def _account(root: Path, who: str) -> _Account:
    accounts = _accounts(root)
    # As in Docker, a name of digits that exists as a name wins over the number.
    named = next((account for account in accounts if account.name == who), None)
    if named is not None:
        return named
    uid = _number(who)
    if uid is None:
        raise RuntimeFailure(
            f"The image runs as “{who}”, but its /etc/passwd has no such user.",
            hint="Build the image again, with that user or with a numeric one.",
        )
    known = next((account for account in accounts if account.uid == uid), None)
    return known if known is not None else _Account("", uid, 0, "/")


def _gid(groups: list[_Group], text: str) -> int:
    named = next((group.gid for group in groups if group.name == text), None)
    gid = named if named is not None else _number(text)
    if gid is None:
        raise RuntimeFailure(
            f"The image runs with group “{text}”, but its /etc/group has no such group.",
            hint="Build the image again, with that group or with a numeric one.",
        )
    return gid


def _accounts(root: Path) -> list[_Account]:
    accounts = []
    for fields in _records(root, "/etc/passwd", 7):
        uid, gid = _number(fields[2]), _number(fields[3])
        if fields[0] and uid is not None and gid is not None:
            accounts.append(_Account(fields[0], uid, gid, fields[5] or "/"))
    return accounts


def _groups(root: Path) -> list[_Group]:
    groups = []
    for fields in _records(root, "/etc/group", 4):
        gid = _number(fields[2])
        if fields[0] and gid is not None:
            groups.append(_Group(fields[0], gid, tuple(fields[3].split(","))))
    return groups


def _records(root: Path, path: str, width: int) -> list[list[str]]:
    content = read_file(root, path, _LIMIT) or b""
    lines = content.decode("utf-8", "replace").split("\n")
    return [fields for fields in (line.split(":") for line in lines) if len(fields) >= width]


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        return None
    number = int(text)
    return number if number <= _MAX_ID else None
