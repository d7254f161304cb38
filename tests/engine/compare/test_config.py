"""How two configs differ."""

from __future__ import annotations

import json
from typing import Any

from worker.engine.compare import ConfigComparison, Setting, compare_configs
from worker.engine.oci import ImageConfig


def config(run: dict[str, Any] | None = None, history: list[str] | None = None, **more: Any) -> ImageConfig:
    body = {
        "os": "linux",
        "architecture": "amd64",
        "config": run or {},
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [{"created_by": step, "empty_layer": True} for step in history or []],
    }
    return ImageConfig.parse(json.dumps(body | more).encode())


def settings(a: ImageConfig, b: ImageConfig) -> list[Setting]:
    return list(compare_configs(a, b).settings)


def test_variables_and_labels_are_compared_by_name() -> None:
    a = config({"Env": ["PATH=/bin", "GONE=1", "SAME=x=y"], "Labels": {"v": "1", "same": "s"}})
    b = config({"Env": ["SAME=x=y", "PATH=/usr/bin", "NEW="], "Labels": {"same": "s", "v": "2"}})
    assert settings(a, b) == [
        Setting("Environment", "PATH", "/bin", "/usr/bin"),
        Setting("Environment", "NEW", None, ""),
        Setting("Environment", "GONE", "1", None),
        Setting("Labels", "v", "1", "2"),
    ]
    assert [one.change for one in settings(a, b)] == ["changed", "added", "removed", "changed"]


def test_how_it_runs_is_compared_setting_by_setting() -> None:
    a = config({"Cmd": ["a", "b c"], "User": "root", "WorkingDir": "/", "StopSignal": "SIGTERM"})
    b = config(
        {"Entrypoint": ["/e"], "Cmd": ["a"], "User": "", "WorkingDir": "/", "Healthcheck": {"Test": ["NONE"]}}
    )
    assert settings(a, b) == [
        Setting("How it runs", "Entrypoint", None, '["/e"]'),
        Setting("How it runs", "Command", '["a", "b c"]', '["a"]'),
        Setting("How it runs", "User", "root", None),
        Setting("How it runs", "Stop signal", "SIGTERM", None),
        Setting("How it runs", "Healthcheck", None, '{"Test": ["NONE"]}'),
    ]


def test_ports_volumes_platform_and_what_the_specification_does_not_name() -> None:
    a = config({"ExposedPorts": {"80/tcp": {}}, "Volumes": {"/old": {}}}, author="me")
    b = config(
        {"ExposedPorts": {"443/tcp": {}}}, architecture="arm64", variant="v8", created="2026-01-01T00:00:00Z"
    )
    assert {(one.group, one.name, one.change) for one in settings(a, b)} == {
        ("Exposed ports", "443/tcp", "added"),
        ("Exposed ports", "80/tcp", "removed"),
        ("Volumes", "/old", "removed"),
        ("Platform", "architecture", "changed"),
        ("Platform", "variant", "added"),
        ("Build", "author", "removed"),
        ("Build", "created", "added"),
    }


def test_what_is_empty_says_the_same_as_what_is_not_there() -> None:
    assert not settings(config({"Cmd": [], "User": "", "Env": None, "Labels": {}}), config())


def test_steps_of_the_build_that_both_have_stand_once() -> None:
    found: ConfigComparison = compare_configs(
        config(history=["FROM", "RUN a", "CMD"]), config(history=["FROM", "RUN b", "RUN c", "CMD"])
    )
    assert [(step.command, step.change) for step in found.history] == [
        ("FROM", "same"),
        ("RUN a", "removed"),
        ("RUN b", "added"),
        ("RUN c", "added"),
        ("CMD", "same"),
    ]
    assert (found.steps_added, found.steps_removed) == (2, 1)
