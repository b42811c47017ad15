"""Datetimes as text in ISO 8601, with the name of the zone where only that makes them equal again.

A datetime with a zone comes back with that zone's offset, and equals the one that was written. But
a time that the clocks of its zone show twice a year, or never, equals none of another zone, so it
travels with its zone: `2020-10-25T02:30:00+01:00[Europe/Berlin]`.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydotcompute.wire.form import Refusal, refuse

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def write_time(value: Any, _room: int) -> str:
    """Write a datetime."""
    if not isinstance(value, datetime):
        refuse(value, "datetime")
    text = value.isoformat()
    if datetime.fromisoformat(text) == value:
        return text
    key = getattr(value.tzinfo, "key", None)
    if isinstance(key, str):
        named = f"{text}[{key}]"
        if _read(named) == value:
            return named
    reason = "is a time that the clocks of its zone show twice or never; convert it to UTC"
    raise Refusal(reason)


def read_time(wire: Any, _room: int) -> datetime:
    """Read a datetime."""
    if type(wire) is not str:
        refuse(wire, "the text of a datetime")
    found = _read(wire)
    if found is None:
        reason = f"must be the text of a datetime, got {wire!r:.80}"
        raise Refusal(reason)
    return found


def _read(text: str) -> datetime | None:
    moment, bracket, key = text.partition("[")
    try:
        time = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if not bracket:
        return time
    zone = _zone_of(key.removesuffix("]"))
    return None if zone is None else _in_zone(time, zone)


def _zone_of(key: str) -> "ZoneInfo | None":
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - seldom needed

    try:
        return ZoneInfo(key)
    except (KeyError, ValueError, OSError):  # unknown here, no name of a zone, a folder of zones
        return None


def _in_zone(time: datetime, zone: "ZoneInfo") -> datetime | None:
    """Give the time its zone, in that of its two readings that has the same offset."""
    readings = (time.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return next((r for r in readings if r.utcoffset() == time.utcoffset()), None)
