"""The servers of a store as a client sees them: one Redis or Valkey, or a cluster of them.

    redis://:password@host:6379/0    rediss://…, over TLS    unix:///run/redis.sock?db=0
    redis://host:6379?cluster=true   any node of a cluster, which names the others

Further options stand in the query as redis-py reads them, such as `ssl_ca_certs`. Only this module
and `reasons` know that library.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import ConnectionPool, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Broken",
    "Command",
    "Hearing",
    "Line",
    "Refusal",
    "Servers",
    "check_files",
    "open_servers",
]

Command: TypeAlias = "tuple[bytes | str | int, ...]"

# What a command may be answered with that is no answer, and what ends a connection.
Refusal = ResponseError
Broken: Final = (RedisError, RedisClusterException, OSError, EOFError)

CLUSTER: Final = "cluster"
# What the library calls the files of TLS.
FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class Line:
    """A connection to one server."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def ask(self, *command: bytes | str | int) -> Any:
        """The answer to a command, as it came; raises `Broken`, and `Refusal` among it."""
        await self._connection.send_command(*command)
        return await self._connection.read_response()

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)


class Hearing(Line):
    """A connection that subscribes. The library's own connects again by itself, and tells nobody
    that messages were missed meanwhile.
    """

    async def subscribe(self, channels: Iterable[bytes]) -> None:
        await self._connection.send_command("SUBSCRIBE", *channels)

    async def unsubscribe(self, channels: Iterable[bytes]) -> None:
        await self._connection.send_command("UNSUBSCRIBE", *channels)

    async def ping(self) -> None:
        await self._connection.send_command("PING")

    async def next(self, timeout_s: float) -> list[Any] | None:
        """What is told next: its kind and, of `subscribe`, `unsubscribe` and `message`, a channel
        and its message. None where nothing comes in time; raises `Broken`.
        """
        told: list[Any] | None = await self._connection.read_response(timeout=timeout_s)
        return told


class Servers(Protocol):
    """What is asked, over connections of its own."""

    async def connect(self, connections: int) -> None:
        """Open so many connections, and have each answered; raises `Broken`."""

    async def load(self, scripts: Sequence[str]) -> None:
        """Tell all servers these scripts; raises `Broken`."""

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to commands that go together, each an answer or a `Refusal`; raises `Broken`
        where they cannot be had.
        """

    async def hearing(self) -> Hearing:
        """Another connection, to hear what is published; raises `Broken`."""

    async def lines(self) -> list[Line]:
        """Another connection to each server that has keys; raises `Broken`."""

    async def close(self) -> None:
        """Close all connections."""


def open_servers(url: str) -> Servers:
    """The servers of a URL; nothing is connected yet. Raises `ValueError` for a URL that is none,
    which repeats nothing of it.
    """
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    rest = [option for option in options if option[0] != CLUSTER]
    plain = parts._replace(query=urlencode(rest)).geturl()
    try:
        if (CLUSTER, "true") not in options:
            return _OneServer(plain)
        if not parse_url(plain).get("db"):
            return _Cluster(plain)
    except (TypeError, ValueError, RedisError, RedisClusterException):
        raise ValueError("is no address of a store, or has options that are unknown") from None
    raise ValueError("names a database, and a cluster has none but 0")


def check_files(url: str) -> None:
    """Raise `ValueError` where TLS files that a URL names cannot be used; repeats nothing of it."""
    if urlsplit(url).scheme != "rediss":
        return
    options: dict[str, Any] = dict(parse_url(url))
    for name in FILES:
        try:
            Path(options.get(name, os.devnull)).read_bytes()
        except OSError as error:
            lack = f"names a file by {name} that cannot be read: {error.strerror}"
            raise ValueError(lack) from None
    try:
        _tls_of(options)
    except (OSError, ValueError, RedisError):
        raise ValueError(
            f"names by {', '.join(FILES)} what is no certificate in PEM, or not the key of one"
        ) from None


def _ways() -> dict[str, Any]:
    """How all connections are: nothing is tried twice here, whoever asks does that; and the
    deadline is theirs, too.
    """
    return {"socket_timeout": None, "retry": Retry(NoBackoff(), 0), "protocol": 2}


class _Secured(SSLConnection):
    """Over TLS, by a context that is given. To make one takes tens of milliseconds, since it reads
    all authorities that the system trusts; the library's own makes one for each connection.
    """

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context.context = context


async def _secured(options: Mapping[str, Any]) -> dict[str, Any]:
    """What makes connections be secured, of a URL's options; nothing without TLS."""
    if options.get("connection_class") is not SSLConnection:
        return {}
    context = await asyncio.to_thread(_tls_of, options)
    return {"connection_class": _Secured, "context": context}


def _tls_of(options: Mapping[str, Any]) -> ssl.SSLContext:
    """What a URL's options say of TLS; trusts the usual authorities and those that they name."""
    named = {name: value for name, value in options.items() if name.startswith("ssl_")}
    context = SSLConnection(**named).ssl_context.get()
    if "ssl_ca_certs" in named:
        # As towards the upstream: a leaf need not name its authority's key.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _OneServer:
    def __init__(self, url: str) -> None:
        self._options: dict[str, Any] = dict(parse_url(url))
        self._pool = ConnectionPool.from_url(url, **_ways())
        # It is not connected, but its options are looked at.
        self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py gives it no types
        # The library's types tell a pipeline that waits from one that does not by overloads of Any.
        self._client: Any = Redis.from_pool(self._pool)

    async def connect(self, connections: int) -> None:
        secured = await _secured(self._options)
        if secured:
            self._options |= secured
            self._pool.connection_class = secured["connection_class"]
            self._pool.connection_kwargs["context"] = secured["context"]
        # Together, so that each has a connection of its own.
        await _all(*(self._client.execute_command("PING") for _ in range(connections)))

    async def load(self, scripts: Sequence[str]) -> None:
        for script in scripts:
            await self._client.execute_command("SCRIPT LOAD", script)

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        return await _sent(self._client.pipeline(transaction=False), commands)

    async def hearing(self) -> Hearing:
        return Hearing(await self._client.connection_pool.get_connection())

    async def lines(self) -> list[Line]:
        return [Line(await self._client.connection_pool.get_connection())]

    async def close(self) -> None:
        await self._client.aclose()


class _Cluster:
    def __init__(self, url: str) -> None:
        self._options: dict[str, Any] = {**parse_url(url), **_ways()}
        if "path" in self._options:
            raise ValueError("a cluster has no socket")
        self._client: Any = RedisCluster.from_url(url, **_ways())
        self._one: Redis | None = None

    async def connect(self, connections: int) -> None:
        secured = await _secured(self._options)
        if secured:
            self._options |= secured
            self._client.connection_kwargs.update(secured)
            for node in self._client.nodes_manager.startup_nodes.values():
                node.connection_class = secured["connection_class"]
                node.connection_kwargs["context"] = secured["context"]
        await self._client.initialize()
        nodes = self._client.get_primaries()
        await _all(*(node.execute_command("PING") for node in nodes for _ in range(connections)))
        if self._one is None:
            # What is published at one node is told by all.
            self._one = Redis.from_pool(self._pool_of(self._client.get_random_node()))

    async def load(self, scripts: Sequence[str]) -> None:
        for script in scripts:
            nodes = self._client.get_primaries()
            await _all(*(node.execute_command("SCRIPT LOAD", script) for node in nodes))

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        return await _sent(self._client.pipeline(), commands)

    async def hearing(self) -> Hearing:
        if self._one is None:
            raise RedisError("not connected")
        pool: Any = self._one.connection_pool
        return Hearing(await pool.get_connection())

    async def lines(self) -> list[Line]:
        pools: list[Any] = [self._pool_of(node) for node in self._client.get_primaries()]
        return [Line(await pool.get_connection()) for pool in pools]

    def _pool_of(self, node: Any) -> ConnectionPool:
        return ConnectionPool(**self._options | {"host": node.host, "port": node.port})

    async def close(self) -> None:
        if self._one is not None:
            await self._one.aclose()
        await self._client.aclose()


async def _sent(pipeline: Any, commands: Sequence[Command]) -> list[Any]:
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = await pipeline.execute(raise_on_error=False)
    return answers


async def _all(*waits: Any) -> None:
    """Await them together; where one fails none goes on."""
    try:
        async with asyncio.TaskGroup() as group:
            for wait in waits:
                group.create_task(wait)
    except ExceptionGroup as errors:
        failed = errors.exceptions[0]
    else:
        return
    # Not within the other: it would stand in the place of what led to this one.
    raise failed
