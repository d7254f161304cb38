"""Names of users and groups, as an image's own ``/etc/passwd`` and ``/etc/group`` give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from dashboard.queries.file_trees import diff_id_of, store_layers
from worker.engine.content import read_head
from worker.engine.errors import StrataError
from worker.engine.files import Node, View, to_text
from worker.engine.oci import Digest
from worker.engine.store import LayerStore
from worker.models import ImageLayer

_READ = 256 * 1024
_LONGEST = 32  # what useradd allows


@dataclass(frozen=True, slots=True)
class Owners:
    """Names by number; what the image does not name is not in it."""

    users: Mapping[int, str] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)

    def of(self, node: Node) -> str:
        """Return ``root``, or ``root:shadow`` where the group has another name; empty if neither has one."""
        user, group = self.users.get(node.uid, ""), self.groups.get(node.gid, "")
        if not group or group == user:
            return user
        return f"{user or node.uid}:{group}"


def owners_of(view: View, stack: Sequence[ImageLayer]) -> Owners:
    """Return the names that hold in a merged tree; none if it has no such files, or they cannot be read.

    ``stack`` are the image's layers, the base first.
    """
    layers = store_layers()

    def names(path: bytes) -> Mapping[int, str]:
        try:
            node = view.resolve(path)
            if node is None or not node.is_file or node.sha256 is None:
                return {}
            return _names(_Content(node.sha256, layers, node, diff_id_of(stack, node)))
        except StrataError:
            # The list of files is worth showing without names.
            return {}

    return Owners(names(b"etc/passwd"), names(b"etc/group"))


@dataclass(frozen=True, slots=True)
class _Content:
    """A file to be read: equal to any other with the same content, so that each content is read once."""

    sha256: bytes
    layers: LayerStore = field(compare=False)
    node: Node = field(compare=False)
    diff_id: Digest = field(compare=False)


@lru_cache(maxsize=256)
def _names(content: _Content) -> Mapping[int, str]:
    names: dict[int, str] = {}
    for line in read_head(content.layers, content.node, content.diff_id, _READ).split(b"\n"):
        name, *rest = line.split(b":")
        if name and len(rest) >= 2 and rest[1].isdigit() and len(rest[1]) <= 10:
            names.setdefault(int(rest[1]), to_text(name[:_LONGEST]))
    return names
