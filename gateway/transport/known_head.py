"""The head of a request that its caller sends again and again.

httptools with its callbacks takes a seventh of a small operation. A piece of data that is a whole
request, with the same head to the byte as one that was parsed before on its connection, need not be
parsed: what was found then is found again. Where anything differs, the parser decides.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

__all__ = ["KnownHead"]


class KnownHead(Struct, frozen=True, eq=False):
    """One, and how long a request is that begins with it. `scope` is the ASGI scope that was made
    of it, before any application had it.
    """

    head: bytes
    request_bytes: int
    scope: dict[str, Any]

    @classmethod
    def of(cls, request: bytes, body_bytes: int, scope: Any) -> KnownHead | None:
        """That of a request which is all there is in a piece of data; None where there are blank
        lines around it, or more is said of its body than the length.
        """
        head_bytes = request.find(b"\r\n\r\n") + 4
        if head_bytes + body_bytes != len(request):
            return None
        headers = tuple(scope["headers"])
        if any(name == b"transfer-encoding" for name, _ in headers):
            return None
        # Applications may change what they are given.
        kept = {**scope, "headers": headers}
        return cls(request[:head_bytes], len(request), kept)

    def body_of(self, request: bytes) -> bytes | None:
        """The body of a whole request with this head; None for any other piece of data."""
        if len(request) != self.request_bytes or not request.startswith(self.head):
            return None
        return request[len(self.head) :]

    def scope_again(self, state: dict[str, Any]) -> dict[str, Any]:
        """The scope of another request with this head."""
        return {**self.scope, "headers": list(self.scope["headers"]), "state": state}
