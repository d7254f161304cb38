"""What a program may do that its caller may not: the attribute ``security.capability`` (capabilities(7))."""

from __future__ import annotations

ATTRIBUTE = b"security.capability"
_NAMES = (
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
)  # fmt: skip
_LENGTHS = {1: 12, 2: 20, 3: 24}  # bytes, by revision
_EFFECTIVE = 1


def capability_text(value: bytes) -> str | None:
    """Write a file's capabilities as getcap(8) does: ``cap_net_raw=ep``. None: they are none."""
    if len(value) < 4:
        return None
    numbers = [int.from_bytes(value[at : at + 4], "little") for at in range(0, len(value) - 3, 4)]
    revision = numbers[0] >> 24
    if _LENGTHS.get(revision) != len(value):
        return None
    high = revision > 1
    permitted = numbers[1] | (numbers[3] << 32 if high else 0)
    inheritable = numbers[2] | (numbers[4] << 32 if high else 0)
    effective = "e" if numbers[0] & _EFFECTIVE else ""
    parts = [
        f"{','.join(names)}={flags}"
        for flags, names in (
            (effective + "ip", _named(permitted & inheritable)),
            (effective + "p", _named(permitted & ~inheritable)),
            (effective + "i", _named(inheritable & ~permitted)),
        )
        if names
    ]
    text = " ".join(parts) or "none"
    owner = numbers[5] if revision == 3 else 0
    return f"{text} (in the user namespace of {owner})" if owner else text


def _named(bits: int) -> list[str]:
    return [
        f"cap_{_NAMES[bit]}" if bit < len(_NAMES) else f"{bit}"
        for bit in range(bits.bit_length())
        if bits >> bit & 1
    ]
