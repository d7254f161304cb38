"""Versions are compared as each ecosystem does it; where its own program is here, exactly as that does."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.errors import InvalidInput
from worker.engine.packages import Ecosystem
from worker.engine.packages.versions import Constraint, Operator, compare, parse_constraints

#: Of each ecosystem versions in ascending order; those in one tuple are equal.
ORDERED: dict[Ecosystem, Sequence[str | tuple[str, ...]]] = {
    Ecosystem.DEB: [
        "1.0~~", "1.0~rc1-1", "1.0~rc1-2", ("1.0", "1.0-0", "0:1.0"), "1.0-1~deb12u1", "1.0-1", "1.0-1+b1",
        "1.0-1.1", "1.0a-1", "1.0+dfsg-1", "1.0.1-1", "1.2", "1.10", "1:0.1", "2:0.0.1",
    ],
    Ecosystem.RPM: [
        "1.0~rc1-1", "1.0-1.el8", "1.0-1.el9", "1.0-10.el9", "1.0^git1-1", "1.0.1-1", "1.2-1", "1.10-1",
        "1:0.1-1",
    ],
    Ecosystem.APK: [
        "0.9", "1.0_alpha", "1.0_alpha2", "1.0_beta", "1.0_pre3", "1.0_rc1", "1.0", "1.0-r1", "1.0-r10",
        "1.0_git20240101", "1.0_p1", "1.0_p2-r3", "1.0a", "1.0b", "1.0.1", "1.02", "1.1", "1.2", "1.10",
        "20240101",
    ],
    Ecosystem.PYPI: [
        "1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", ("1.0", "1.0.0", "v1.0", "1"), "1.0.post1", "1.0.1", "1.10",
        "1!0.1",
    ],
    Ecosystem.NPM: [
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        ("1.0.0", "1.0.0+build", "1.0", "1", "v1.0.0"), "1.0.1", "1.2.0", "1.10.0", "2.0.0-0", "2.0.0",
    ],
}  # fmt: skip


@pytest.mark.parametrize("ecosystem", list(Ecosystem))
def test_the_order_of_an_ecosystem(ecosystem: Ecosystem) -> None:
    ranked = [
        (rank, version)
        for rank, group in enumerate(ORDERED[ecosystem])
        for version in ((group,) if isinstance(group, str) else group)
    ]
    for (one, a), (other, b) in itertools.product(ranked, ranked):
        expected = (one > other) - (one < other)
        assert compare(ecosystem, a, b) == expected, (a, b)


@pytest.mark.parametrize(
    ("ecosystem", "version"),
    [
        (Ecosystem.DEB, "no version"),
        (Ecosystem.DEB, ""),
        (Ecosystem.DEB, "x:1"),
        (Ecosystem.RPM, "a:1-1"),
        (Ecosystem.APK, "1.0_what"),
        (Ecosystem.APK, "edge"),
        (Ecosystem.PYPI, "2004d-custom+x+y"),
        (Ecosystem.NPM, "latest"),
        (Ecosystem.NPM, "01.2.3"),
    ],
)
def test_what_is_no_version_is_not_compared(ecosystem: Ecosystem, version: str) -> None:
    assert compare(ecosystem, version, "1") is None
    assert compare(ecosystem, "1", version) is None
    assert Constraint(Operator.BELOW, "1").holds(ecosystem, version) is None


@given(st.sampled_from(list(Ecosystem)), st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_compared_or_not(ecosystem: Ecosystem, a: str, b: str) -> None:
    order = compare(ecosystem, a, b)
    assert order is None or order == -(compare(ecosystem, b, a) or 0)


def test_a_bound_for_rpm_without_a_release_means_any() -> None:
    assert compare(Ecosystem.RPM, "3.0.7-27.el9", "3.0.7") == 0
    assert compare(Ecosystem.RPM, "3.0.7-27.el9", "3.0.8") == -1


def test_a_local_version_of_python_counts_as_what_it_was_built_from() -> None:
    assert compare(Ecosystem.PYPI, "2.1.0+cpu", "2.1.0") == 0
    assert compare(Ecosystem.PYPI, "2.1.0+cpu", "2.1.0+cu121") == -1


_DEBIAN = st.builds(
    lambda epoch, upstream, revision: epoch + upstream + revision,
    st.sampled_from(["", "0:", "1:"]),
    st.from_regex(r"[0-9][0-9ab.+~]{0,5}", fullmatch=True),
    st.sampled_from(["", "-0", "-1", "-1~b", "-1.1", "-a"]),
)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="needs dpkg")
def test_it_agrees_with_dpkg() -> None:
    @given(_DEBIAN, _DEBIAN)
    def agrees(a: str, b: str) -> None:
        order = compare(Ecosystem.DEB, a, b)
        relation = {-1: "lt", 0: "eq", 1: "gt"}[order if order is not None else 9]
        subprocess.run(["dpkg", "--compare-versions", a, relation, b], check=True)

    agrees()


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("< 3.0.11", ["< 3.0.11"]),
        ("<3.0.11", ["< 3.0.11"]),
        (">= 3.0, < 3.0.11", [">= 3.0", "< 3.0.11"]),
        (">=3.0 <3.0.11", [">= 3.0", "< 3.0.11"]),
        ("==1.0", ["= 1.0"]),
        ("= 1:2.0-3~x", ["= 1:2.0-3~x"]),
        ("<< 2", ["< 2"]),
        ("!= 1", ["!= 1"]),
        ("  ", []),
    ],
)
def test_bounds(text: str, bounds: list[str]) -> None:
    assert [str(one) for one in parse_constraints(text)] == bounds


@pytest.mark.parametrize("text", ["3.0", "<", "< a b", "~ 1", "< 1,, > 2", "< " + "1" * 300, "<1," * 9])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="bound"):
        parse_constraints(text)


@pytest.mark.parametrize(
    ("operator", "orders"),
    [("<", "-1"), ("<=", "-1 0"), ("=", "0"), ("!=", "-1 1"), (">=", "0 1"), (">", "1")],
)
def test_operators(operator: str, orders: str) -> None:
    assert [order for order in (-1, 0, 1) if Operator(operator).holds(order)] == [
        int(one) for one in orders.split()
    ]
