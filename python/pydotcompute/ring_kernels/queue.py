"""The documented place of `MessageQueue`."""

from pydotcompute.execution.message_queue import MessageQueue
from pydotcompute.options import BackpressureStrategy

__all__ = ["BackpressureStrategy", "MessageQueue"]
