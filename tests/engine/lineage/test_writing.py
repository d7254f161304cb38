"""A family written as an outline, as DOT and as Mermaid."""

from __future__ import annotations

from worker.engine.lineage import Family, Kin, Member, dot, mermaid, outline


def member(chain: str, parent: str = "", *names: str, added: int | None = 10, kin: Kin = Kin.OTHER) -> Member:
    return Member(chain, parent, 3, 1, added, names, (), f"RUN make {chain}", kin)


FAMILY = Family(
    [
        member("base", "", "r/base:1"),
        member("fork", "base"),
        member("left", "fork", "r/left:1", kin=Kin.SELF),
        member("right", "fork", "r/right:1", "r/twin:1", added=None),
        member("up", "left", "r/up:1"),
        member("alone", "", "r/alone:1"),
    ]
)


def size(count: int) -> str:
    return f"{count} B"


def test_the_outline_is_indented_by_generation() -> None:
    assert list(outline(FAMILY, size)) == [
        "r/base:1  1 layer, 10 B",
        "└─ (no image here) RUN make fork  +1 layer, 10 B",
        "   ├─ r/left:1  +1 layer, 10 B  <-",
        "   │  └─ r/up:1  +1 layer, 10 B",
        "   └─ r/right:1, r/twin:1  +1 layer",
        "r/alone:1  1 layer, 10 B",
    ]


def test_a_chain_of_a_thousand_generations_is_written() -> None:
    chain = Family([member(str(n), str(n - 1) if n else "", f"r/i:{n}") for n in range(1000)])
    lines = list(outline(chain, size))
    assert lines[-1] == f"{'   ' * 998}└─ r/i:999  +1 layer, 10 B"
    assert len(dot(chain, size).splitlines()) == 3 + 1000 + 999 + 1


def test_dot_marks_the_image_itself_and_what_no_image_ends_on() -> None:
    lines = dot(FAMILY, size).splitlines()
    assert lines[0] == "digraph lineage {"
    assert '  n1 [label="RUN make fork\\n+10 B", style="dashed"];' in lines
    assert '  n2 [label="r/left:1\\n+10 B", penwidth="3"];' in lines
    assert '  n3 [label="r/right:1\\nr/twin:1"];' in lines
    assert '  n1 -> n2 [label="+1"];' in lines
    assert lines[-1] == "}"


def test_mermaid_marks_them_too() -> None:
    lines = mermaid(FAMILY, size).splitlines()
    assert lines[0] == "flowchart LR"
    assert '  n1["RUN make fork<br/>+10 B"]' in lines
    assert "  style n1 stroke-dasharray: 4" in lines
    assert "  style n2 stroke-width:3px" in lines
    assert "  n0 -->|+1| n1" in lines


def test_text_that_means_something_to_the_other_program_stays_text() -> None:
    odd = Family([Member("c", "", 1, 1, None, (), (), 'RUN "x" \\n; <b>&#1;]\nend', Kin.OTHER)])
    assert 'label="RUN \\"x\\" \\\\n; <b>&#1;] end"' in dot(odd, size)
    drawn = mermaid(odd, size).splitlines()
    assert len(drawn) == 3
    assert '  n0["RUN #34;x#34; #92;n#59; #60;b#62;#38;#35;1#59;#93; end"]' in drawn


def test_many_names_and_long_commands_are_cut() -> None:
    many = Family([member("c", "", *(f"r/i:{n}" for n in range(9)))])
    assert "r/i:5\\nand 3 more\\n" in dot(many, size)
    long = Family([Member("c", "", 1, 1, None, (), (), "x" * 500, Kin.OTHER)])
    assert f'"{"x" * 59}…"' in dot(long, size)


def test_a_family_of_nobody_is_written_too() -> None:
    nobody = Family([])
    assert list(outline(nobody, size)) == []
    assert dot(nobody, size).endswith("}\n")
    assert mermaid(nobody, size) == "flowchart LR\n"
