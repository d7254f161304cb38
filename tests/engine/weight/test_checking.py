"""Images held against rules: which rule fails, which layer is to blame, what is hidden."""

from __future__ import annotations

import json

from tests.engine.weight.layers import file, hardlink, image, layer, opaque
from tests.engine.weight.test_efficiency import DIVES_TEST_IMAGE
from worker.engine.weight import Report, Rule, Rules, check


def verdicts(report: Report) -> dict[str, bool]:
    return {str(verdict.rule): verdict.passed for verdict in report.verdicts}


def blamed(report: Report) -> list[tuple[bytes, int, int | None]]:
    return [(one.path, one.layer, one.hidden_by) for verdict in report.verdicts for one in verdict.findings]


def test_dives_rules_fail_and_pass_on_dives_image_as_dive_has_them() -> None:
    """As in cmd/dive/cli/internal/command/ci/evaluator_test.go."""
    files = image(*DIVES_TEST_IMAGE)

    def held(efficiency: str, wasted: str, percent: str) -> list[bool]:
        rules = Rules.parse(
            lowest_efficiency=efficiency, highest_wasted_bytes=wasted, highest_user_wasted_percent=percent
        )
        return list(verdicts(check(files, rules)).values())

    assert held("0.99", "1B", "0.01") == [False, False, False]
    assert held("0.9", "50kB", "0.5") == [True, True, True]
    assert held("0.9", "1B", "0.5") == [True, False, True]
    assert held("off", "off", "off") == []


def test_a_value_at_the_limit_passes() -> None:
    files = image(layer(("a", 5)), layer(("a", 5)))
    rules = Rules(lowest_efficiency=0.5, highest_wasted_bytes=10, highest_user_wasted_percent=1.0)

    report = check(files, rules)
    assert report.efficiency.user_wasted_percent == 2.0
    assert list(verdicts(report).values()) == [True, True, False]


def test_the_layer_that_added_a_setuid_file_is_told() -> None:
    files = image(
        layer(file("bin/su", mode=0o4755), file("bin/tool")),
        layer(file("bin/new", mode=0o4755)),
        layer(file("bin/tool", mode=0o4755)),
        layer(file("bin/tool", 9, mode=0o4711)),
    )

    report = check(files, Rules(forbid_setuid_added=True))
    assert not report.passed
    assert blamed(report) == [(b"bin/new", 1, None), (b"bin/tool", 2, None)]


def test_a_setuid_file_of_the_base_is_not_added_also_when_a_layer_renews_it() -> None:
    files = image(layer(file("bin/su", mode=0o4755)), layer(file("bin/su", 2, mode=0o4755)))

    assert check(files, Rules(forbid_setuid_added=True)).passed


def test_what_is_not_setuid_in_the_image_is_not_added() -> None:
    files = image(
        layer(file("x")),
        layer(file("a", mode=0o4755), file("b", mode=0o4755), file("c/d", mode=0o4755)),
        layer("-a", file("b", mode=0o755), "-c"),
    )

    assert check(files, Rules(forbid_setuid_added=True)).passed


def test_a_setuid_file_that_comes_back_is_added_by_the_layer_that_brought_it_back() -> None:
    files = image(layer(file("s", mode=0o4755)), layer("-s"), layer(file("s", mode=0o4755)))

    assert blamed(check(files, Rules(forbid_setuid_added=True))) == [(b"s", 2, None)]


def test_another_name_of_a_setuid_file_is_told_too() -> None:
    files = image(layer(), layer(file("a", mode=0o4755), hardlink("b", "a")))

    assert blamed(check(files, Rules(forbid_setuid_added=True))) == [(b"a", 1, None), (b"b", 1, None)]


def test_set_group_id_and_directories_are_not_meant() -> None:
    setgid = file("game", mode=0o2755)

    assert check(image(layer(), layer(setgid)), Rules(forbid_setuid_added=True)).passed


def test_forbidden_paths_are_found_with_the_first_layer_that_has_them() -> None:
    files = image(layer(file("etc/a.pem")), layer(file("etc/a.pem"), file("b.pem")))

    report = check(files, Rules.parse(forbid_path=["*.pem"]))
    assert blamed(report) == [(b"b.pem", 1, None), (b"etc/a.pem", 0, None)]


def test_a_deleted_secret_is_still_in_the_image_and_the_layer_that_hides_it_is_told() -> None:
    files = image(
        layer("k/", file("k/id")),
        layer("-k/id"),
        layer("o/", file("o/id")),
        layer("o/", opaque("o")),
    )

    report = check(files, Rules.parse(forbid_path=["id"]))
    assert not report.passed
    assert blamed(report) == [(b"k/id", 0, 1), (b"o/id", 2, 3)]


def test_deletion_marks_match_no_pattern() -> None:
    assert check(image(layer("d/"), layer("-d/id")), Rules.parse(forbid_path=["id"])).passed


def test_a_pattern_with_a_slash_at_its_end_is_about_directories() -> None:
    files = image(layer("a/cache/", file("b/cache")))

    assert blamed(check(files, Rules.parse(forbid_path=["cache/"]))) == [(b"a/cache", 0, None)]


def test_the_report_is_json_even_where_a_ratio_is_infinite() -> None:
    files = image(layer(file("a\nb", 7)), layer("-a\nb"))
    rules = Rules.parse(highest_user_wasted_percent="1", forbid_path=["a*"])

    known = json.loads(json.dumps(check(files, rules).to_json(), allow_nan=False))
    assert known["passed"] is False
    assert known["user_wasted_percent"] is None
    assert known["rules"][0]["value"] is None
    assert known["rules"][1]["findings"] == [
        {"path": "/a\\x0ab", "layer": 0, "mode": None, "hidden_by": 1, "pattern": "a*"}
    ]
    assert known["worst"][0]["path"] == "/a\\x0ab"


def test_each_rule_says_what_is_so_and_what_was_asked_for() -> None:
    report = check(image(*DIVES_TEST_IMAGE), Rules.parse(highest_wasted_bytes="20kB", forbid_path=["*.sh"]))

    said = {verdict.rule: verdict.sentence for verdict in report.verdicts}
    assert said[Rule.HIGHEST_WASTED_BYTES] == "32,025 bytes are wasted; at most 20,000 are allowed."
    assert said[Rule.FORBID_PATH] == "2 paths match *.sh; none may."
