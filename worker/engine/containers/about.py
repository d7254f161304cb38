"""What a container was created from, as remembered on disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from worker.engine.containers.home import Home, damaged, read_json, write_json
from worker.engine.containers.plan import ContainerPlan
from worker.engine.errors import InvalidDigest
from worker.engine.oci import Digest


@dataclass(frozen=True, slots=True)
class About:
    """What has to be known later.

    Attributes:
        diff_ids: The layers that it stands on, base first.
        stop_signal: As in the image's config; may be empty.
        created_at: In UTC.
    """

    diff_ids: tuple[Digest, ...]
    stop_signal: str
    created_at: datetime

    @classmethod
    def of_plan(cls, plan: ContainerPlan) -> About:
        return cls(plan.diff_ids, plan.config.stop_signal, datetime.now(UTC))

    @classmethod
    def of(cls, home: Home) -> About | None:
        """Read it; None if the container does not exist.

        Raises:
            StoreDamaged: it can not be read.
        """
        value = read_json(home.about)
        if value is None:
            return None
        try:
            return cls(
                tuple(Digest.parse(text) for text in value["diff_ids"]),
                str(value["stop_signal"]),
                datetime.fromisoformat(value["created_at"]),
            )
        except (KeyError, TypeError, ValueError, InvalidDigest) as error:
            raise damaged(home.about) from error

    def save(self, home: Home) -> None:
        value = {
            "diff_ids": [str(digest) for digest in self.diff_ids],
            "stop_signal": self.stop_signal,
            "created_at": self.created_at.isoformat(),
        }
        write_json(home.about, value)
