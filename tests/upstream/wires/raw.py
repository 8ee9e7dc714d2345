"""Answers of the raw server, written as they stand."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

from tests.harness.turns import turns

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CHUNKED", "OK", "raw", "refusing"]

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def raw(*parts):
    """An answer written as it stands, a part at a time; None closes the connection."""

    async def answer(writer):
        for part in parts:
            if part is None:
                writer.close()
                return
            writer.write(part)
            await writer.drain()
            await turns(5)

    return answer


@contextmanager
def refusing(tls: ssl.SSLContext) -> Iterator[str]:
    """A port that says why it ends a handshake, which asyncio's servers don't."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            secured = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with suppress(ssl.SSLError):
                secured.do_handshake()
            # What were not read before the end would turn it into a reset, which says nothing.
            with socket.socket(fileno=secured.detach()) as plain, suppress(ConnectionError):
                plain.shutdown(socket.SHUT_WR)
                while plain.recv(65_536):
                    pass

        thread = Thread(target=serve)
        thread.start()
        yield "{}:{}".format(*listener.getsockname())
        thread.join()
