"""Trees of boxes and graphs of images, random and made on purpose."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from worker.models.lineage import GraphNode, ProjectGraph


@dataclass(frozen=True)
class Tree:
    """Box 0 is the root; a box's parent has a lower number."""

    children: tuple[tuple[int, ...], ...]
    heights: tuple[float, ...]
    spans: tuple[int, ...]


@st.composite
def trees(draw: st.DrawFn, largest: int = 60) -> Tree:
    """Any shape from a chain to a star, boxes of any height, wide leaves."""
    count = draw(st.integers(1, largest))
    children: list[list[int]] = [[] for _ in range(count)]
    for box in range(1, count):
        # Looking back only a little makes chains, looking back far makes bushes.
        reach = draw(st.sampled_from([1, 3, count]))
        children[draw(st.integers(max(0, box - reach), box - 1))].append(box)
    heights = tuple(draw(st.sampled_from([10.0, 34.0, 68.0, 400.0])) for _ in range(count))
    spans = tuple(1 if kids else draw(st.sampled_from([1, 1, 1, 2, 5])) for kids in children)
    return Tree(tuple(map(tuple, children)), heights, spans)


def chain(count: int) -> Tree:
    return Tree(
        tuple((box + 1,) if box + 1 < count else () for box in range(count)), (50.0,) * count, (1,) * count
    )


def star(count: int) -> Tree:
    return Tree((tuple(range(1, count)), *((),) * (count - 1)), (50.0,) * count, (1,) * count)


def comb(count: int) -> Tree:
    """A chain in which each box also has a leaf: the shape on which a careless algorithm is quadratic."""
    kids: list[tuple[int, ...]] = []
    for box in range(count):
        if box % 2 == 0:
            kids.append(tuple(k for k in (box + 1, box + 2) if k < count))
        else:
            kids.append(())
    return Tree(tuple(kids), (50.0,) * count, (1,) * count)


def binary(count: int) -> Tree:
    return Tree(
        tuple(tuple(k for k in (2 * b + 1, 2 * b + 2) if k < count) for b in range(count)),
        (50.0,) * count,
        (1,) * count,
    )


def graph(
    parents: list[int | None], twins: dict[int, int] | None = None, name: str = "team/image{}:1"
) -> ProjectGraph:
    """Image ``i`` (counted from 1) stands on ``parents[i - 1]`` and is as deep as its line of parents."""
    depth: list[int] = []
    nodes = []
    for i, parent in enumerate(parents, start=1):
        depth.append(depth[parent - 1] + 1 if parent else 1)
        nodes.append(
            GraphNode(
                id=i,
                digest=f"sha256:{i:064x}",
                names=(f"registry.example.org:5000/{name.format(i)}",),
                platform="linux/amd64",
                layer_count=depth[-1],
                compressed_size=100 * depth[-1],
                own_size=100,
                unpacked_size=250 * depth[-1],
                parents=(parent,) if parent else (),
                twin_of=(twins or {}).get(i),
            )
        )
    return ProjectGraph(tuple(nodes))
