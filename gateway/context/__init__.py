"""The context of one operation: its only road to the upstream.

context   the whole of it, writes among it
reads     what it reads, each thing once
"""

from gateway.context.context import Context

__all__ = ["Context"]
