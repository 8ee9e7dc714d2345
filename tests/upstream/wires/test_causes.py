"""The behaviour suite of the wires: why there is no connection, and what may be said of it."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from base64 import b64encode
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.upstream.causes import RECORDED_EVERY_S, Cause, Troubles, cause_of
from gateway.upstream.wire import NotConnected, TimedOut, WireError, WireOptions
from gateway.upstream.wires import open_wire
from gateway.upstream.wires.dialing import tls_context
from tests.upstream.conftest import RawServer
from tests.upstream.wires.raw import refusing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


async def failure(wire_name: str, options: WireOptions, method: str = "GET") -> WireError:
    async with open_wire(wire_name, options) as wire:
        with pytest.raises(WireError) as caught:
            await wire.send(method, "/", {"PRIVATE-TOKEN": "glpat-secret"}, timeout_s=5)
    return caught.value


CERTIFICATES: dict[Cause, Callable[[trustme.CA], trustme.LeafCert]] = {
    Cause.CERTIFICATE_EXPIRED: lambda authority: authority.issue_cert(
        "127.0.0.1", not_before=NOW - 2 * DAY, not_after=NOW - DAY
    ),
    Cause.CERTIFICATE_NOT_YET_VALID: lambda authority: authority.issue_cert(
        "127.0.0.1", not_before=NOW + DAY, not_after=NOW + 2 * DAY
    ),
    Cause.CERTIFICATE_WRONG_HOST: lambda authority: authority.issue_cert("gitlab.example.com"),
    Cause.CERTIFICATE_UNTRUSTED: lambda _: trustme.CA().issue_cert("127.0.0.1"),
}


@pytest.mark.parametrize("cause", CERTIFICATES)
async def test_what_is_wrong_with_a_certificate(wire_name, authority, ca_file, cause):
    tls = server_context(CERTIFICATES[cause](authority))
    async with RawServer().running(tls) as server:
        error = await failure(wire_name, WireOptions(server.origin, ca_file=ca_file))

    assert isinstance(error, NotConnected)
    assert error.cause is cause
    assert not cause.may_pass
    assert server.heads == []


async def test_a_certificate_signed_by_itself(wire_name, tmp_path):
    # An authority's own certificate, used as a server's.
    itself = trustme.CA()
    for name, blob in (("c", itself.cert_pem), ("k", itself.private_key_pem)):
        blob.write_to_path(str(tmp_path / name))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "c", tmp_path / "k")
    async with RawServer().running(tls) as server:
        error = await failure(wire_name, WireOptions(server.origin))

    assert error.cause is Cause.CERTIFICATE_SELF_SIGNED


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_that_is_wanted(wire_name, authority, ca_file, newest):
    """With TLS 1.3 the server looks at it after the client's handshake has ended."""
    tls = server_context(authority.issue_cert("127.0.0.1"))
    tls.maximum_version = newest
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    with refusing(tls) as port:
        error = await failure(wire_name, WireOptions(f"https://{port}", ca_file=ca_file), "POST")

    # TLS 1.2 has no word for it.
    assert error.cause in {Cause.CLIENT_CERTIFICATE_REQUIRED, Cause.TLS_FAILED}
    assert (error.cause is Cause.TLS_FAILED) == (newest is ssl.TLSVersion.TLSv1_2)
    assert not error.was_sent
    assert not error.cause.may_pass


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[str]:
    """A port that says this to whoever says something, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield "{}:{}".format(*server.sockets[0].getsockname())


async def test_plain_http_on_a_port_for_tls(wire_name):
    async with saying(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") as port:
        error = await failure(wire_name, WireOptions(f"https://{port}"))

    assert error.cause is Cause.TLS_NOT_SPOKEN


async def test_tls_on_a_port_for_plain_http(wire_name):
    async with saying(b"\x15\x03\x01\x00\x02\x02\x46") as port:
        error = await failure(wire_name, WireOptions(f"http://{port}"))

    assert error.cause is Cause.TLS_EXPECTED


async def test_a_port_for_tls_that_hangs_up_on_plain_http(wire_name, authority):
    """As asyncio's servers do, and many others."""
    tls = server_context(authority.issue_cert("127.0.0.1"))
    async with RawServer().running(tls) as server:
        origin = server.origin.replace("https:", "http:")
        error = await failure(wire_name, WireOptions(origin), "POST")

    assert (error.cause, error.was_sent) == (Cause.HUNG_UP, True)
    assert "https:// address" in str(error)


async def test_a_kept_connection_that_ends_says_nothing_of_tls(wire_name, server, answering):
    async with open_wire(wire_name, WireOptions(server.origin)) as wire:
        await wire.send("GET", "/", {}, timeout_s=5)

        async def hang_up(writer):
            writer.close()

        server.answer = hang_up
        with pytest.raises(WireError) as caught:
            await wire.send("GET", "/", {}, timeout_s=5)

    assert caught.value.cause is Cause.CONNECTION_LOST


async def test_an_answer_that_is_cut_says_nothing_of_tls(wire_name):
    async with saying(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n") as port:
        error = await failure(wire_name, WireOptions(f"http://{port}"))

    assert error.cause is not Cause.HUNG_UP


async def test_a_handshake_that_is_cut_off(wire_name):
    async with saying(b"") as port:
        error = await failure(wire_name, WireOptions(f"https://{port}"), "POST")

    assert isinstance(error, NotConnected)
    assert error.cause is Cause.TLS_CUT_OFF
    assert "http:// address" in str(error)
    assert not error.was_sent


@pytest.mark.parametrize(
    ("connect_s", "timeout_s", "kind"), [(0.4, 9, NotConnected), (9, 0.4, TimedOut)]
)
async def test_a_handshake_that_nobody_answers(wire_name, connect_s, timeout_s, kind):
    if (wire_name, kind) == ("httpx", TimedOut):
        pytest.skip("httpx leaves the socket of a handshake that is cancelled to the collector")
    # The system takes the connection; nobody ever reads from it.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        options = WireOptions(
            "https://{}:{}".format(*listener.getsockname()), connect_timeout_s=connect_s
        )
        async with open_wire(wire_name, options) as wire:
            with pytest.raises(kind) as caught:
                await wire.send("GET", "/", {}, timeout_s=timeout_s)

    assert caught.value.cause is Cause.TLS_UNANSWERED


async def test_a_port_that_speaks_first_and_no_tls(wire_name):
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with listener:
        origin = "https://{}:{}".format(*listener.sockets[0].getsockname())
        error = await failure(wire_name, WireOptions(origin))

    assert error.cause is Cause.TLS_NOT_SPOKEN


async def test_a_port_that_speaks_neither(wire_name):
    async with saying(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n") as port:
        error = await failure(wire_name, WireOptions(f"http://{port}"))

    assert error.cause is Cause.NOT_HTTP


async def test_a_name_that_is_unknown(wire_name, monkeypatch):
    loop = asyncio.get_running_loop()
    if "uvloop" in type(loop).__module__:
        pytest.skip("uvloop asks the system by itself")

    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(loop, "getaddrinfo", unknown)
    error = await failure(wire_name, WireOptions("http://gitlab.invalid"))

    assert error.cause is Cause.NAME_UNKNOWN


async def test_a_port_that_nobody_listens_on(wire_name):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        origin = "http://{}:{}".format(*unused.getsockname())
        error = await failure(wire_name, WireOptions(origin))

    assert error.cause is Cause.CONNECTION_REFUSED


async def test_a_name_whose_address_is_told_twice(wire_name, monkeypatch):
    loop = asyncio.get_running_loop()
    if "uvloop" in type(loop).__module__:
        pytest.skip("uvloop asks the system by itself")

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()

        async def twice(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)] * 2

        monkeypatch.setattr(loop, "getaddrinfo", twice)
        error = await failure(wire_name, WireOptions(f"http://gitlab.invalid:{address[1]}"))

    assert error.cause is Cause.CONNECTION_REFUSED


@pytest.mark.parametrize(("timeout_s", "kind"), [(5, NotConnected), (0.05, TimedOut)])
async def test_a_connection_that_takes_too_long(wire_name, deaf, timeout_s, kind):
    async with open_wire(wire_name, WireOptions(deaf, connect_timeout_s=0.1)) as wire:
        with pytest.raises(kind) as caught:
            await wire.send("GET", "/", {}, timeout_s=timeout_s)

    assert caught.value.cause is Cause.CONNECT_TIMED_OUT


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n", Cause.PROXY_AUTHENTICATION_REQUIRED),
        (b"HTTP/1.1 403 Forbidden\r\n", Cause.PROXY_REFUSED),
        (b"HTTP/1.1 503 Service Unavailable\r\n", Cause.PROXY_FAILED),
    ],
)
async def test_a_proxy_that_digs_no_tunnel(wire_name, answer, cause):
    async with saying(answer + b"Content-Length: 0\r\n\r\n") as port:
        options = WireOptions("https://gitlab.invalid", proxy=f"http://{port}")
        error = await failure(wire_name, options, "POST")

    assert isinstance(error, NotConnected)
    assert error.cause is cause


async def test_a_proxy_that_hangs_up(wire_name):
    async with saying(b"") as port:
        options = WireOptions("https://gitlab.invalid", proxy=f"http://{port}")
        error = await failure(wire_name, options, "POST")

    assert (error.cause, error.was_sent) == (Cause.PROXY_FAILED, False)


async def test_a_proxy_that_is_not_there(wire_name):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = "http://user:pa%73s@{}:{}".format(*unused.getsockname())
        error = await failure(wire_name, WireOptions("https://gitlab.invalid", proxy=proxy))

    assert error.cause is Cause.PROXY_UNREACHABLE


@pytest.mark.parametrize("origin", ["http://gitlab.invalid", "https://gitlab.invalid"])
async def test_a_proxy_is_told_its_user(wire_name, server, answering, origin):
    server.answer = answering(b"", status="407 Proxy Authentication Required")
    proxy = server.origin.replace("://", "://us%40er:p%2Fss@")
    options = WireOptions(origin, proxy=proxy)
    async with open_wire(wire_name, options) as wire:
        if origin.startswith("https"):
            with pytest.raises(NotConnected):
                await wire.send("GET", "/", {"PRIVATE-TOKEN": "glpat-secret"}, timeout_s=5)
        else:
            await wire.send("GET", "/", {"PRIVATE-TOKEN": "glpat-secret"}, timeout_s=5)

    head = server.heads[0].lower()
    told = b64encode(b"us@er:p/ss").decode()
    assert f"proxy-authorization: basic {told}\r\n".lower() in head
    assert ("glpat-secret" in head) == origin.startswith("http:")
    assert "p%2Fss" not in repr(options)


async def test_a_cause_is_recorded_once_in_a_while(wire_name, authority, caplog):
    caplog.set_level(logging.DEBUG, "gateway.upstream")
    tls = server_context(authority.issue_cert("127.0.0.1"))
    async with (
        RawServer().running(tls) as server,
        open_wire(wire_name, WireOptions(server.origin)) as wire,
    ):
        for _ in range(3):
            with pytest.raises(NotConnected):
                await wire.send("GET", "/?private_token=x", {"A": "glpat-secret"}, timeout_s=5)

    told = [record for record in caplog.records if record.name == "gateway.upstream"]
    assert [record.levelname for record in told] == ["WARNING", "DEBUG", "DEBUG"]
    text = told[0].getMessage()
    assert text.startswith("CERTIFICATE_UNTRUSTED: ")
    assert "GATEWAY_UPSTREAM_CA_FILE" in text
    assert server.origin.removeprefix("https://") in text
    assert "unable to get local issuer certificate" in text
    assert "secret" not in caplog.text
    assert "private_token" not in caplog.text


def test_a_cause_that_stays_is_recorded_again(caplog):
    now = 0.0
    troubles = Troubles("https://us:pass@gitlab.test", clock=lambda: now)

    for now in (0.0, 1.0, RECORDED_EVERY_S):  # noqa: B007 - the clock reads it
        troubles.tell(Cause.CERTIFICATE_EXPIRED)
    troubles.tell(Cause.DNS_FAILED)

    assert len(caplog.records) == 3
    assert "pass" not in caplog.text


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_what_happened_and_names_no_address(cause):
    sentence = cause.sentence

    assert sentence[0].islower()
    assert not sentence.endswith(".")
    assert "{" not in sentence
    if not cause.may_pass:
        assert "GATEWAY_" in sentence or "renew" in sentence or "offer TLS" in sentence


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(101, "Network is unreachable"), Cause.UNREACHABLE),
        (OSError(113, "No route to host"), Cause.UNREACHABLE),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), Cause.DNS_FAILED),
        (
            OSError("Multiple exceptions: [Errno 101] to ('::1', 1), [Errno 111] to ('1', 1)"),
            Cause.CONNECTION_REFUSED,
        ),
        (ConnectionResetError(), Cause.CONNECTION_LOST),
        (TimeoutError(), Cause.CONNECT_TIMED_OUT),
        (UnicodeError("label empty or too long"), Cause.NAME_UNKNOWN),
    ],
)
def test_errors_of_the_system_have_causes(error, cause):
    assert cause_of(error) is cause


def test_an_authority_of_ones_own_may_leave_key_identifiers_out(ca_file, monkeypatch):
    """Python 3.13 asks for them otherwise: its contexts are strict."""

    def strict() -> ssl.SSLContext:
        context = create()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    create = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", strict)
    usual = tls_context(WireOptions("https://gitlab.test"))
    own = tls_context(WireOptions("https://gitlab.test", ca_file=ca_file))

    assert usual.verify_flags == ssl.create_default_context().verify_flags
    assert not own.verify_flags & ssl.VERIFY_X509_STRICT
    assert own.check_hostname
    assert own.verify_mode is ssl.CERT_REQUIRED


def test_the_documents_tell_every_cause_and_whether_it_passes():
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.endswith(("| yes |", "| no |"))]
    told = {
        cause: passes.strip() == "yes"
        for _, causes, passes, _ in rows
        for cause in re.findall(r"`([A-Z_]+)`", causes)
    }

    assert told == {cause.value: cause.may_pass for cause in Cause}
