"""Taking certain images out of the store: what only they need goes, and nothing else that may be garbage.

It is three steps: :func:`own_parts` tells what only they need; then they are taken off the lists, by whoever
keeps a catalog of them; :func:`clear` removes those parts, as far as nobody has begun to need them since.
Each may be repeated, and :func:`clear` goes on where a killed one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from worker.engine.cancel import CancelToken
from worker.engine.errors import ContentError, StoreDamaged
from worker.engine.events import Keeping, Listener, ignore
from worker.engine.housekeeping.collect import AT_ONCE, take_unneeded
from worker.engine.housekeeping.sizes import blob_bytes, layer_bytes
from worker.engine.housekeeping.suspects import Suspect
from worker.engine.housekeeping.values import Garbage, GarbageKind
from worker.engine.oci import Digest
from worker.engine.pipeline.needed import Marks, Needed, content_of
from worker.engine.store import Content, ImageList, Store, StoredImage, made_without

Lists = tuple[tuple[StoredImage, ...], ...]
"""All images of each list."""
Why = Literal["image", "work", "container"]
Sizes = Mapping[str, int]
"""Bytes on disk by ``blob sha256:...`` or ``layer sha256:...``."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A part that somebody has begun to need, after it was told that it would go.

    Attributes:
        garbage: What it would have been.
        why: Who needs it: an ``image``, a ``container``, or ``work``: a running pull or extraction.
    """

    garbage: Garbage
    why: Why


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of images' own parts.

    Attributes:
        gone: Those that are no longer here, sorted by kind and name.
        kept: Those that stay.
    """

    gone: tuple[Garbage, ...]
    kept: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        """On disk, of what is gone."""
        return sum(garbage.size for garbage in self.gone)


def lists_of(store: Store) -> Lists:
    """Read the store's lists; as long as they do not change, only once.

    Raises:
        StoreDamaged: one cannot be read.
        StoreError: the disk refuses.
    """
    return tuple(_read(store.root, name, part.stamp) for name, part in _lists(store))


def _lists(store: Store) -> tuple[tuple[str, ImageList], ...]:
    return tuple((part.name, part) for part in (store.images, store.shallow_images))


@lru_cache(maxsize=2)
def _read(root: Path, name: str, stamp: object) -> tuple[StoredImage, ...]:
    """A list of the store at ``root``, which ``stamp`` tells from what it was before."""
    return dict(_lists(Store(root)))[name].all()


def parts_of(store: Store, lists: Lists, digests: Collection[Digest]) -> Content:
    """What listed images are made of, as far as they can be read; and the indexes made for their names.

    Raises:
        StoreDamaged: a list says something impossible.
    """
    found = Content()
    for part in lists:
        found |= Content(blobs=made_without(part, digests)[0])
        for image in part:
            if image.is_one_of(digests):
                try:
                    found |= content_of(store, image)
                except (ContentError, StoreDamaged):
                    found |= Content(frozenset({image.descriptor.digest, image.digest}))
    return found


def made_anew(store: Store, lists: Lists, digests: Collection[Digest]) -> dict[Digest, int]:
    """The indexes that come when these leave the lists, of the platforms that a name still has, in bytes.

    Raises:
        StoreDamaged: a list says something impossible.
    """
    made: dict[Digest, int] = {}
    for part in lists:
        made |= made_without(part, digests)[1]
    return {digest: size for digest, size in made.items() if not store.blobs.has(digest)}


def own_parts(needed: Needed, parts: Content, without: Collection[Digest]) -> Content:
    """Which of ``parts`` no listed image needs but those ``without``. Running work does not count.

    Raises:
        StoreDamaged, StoreError, Cancelled: as :meth:`Needed.look`.
    """
    listed = needed.look(without).listed
    return Content(parts.blobs - listed.blobs, parts.layers - listed.layers)


def clear(
    store: Store,
    parts: Content,
    sizes: Sizes,
    *,
    measured: Callable[[Sizes], None],
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Cleared:
    """Remove those of ``parts`` that nothing needs; safe beside any number of running pulls.

    Args:
        sizes: What an earlier call, which was killed, told ``measured``: those of them that are gone count.
        measured: Is told all sizes before anything is removed.

    Raises:
        StoreDamaged: what listed images or containers need cannot be told; nothing is removed then.
        StoreError: the disk refuses.
        Cancelled: what is out of sight by then is deleted the next time.
    """
    needed = Needed(store, cancel)
    suspects = list(_suspects(store, parts, sizes, listener, cancel))
    known = {**sizes, **{_key(suspect.garbage): suspect.garbage.size for suspect in suspects}}
    measured(known)
    kept: list[Kept] = []
    rest, done, freed = suspects, 0, 0
    names = {suspect.path.name for suspect in suspects} | {key.rpartition(":")[2] for key in sizes}
    while rest:
        if cancel is not None:
            cancel.check()
        taken, marks, looked_at = take_unneeded(store, needed, rest[:AT_ONCE], cancel)
        mine = {id(suspect) for suspect in taken}
        kept += [
            Kept(one.garbage, _why(marks, one))
            for one in rest[:looked_at]
            if id(one) not in mine and one.path.exists()
        ]
        rest, done = rest[looked_at:], done + looked_at
        freed += sum(suspect.garbage.size for suspect in taken)
        store.trash.empty(cancel, of=names)
        listener(Keeping("clearing away", done, len(suspects), freed, ""))
    store.trash.empty(cancel, of=names)  # also what a killed one left there
    stays = {_key(one.garbage) for one in kept}
    gone = [_garbage(key, size) for key, size in sorted(known.items()) if key not in stays]
    return Cleared(tuple(gone), tuple(sorted(kept, key=lambda one: (one.garbage.kind, one.garbage.name))))


def _suspects(
    store: Store, parts: Content, sizes: Sizes, listener: Listener, cancel: CancelToken | None
) -> Iterator[Suspect]:
    wanted: list[tuple[GarbageKind, Digest]] = [("blob", digest) for digest in parts.blobs]
    wanted += [("layer", diff_id) for diff_id in parts.layers]
    size = 0
    for done, (kind, digest) in enumerate(sorted(wanted, key=str)):
        if cancel is not None:
            cancel.check()
        listener(Keeping("measuring", done, len(wanted), size, str(digest)))
        path = store.blobs.path(digest) if kind == "blob" else store.layers.home(digest)
        if not path.exists():
            continue
        known = sizes.get(f"{kind} {digest}")
        if known is None:
            known = blob_bytes(store, digest) if kind == "blob" else layer_bytes(store, digest)
        size += known or 0
        garbage = Garbage(kind, str(digest), known or 0)
        if kind == "blob":
            yield Suspect(garbage, path, blob=digest)
        else:
            yield Suspect(garbage, path, layer=digest)


def _why(marks: Marks, suspect: Suspect) -> Why:
    def among(content: Content) -> bool:
        return suspect.blob in content.blobs or suspect.layer in content.layers

    if among(marks.listed):
        return "image"
    return "work" if among(marks.pinned) else "container"


def _key(garbage: Garbage) -> str:
    return f"{garbage.kind} {garbage.name}"


def _garbage(key: str, size: int) -> Garbage:
    kind, _, name = key.partition(" ")
    return Garbage("layer" if kind == "layer" else "blob", name, size)
