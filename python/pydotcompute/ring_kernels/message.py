"""The documented place of messages."""

from pydotcompute.messages import RingKernelMessage, message

__all__ = ["RingKernelMessage", "message"]
