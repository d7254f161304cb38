"""What ``spawner`` and ``forkserver`` agree on; by itself, because neither has use for the other."""

from __future__ import annotations

import struct

REQUEST_MAX = 1 << 16  # bytes
STATUS = struct.Struct("i")
"""The form of an exit status; negative is the number of the signal that ended the child."""
