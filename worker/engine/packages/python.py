"""Python distributions: METADATA of a .dist-info directory, PKG-INFO of an .egg-info (core metadata)."""

from __future__ import annotations

from email.parser import HeaderParser
from email.policy import compat32

from worker.engine.packages.values import Ecosystem, Package, Unreadable, first_of, is_name, short, text_of

HEAD_BYTES = 1 << 18
"""Of a record so much is read: what is looked for stands in front of the description."""

_UNKNOWN = frozenset({"UNKNOWN", "None", ""})
_LICENSES = "License :: "


def is_record(path: bytes) -> bool:
    """Whether a file at this path records a distribution, as importlib.metadata finds them."""
    directory, _, name = path.rpartition(b"/")
    home = directory.rpartition(b"/")[2]
    if name == b"METADATA":
        return home.endswith(b".dist-info") and not home.startswith(b"~")
    if name == b"PKG-INFO":
        # pip sets aside what it replaces under a name with a tilde.
        return (home.endswith(b".egg-info") and not home.startswith(b"~")) or home == b"EGG-INFO"
    return name.endswith(b".egg-info") and not name.startswith(b"~")


def read_record(head: bytes) -> Package:
    """Return the distribution that the beginning of a record describes.

    Raises:
        Unreadable: it has no name or no version.
    """
    # Only the headers: a description may be long, and looks like headers, too.
    headers = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n\n"
    message = HeaderParser(policy=compat32).parsestr(headers.decode("utf-8", "surrogateescape"))
    fields: dict[str, list[str]] = {}
    for key, value in message.raw_items():
        fields.setdefault(key.lower(), []).append(
            text_of(" ".join(str(value).split()).encode("utf-8", "surrogateescape"))
        )
    name, version = _one(fields, "name"), _one(fields, "version")
    if not is_name(name) or not is_name(version):
        raise Unreadable("has no name or no version")
    return Package(Ecosystem.PYPI, name, version, license=short(_license(fields)))


def _one(fields: dict[str, list[str]], key: str) -> str:
    return first_of(value for value in fields.get(key, []) if value not in _UNKNOWN)


def _license(fields: dict[str, list[str]]) -> str:
    if said := _one(fields, "license-expression"):
        return said
    said = _one(fields, "license")
    # Some put the whole text here.
    if said and len(said) <= 100:
        return said
    classified = [one for one in fields.get("classifier", []) if one.startswith(_LICENSES)]
    names = dict.fromkeys(one.rpartition(" :: ")[2] for one in classified)
    return ", ".join(names) or said[:100]
