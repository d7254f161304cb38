"""What one layer may be, as this install was told."""

from __future__ import annotations

from django.conf import settings

from worker.engine.layers import Limits


def layer_limits() -> Limits:
    """The bounds from ``STRATA_LAYER_MAX_BYTES``, ``..._ENTRIES`` and ``..._RATIO``."""
    return Limits(
        unpacked_bytes=settings.LAYER_MAX_BYTES,
        entries=settings.LAYER_MAX_ENTRIES,
        ratio=settings.LAYER_MAX_RATIO,
    )
