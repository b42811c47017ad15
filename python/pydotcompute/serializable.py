"""What messages inherit to become bytes and back; how is loaded on first use."""

from typing import Self


class Serializable:
    """What can be turned into bytes and back: dataclasses, by the types of their fields."""

    def serialize(self) -> bytes:
        """Turn the message into msgpack bytes, for `deserialize` of the same class.

        Fields may be declared int, float, bool, str, bytes, list, tuple, dict, UUID, None,
        datetime, Literal, a message class, a union of these, or Any for all of these but
        messages. Id, priority and correlation travel too.

        Returns:
            A map of the fields, with the name of the class beside them.

        Raises:
            MessageSerializationError: A field is declared otherwise, or holds something else than
                it declares, an int of more than 64 bits, a lone surrogate, or a hundred levels.
        """
        from pydotcompute.message_codec import serialize  # noqa: PLC0415 - on use: 6 ms

        return serialize(self)

    @classmethod
    def deserialize(cls, data: bytes) -> Self:
        """Make a message from what `serialize` of this class gave; the two are equal.

        The bytes may come from anybody: they are checked, the class's constructor sees the fields,
        and memory is taken in proportion to them.

        Raises:
            MessageSerializationError: They are no message of this class.
            MessageValidationError: The priority is no int from 0 to 255.
            InvalidTypeError: `data` is neither bytes, nor a bytearray or memoryview.
        """
        from pydotcompute.message_codec import deserialize  # noqa: PLC0415 - on use: 6 ms

        return deserialize(cls, data)
