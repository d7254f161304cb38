"""What a container sees, and where its writes go."""

from __future__ import annotations

import os

import pytest

from tests.engine.containers.conftest import Lab
from tests.engine.containers.layers import fingerprint

pytestmark = pytest.mark.root


def test_what_a_container_writes_is_in_its_upper_and_nowhere_else(lab: Lab) -> None:
    """The journey: it runs, its changes, output and exit code are known, and no layer changed."""
    before = fingerprint(lab.store.root / "layers")
    container_id, status = lab.sh("echo hi > /root/x; ls /var/www/html; echo bad >&2; exit 3")
    assert (status.state, status.exit_code, status.pid) == ("stopped", 3, None)
    assert status.started_at is not None
    assert status.finished_at is not None
    assert status.started_at < status.finished_at
    assert (lab.home(container_id) / "upper/root/x").read_text() == "hi\n"
    assert lab.output(container_id) == ["index.html"]
    assert lab.output(container_id, "stderr") == ["bad"]
    changes = lab.containers.changes(container_id)
    assert [(change.kind, change.path, change.size) for change in changes] == [("added", "/root/x", 3)]
    assert fingerprint(lab.store.root / "layers") == before


def test_a_command_that_changes_nothing_leaves_the_upper_empty(lab: Lab) -> None:
    """The runtime's own mount points (/proc, /etc/hosts, ...) are no change of the container's."""
    container_id, _ = lab.sh("true")
    assert list((lab.home(container_id) / "upper").iterdir()) == []


def test_layers_are_merged_with_their_deletions(lab: Lab) -> None:
    """A whiteout hides a file, an opaque directory everything below it."""
    container_id, _ = lab.sh("ls /data /replaced")
    assert lab.output(container_id) == ["/data:", "kept", "", "/replaced:", "new"]


def test_removing_and_replacing_show_as_changes(lab: Lab) -> None:
    container_id, status = lab.sh(
        "rm /data/kept; rm -r /replaced; mkdir /replaced; echo 1 > /replaced/own;"
        "echo 2 > /etc/group; mv /var /moved"
    )
    assert status.exit_code == 0
    found = [(change.kind, change.path) for change in lab.containers.changes(container_id)]
    assert ("removed", "/data/kept") in found
    assert ("removed", "/replaced/new") in found
    assert ("added", "/replaced/own") in found
    assert ("changed", "/etc/group") in found
    assert ("removed", "/var") in found
    assert ("added", "/moved/www/html/index.html") in found  # whole, not by reference


def test_the_environment_is_the_images_and_the_users(lab: Lab) -> None:
    container_id, _ = lab.run("/bin/env", env=("A=image", "B=image"), extra_env={"B": "user"}, hostname="box")
    assert set(lab.output(container_id)) == {
        "A=image",
        "B=user",
        "HOME=/root",
        "HOSTNAME=box",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }


def test_the_hostname_is_its_own_and_resolves(lab: Lab) -> None:
    container_id, _ = lab.sh("uname -n; cat /etc/hostname /etc/hosts /etc/resolv.conf", hostname="box")
    output = lab.output(container_id)
    assert output[:2] == ["box", "box"]
    assert "127.0.0.1\tbox" in output
    assert os.uname().nodename != "box"


def test_a_user_runs_with_his_ids_and_without_capabilities(lab: Lab) -> None:
    container_id, status = lab.sh(
        "id; while read -r line; do case $line in Cap*) echo $line;; esac; done < /proc/self/status;"
        "echo > /etc/x",
        user="www",
    )
    output = lab.output(container_id)
    assert output[0] == "uid=33(www) gid=34(www) groups=34(www),26(tape)"
    assert "CapEff: 0000000000000000" in output
    assert status.exit_code != 0  # /etc is root's
    assert list((lab.home(container_id) / "upper").iterdir()) == []


def test_a_missing_working_directory_is_made(lab: Lab) -> None:
    container_id, _ = lab.sh("pwd", working_dir="/srv/new/app")
    assert lab.output(container_id) == ["/srv/new/app"]
    assert (lab.home(container_id) / "upper/srv/new/app").is_dir()


def test_there_is_no_network_but_loopback(lab: Lab) -> None:
    container_id, _ = lab.sh("ls /sys/class/net")
    assert lab.output(container_id) == ["lo"]


def test_a_container_is_alone(lab: Lab) -> None:
    """It sees its own processes only, can not mount, can not write to the kernel, has few devices."""
    container_id, _ = lab.sh(
        "echo $$; ls /proc | { while read -r n; do case $n in [0-9]*) echo pid $n;; esac; done; };"
        "for f in /proc/sys/vm/drop_caches /sys/fs/cgroup/x; do echo 1 > $f || echo refused; done; ls /dev"
    )
    output = lab.output(container_id)
    assert output[0] == "1"
    assert len([line for line in output if line.startswith("pid ")]) <= 4
    assert output.count("refused") == 2
    assert {"null", "zero", "urandom"} < set(output)
    assert not {"mem", "kmsg", "vda", "sda"} & set(output)


def test_long_and_unfinished_lines_arrive_whole(lab: Lab) -> None:
    container_id, _ = lab.sh(
        "a=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10; do a=$a$a; done; echo $a; printf end"
    )
    first, last = lab.output(container_id)
    assert first == "0123456789abcdef" * 1024
    assert last == "end"
