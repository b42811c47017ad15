"""What is written, as msgpack bytes. The library is imported at the first use."""

from typing import TYPE_CHECKING, Any

from pydotcompute.wire.form import Refusal

if TYPE_CHECKING:
    from msgspec.msgpack import Ext


def pack(written: object) -> bytes:
    """Turn what a form wrote into bytes.

    Raises:
        Refusal: A text, bytes or a collection of 4 GiB or more.
    """
    from msgspec import msgpack  # noqa: PLC0415 - on use

    try:
        return msgpack.encode(written)
    except ValueError as error:
        reason = f"is too large: {error}"
        raise Refusal(reason) from None


def unpack(data: bytes) -> Any:
    """Turn bytes into what a form reads. They are checked; memory is taken for what they hold.

    Raises:
        Refusal: They are no msgpack, too few or too many, or nested too deeply.
    """
    from msgspec import MsgspecError, msgpack  # noqa: PLC0415 - on use

    try:
        return msgpack.decode(data)
    except (MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = f"is no msgpack of one value: {error}"
        raise Refusal(reason) from None


def extension(code: int, data: bytes) -> "Ext":
    """Make a value of a kind that msgpack does not know."""
    from msgspec.msgpack import Ext  # noqa: PLC0415 - on use

    return Ext(code, data)


def as_extension(written: object) -> "Ext | None":
    """Give an extension value as one; None where it is something else."""
    from msgspec.msgpack import Ext  # noqa: PLC0415 - on use

    return written if isinstance(written, Ext) else None
