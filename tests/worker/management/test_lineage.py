"""``manage.py lineage``: the tree of an image's family, for people and for programs."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from tests.dashboard.catalog import diff_id, family, make_image
from worker.models import Image, Project
from worker.models.kindred import family_of

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("lineage", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def php(project: Project) -> Image:
    images = family(project)
    # Two that have a layer in common on which no image ends.
    make_image(project, "left", "dul", tags=["1"])
    make_image(project, "right", "dur", tags=["1"])
    return images["php"]


def test_it_prints_the_line_from_the_base_and_what_stands_on_the_image(php: Image) -> None:
    lines = said("docker.io/library/apache:2.4").splitlines()
    assert lines[:3] == [
        "docker.io/library/debian:bookworm  1 layer, 163 MiB",
        "└─ docker.io/library/apache:2.4, docker.io/library/apache-zstd:2.4  +2 layers, 157 MiB  <-",
        "   └─ docker.io/library/php:8, docker.io/library/php:latest  +2 layers, 116 MiB",
    ]
    assert lines[4].startswith("Parent: library/debian@")


def test_it_says_when_several_may_be_the_parent(php: Image) -> None:
    last = said("php:8").splitlines()[-1]
    assert last == "It might be one of 1 more with the same layers; this is the likeliest."


def test_an_ancestor_that_no_image_ends_on_has_its_command(php: Image) -> None:
    assert "├─ (no image here) RUN make u && true  +1 layer, 10.0 MiB" in said("debian:bookworm")


def test_json_holds_the_whole_tree(php: Image) -> None:
    found = json.loads(said("php:8", "--json"))
    assert (found["digest"], found["ambiguous"], len(found["parents"])) == (php.digest, True, 2)
    (base,) = found["tree"]
    assert (base["kin"], base["layers"], base["chain_id"]) == ("ancestor", 1, diff_id("d"))
    (apache,) = base["children"]
    (itself,) = apache["children"]
    assert (itself["kin"], itself["digests"], itself["children"]) == ("self", [php.digest], [])
    assert itself["added_bytes"] == 116 * 2**20


def test_it_is_written_for_graphviz_and_mermaid(php: Image) -> None:
    assert said("php:8", "--dot").startswith("digraph lineage {")
    assert said("php:8", "--mermaid").startswith("flowchart LR")


def test_an_image_without_layers_is_related_to_nothing(project: Project) -> None:
    make_image(project, "scratch", "", tags=["1"])
    assert said("scratch:1").endswith("has no layers: it is related to no other image.\n")


def test_an_image_that_is_not_here_is_one_clear_line(php: Image, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        said("nowhere:1")
    assert exit.value.code == 1
    assert capsys.readouterr().err.startswith("error: There is no image docker.io/library/nowhere:1")


def test_a_whole_family_is_told_and_nothing_of_other_projects(php: Image) -> None:
    other = Project.objects.create(slug="other", name="Other")
    make_image(other, "secret", "dai", tags=["1"])
    whole = family_of(Image.objects.get(project=php.project, repository="library/debian"))
    assert len(whole.members) == 6  # debian, apache, php, the fork, left, right
    assert [base.names for base in whole.bases] == [("docker.io/library/debian:bookworm",)]
    assert [len(family_of(Image.objects.get(project=other)).members)] == [1]


def test_bytes_are_not_told_as_long_as_a_layer_was_never_extracted(project: Project) -> None:
    image = make_image(project, "fetched", "qw", tags=["1"], extracted=False)
    assert [member.added_bytes for member in family_of(image).members] == [None]


def test_the_rebuild_order_has_twins_in_one_step_and_says_what_comes_before(php: Image) -> None:
    lines = said("debian:bookworm", "--rebuild-order").splitlines()
    twins = "docker.io/library/apache:2.4, docker.io/library/apache-zstd:2.4"
    above = "docker.io/library/php:8, docker.io/library/php:latest"
    (step,) = [line.partition(". ")[0] for line in lines if line.endswith(twins)]
    assert lines[-1] == f"4. {above}  (after {step})"
    assert sorted(line[3:] for line in lines[:-1]) == sorted(
        [twins, "docker.io/library/left:1", "docker.io/library/right:1"]
    )


def test_nothing_to_rebuild_is_said(php: Image) -> None:
    assert "nothing to rebuild" in said("php:8", "--rebuild-order")
