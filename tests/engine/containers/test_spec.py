from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.containers.layers import image_config
from worker.engine.containers import ContainerPlan
from worker.engine.containers.defaults import CAPABILITIES
from worker.engine.containers.seccomp import profile
from worker.engine.containers.spec import (
    HostFeatures,
    command_line,
    environment,
    generated_files,
    hostname_of,
    process_of,
    runtime_spec,
)
from worker.engine.containers.users import User
from worker.engine.errors import CommandNotFound, InvalidInput, RuntimeFailure

ROOT, ALL = User(), HostFeatures()
ID = "0b3f6a52-1111-2222-3333-444455556666"


def plan(
    command: tuple[str, ...] = (), extra_env: dict[str, str] | None = None, hostname: str = "", **config: Any
) -> ContainerPlan:
    return ContainerPlan(ID, image_config((), **config), (), command, extra_env or {}, hostname)


def spec(made: ContainerPlan, user: User = ROOT, features: HostFeatures = ALL) -> dict[str, Any]:
    return runtime_spec(
        made, process_of(made, user), rootfs=Path("/s/rootfs"), generated=Path("/s/files"), features=features
    )


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "command", "args"),
    [
        ((), ("a", "b"), (), ("a", "b")),
        ((), ("a", "b"), ("c",), ("c",)),
        (("e",), ("a", "b"), (), ("e", "a", "b")),
        (("e", "f"), ("a",), ("c",), ("e", "f", "c")),
        (("e",), (), (), ("e",)),
    ],
)
def test_a_command_replaces_cmd_and_the_entrypoint_stays(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...], command: tuple[str, ...], args: tuple[str, ...]
) -> None:
    assert command_line(image_config((), entrypoint=entrypoint, cmd=cmd), command) == args


def test_an_image_that_runs_nothing_asks_for_a_command() -> None:
    with pytest.raises(CommandNotFound) as failure:
        command_line(image_config((), cmd=()), ())
    assert failure.value.hint == "Give a command."


def test_variables_are_merged_the_later_ones_win() -> None:
    merged = environment(
        ["A=1", "B=2=3", "PATH=/x", "NOTHING", "=odd"], {"A": "9", "C": ""}, home="/h", hostname="box"
    )
    assert dict(item.split("=", 1) for item in merged) == {
        "PATH": "/x",
        "HOSTNAME": "box",
        "HOME": "/h",
        "A": "9",
        "B": "2=3",
        "C": "",
    }


def test_an_image_without_path_gets_the_usual_one() -> None:
    assert process_of(plan(), User()).search_path.startswith("/usr/local/sbin:")


@pytest.mark.parametrize(
    ("working_dir", "cwd"),
    [("", "/"), ("/app", "/app"), ("app/", "/app"), ("/a/../../../b", "/b"), ("//x", "/x")],
)
def test_the_working_directory_is_absolute_and_clean(working_dir: str, cwd: str) -> None:
    assert process_of(plan(working_dir=working_dir), User()).cwd == cwd


@pytest.mark.parametrize(
    "config",
    [
        {"cmd": ("a\0b",)},
        {"env": ("A=\0",)},
        {"working_dir": "/\0"},
        {"user": "\ud800"},
        {"entrypoint": ("\udcff",)},
    ],
)
def test_an_image_config_that_no_process_can_be_given_is_refused(config: dict[str, Any]) -> None:
    """NUL characters, and the halves of characters that JSON can hold."""
    with pytest.raises(RuntimeFailure, match="no program can be given"):
        plan(**config)


def test_root_gets_dockers_capabilities_and_others_none() -> None:
    """Nothing is inheritable for either, and a process that is not root starts without any."""
    root = spec(plan(), User(0, 0))["process"]["capabilities"]
    assert root == {name: list(CAPABILITIES) for name in ("bounding", "effective", "permitted")}
    other = spec(plan(), User(33, 33))["process"]["capabilities"]
    assert other == {"bounding": list(CAPABILITIES)}
    assert not {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_SYS_MODULE"} & set(CAPABILITIES)


def test_every_namespace_but_the_users_is_its_own() -> None:
    linux = spec(plan())["linux"]
    assert {namespace["type"] for namespace in linux["namespaces"]} == {
        "pid",
        "mount",
        "ipc",
        "uts",
        "network",
        "cgroup",
    }
    assert all("path" not in namespace for namespace in linux["namespaces"])


def test_what_the_host_lacks_is_left_out() -> None:
    linux = spec(plan(), features=HostFeatures(cgroup_namespace=False, seccomp=False, pids_limit=False))[
        "linux"
    ]
    assert "seccomp" not in linux
    assert "pids" not in linux["resources"]
    assert "cgroup" not in {namespace["type"] for namespace in linux["namespaces"]}


def test_the_host_is_closed() -> None:
    """sysfs and control groups are read-only, kernel memory is masked, no device is allowed by default."""
    made = spec(plan())
    mounts = {mount["destination"]: mount for mount in made["mounts"]}
    assert "ro" in mounts["/sys"]["options"]
    assert "ro" in mounts["/sys/fs/cgroup"]["options"]
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware"} <= set(made["linux"]["maskedPaths"])
    assert "/proc/sysrq-trigger" in made["linux"]["readonlyPaths"]
    assert made["linux"]["resources"]["devices"][0] == {"allow": False, "access": "rwm"}
    assert "rlimits" not in made["process"]


def test_only_generated_files_come_from_the_host() -> None:
    binds = [mount for mount in spec(plan())["mounts"] if mount["type"] == "bind"]
    assert {mount["source"] for mount in binds} == {
        "/s/files/etc/hosts",
        "/s/files/etc/hostname",
        "/s/files/etc/resolv.conf",
    }
    assert set(generated_files("box")) == {"etc/hosts", "etc/hostname", "etc/resolv.conf"}
    assert "127.0.0.1\tbox\n" in generated_files("box")["etc/hosts"]


def test_further_groups_and_the_hostname_reach_the_runtime() -> None:
    made = spec(plan(hostname="web-1"), User(33, 34, "/var/www", (26,)))
    assert made["process"]["user"] == {"uid": 33, "gid": 34, "additionalGids": [26]}
    assert made["hostname"] == "web-1"
    assert {"HOME=/var/www", "HOSTNAME=web-1"} <= set(made["process"]["env"])


def test_the_default_hostname_is_a_hostname() -> None:
    assert hostname_of(plan()) == "0b3f6a52-111"
    assert hostname_of(ContainerPlan("abcdefghijk-l", image_config(()), ())) == "abcdefghijk"


@pytest.mark.parametrize(
    "bad",
    [
        {"id": "../x"},
        {"id": ""},
        {"id": ".hidden"},
        {"id": "a/b"},
        {"id": "a" * 65},
        {"hostname": "-x"},
        {"hostname": "a b"},
        {"hostname": "x" * 64},
        {"hostname": "a\n"},
        {"env": {"": "x"}},
        {"env": {"A=B": "x"}},
        {"env": {"A": "\0"}},
        {"command": ("a\0",)},
        {"command": ("\ud800",)},
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ContainerPlan(**{"id": ID, "config": image_config(()), "diff_ids": (), **bad})


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_new_namespaces_are_denied_by_the_system_call_filter(machine: str) -> None:
    """One rule for each CLONE_NEW flag: rules with two conditions on one argument would be or-ed wrongly."""
    made = profile(machine)
    assert made is not None
    clone = [rule for rule in made["syscalls"] if rule["names"] == ["clone"]]
    assert {rule["args"][0]["value"] for rule in clone} == {
        0x00020000,
        0x02000000,
        0x04000000,
        0x08000000,
        0x10000000,
        0x20000000,
        0x40000000,
    }
    assert all(len(rule["args"]) == 1 for rule in clone)
    denied = {name for rule in made["syscalls"] for name in rule["names"]}
    assert {"unshare", "keyctl", "bpf", "mount", "clone3", "userfaultfd"} <= denied


def test_an_unknown_machine_has_no_filter() -> None:
    assert profile("pdp11") is None
