"""Lists in pages, by a cursor that stays right while rows are added in front."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from django.db.models import Model, Q, QuerySet
from ninja import Query

from dashboard.api.schemas.common import Page
from dashboard.queries.numbers import whole_number
from worker.engine.errors import InvalidInput

Row = TypeVar("Row", bound=Model)
Out = TypeVar("Out")

Cursor = Annotated[str, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]


def newest_first(
    rows: QuerySet[Row], time_field: str, cursor: str, limit: int, show: Callable[[Row], Out]
) -> Page[Out]:
    """Return one page of ``rows``, newest by ``time_field`` first, each as ``show`` writes it.

    Raises:
        InvalidInput: the cursor was not made by this function.
    """
    if cursor:
        at, id = _read(cursor)
        rows = rows.filter(Q(**{f"{time_field}__lt": at}) | Q(**{time_field: at, "id__lt": id}))
    found: list[Any] = list(rows.order_by(f"-{time_field}", "-id")[: limit + 1])
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = _write(getattr(shown[-1], time_field), shown[-1].pk)
    return Page(items=[show(row) for row in shown], next=following)


def start_of(cursor: str) -> int:
    """Return where a page begins in a list whose order does not change: the cursor says how many precede it.

    Raises:
        InvalidInput: it is no such cursor.
    """
    start = whole_number(cursor or "0")
    if start is None:
        raise InvalidInput("The cursor is not valid.", hint="Take it from `next` of the page before.")
    return start


def _write(at: datetime, id: int) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, _, id = base64.urlsafe_b64decode(padded).decode().partition("|")
        read = datetime.fromisoformat(at), int(id)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(
            "The cursor is not valid.", hint="Take it from `next` of the page before."
        ) from error
    if read[0].tzinfo is None or not 0 < read[1] < 2**63:
        raise InvalidInput("The cursor is not valid.", hint="Take it from `next` of the page before.")
    return read
