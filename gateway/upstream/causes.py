"""Why the upstream cannot be asked: a closed set of words, what each means, and what to set.

Callers and `/health/ready` are told a cause and its sentence, which name no host, no address and no
credential. The gateway's own records say as well which upstream it was and what the system said.
"""

from __future__ import annotations

import errno
import logging
import re
import socket
import ssl
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "NOT_UNDERSTOOD",
    "Cause",
    "Troubles",
    "broken_by",
    "cause_of",
    "cause_of_refused_tunnel",
    "misdirected",
    "parts_of",
    "speaks_tls",
]

RECORDED_EVERY_S: Final = 60.0
MAX_DETAIL: Final = 300

_log: Final = logging.getLogger("gateway.upstream")


class Cause(StrEnum):
    """Goes out as `extensions.upstream.cause`."""

    NAME_UNKNOWN = "NAME_UNKNOWN"
    DNS_FAILED = "DNS_FAILED"
    CONNECTION_REFUSED = "CONNECTION_REFUSED"
    UNREACHABLE = "UNREACHABLE"
    CONNECT_TIMED_OUT = "CONNECT_TIMED_OUT"
    CONNECTION_LOST = "CONNECTION_LOST"
    HUNG_UP = "HUNG_UP"
    CERTIFICATE_UNTRUSTED = "CERTIFICATE_UNTRUSTED"
    CERTIFICATE_SELF_SIGNED = "CERTIFICATE_SELF_SIGNED"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
    CERTIFICATE_WRONG_HOST = "CERTIFICATE_WRONG_HOST"
    CERTIFICATE_INVALID = "CERTIFICATE_INVALID"
    CLIENT_CERTIFICATE_REQUIRED = "CLIENT_CERTIFICATE_REQUIRED"
    TLS_FAILED = "TLS_FAILED"
    TLS_CUT_OFF = "TLS_CUT_OFF"
    TLS_UNANSWERED = "TLS_UNANSWERED"
    TLS_NOT_SPOKEN = "TLS_NOT_SPOKEN"
    TLS_EXPECTED = "TLS_EXPECTED"
    NOT_HTTP = "NOT_HTTP"
    PROXY_UNREACHABLE = "PROXY_UNREACHABLE"
    PROXY_FAILED = "PROXY_FAILED"
    PROXY_REFUSED = "PROXY_REFUSED"
    PROXY_AUTHENTICATION_REQUIRED = "PROXY_AUTHENTICATION_REQUIRED"

    @property
    def sentence(self) -> str:
        """What happened, and what to do about it."""
        return _SENTENCES[self]

    @property
    def may_pass(self) -> bool:
        """Can it help to try again in a moment? Not where somebody has to change something."""
        return self in _PASSING


_PASSING: Final = frozenset(
    {
        Cause.DNS_FAILED,
        Cause.CONNECTION_REFUSED,
        Cause.UNREACHABLE,
        Cause.CONNECT_TIMED_OUT,
        Cause.CONNECTION_LOST,
        Cause.HUNG_UP,
        Cause.TLS_CUT_OFF,
        Cause.TLS_UNANSWERED,
        Cause.NOT_HTTP,
        Cause.PROXY_UNREACHABLE,
        Cause.PROXY_FAILED,
    }
)

_SENTENCES: Final[dict[Cause, str]] = {
    Cause.NAME_UNKNOWN: (
        "no connection to the upstream: its host name is unknown; set GATEWAY_UPSTREAM_URL to the"
        " right name, or make the DNS of the gateway's host know it"
    ),
    Cause.DNS_FAILED: (
        "no connection to the upstream: the DNS does not answer for its host name; check the name"
        " servers of the gateway's host, and the name in GATEWAY_UPSTREAM_URL"
    ),
    Cause.CONNECTION_REFUSED: (
        "no connection to the upstream: its host refuses connections; check that it runs, and the"
        " port in GATEWAY_UPSTREAM_URL"
    ),
    Cause.UNREACHABLE: (
        "no connection to the upstream: no network route leads to its host; check the network of"
        " the gateway's host, or set GATEWAY_UPSTREAM_PROXY if a proxy leads there"
    ),
    Cause.CONNECT_TIMED_OUT: (
        "no connection to the upstream in time (GATEWAY_CONNECT_TIMEOUT_S at most); check host and"
        " port in GATEWAY_UPSTREAM_URL and the firewalls between, or set GATEWAY_UPSTREAM_PROXY if"
        " a proxy leads there"
    ),
    Cause.CONNECTION_LOST: "the connection to the upstream broke",
    Cause.HUNG_UP: (
        "the upstream closed a new connection without a word; if it does so with every call, its"
        " port may speak TLS: then set GATEWAY_UPSTREAM_URL to its https:// address"
    ),
    Cause.CERTIFICATE_UNTRUSTED: (
        "no secure connection to the upstream: its certificate is signed by an unknown authority;"
        " set GATEWAY_UPSTREAM_CA_FILE to a PEM file with that authority's certificate"
    ),
    Cause.CERTIFICATE_SELF_SIGNED: (
        "no secure connection to the upstream: its certificate is signed by itself; set"
        " GATEWAY_UPSTREAM_CA_FILE to a PEM file with this certificate"
    ),
    Cause.CERTIFICATE_EXPIRED: (
        "no secure connection to the upstream: its certificate, or one that it depends on, has"
        " expired; renew it, or set the clock of the gateway's host"
    ),
    Cause.CERTIFICATE_NOT_YET_VALID: (
        "no secure connection to the upstream: its certificate, or one that it depends on, is not"
        " valid yet; set the clock of the gateway's host, or renew the certificate"
    ),
    Cause.CERTIFICATE_WRONG_HOST: (
        "no secure connection to the upstream: its certificate is for another host name; set"
        " GATEWAY_UPSTREAM_URL to a name that the certificate holds"
    ),
    Cause.CERTIFICATE_INVALID: (
        "no secure connection to the upstream: its certificate breaks a rule, which the gateway's"
        " records name; issue it anew, or set GATEWAY_UPSTREAM_CA_FILE if its authority is a"
        " private one"
    ),
    Cause.CLIENT_CERTIFICATE_REQUIRED: (
        "no secure connection to the upstream: it wants a client certificate that it knows; set"
        " GATEWAY_UPSTREAM_CLIENT_CERT to a PEM file of one and its key"
    ),
    Cause.TLS_FAILED: (
        "no secure connection to the upstream: the two agree on no way to speak TLS; the upstream"
        " has to offer TLS 1.2 or later; if it wants a client certificate, set"
        " GATEWAY_UPSTREAM_CLIENT_CERT"
    ),
    Cause.TLS_CUT_OFF: (
        "no secure connection to the upstream: it hung up in the TLS handshake; if its port speaks"
        " plain HTTP, set GATEWAY_UPSTREAM_URL to its http:// address, else check what stands"
        " before the upstream"
    ),
    Cause.TLS_UNANSWERED: (
        "no secure connection to the upstream in time: its port took the connection and did not"
        " answer in TLS; if it speaks plain HTTP, set GATEWAY_UPSTREAM_URL to its http:// address,"
        " else check what stands before the upstream"
    ),
    Cause.TLS_NOT_SPOKEN: (
        "no secure connection to the upstream: its port does not speak TLS; set"
        " GATEWAY_UPSTREAM_URL to its http:// address, or to the port of its https:// address"
    ),
    Cause.TLS_EXPECTED: (
        "the upstream's port speaks TLS only; set GATEWAY_UPSTREAM_URL to its https:// address"
    ),
    Cause.NOT_HTTP: ("the upstream's answer is no HTTP; check the port in GATEWAY_UPSTREAM_URL"),
    Cause.PROXY_UNREACHABLE: (
        "no connection to the proxy before the upstream; check that it runs, and"
        " GATEWAY_UPSTREAM_PROXY"
    ),
    Cause.PROXY_FAILED: "the proxy before the upstream does not reach it",
    Cause.PROXY_REFUSED: (
        "the proxy before the upstream does not let the gateway through; have it allow the"
        " upstream's host and port, or check GATEWAY_UPSTREAM_PROXY"
    ),
    Cause.PROXY_AUTHENTICATION_REQUIRED: (
        "the proxy before the upstream wants a user and a password; set GATEWAY_UPSTREAM_PROXY to"
        " http://user:password@host:port"
    ),
}

# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_BY_VERIFICATION: Final = {
    2: Cause.CERTIFICATE_UNTRUSTED,
    9: Cause.CERTIFICATE_NOT_YET_VALID,
    10: Cause.CERTIFICATE_EXPIRED,
    18: Cause.CERTIFICATE_SELF_SIGNED,
    19: Cause.CERTIFICATE_UNTRUSTED,
    20: Cause.CERTIFICATE_UNTRUSTED,
    21: Cause.CERTIFICATE_UNTRUSTED,
    62: Cause.CERTIFICATE_WRONG_HOST,
    64: Cause.CERTIFICATE_WRONG_HOST,
}

# OpenSSL's names for bytes that are no TLS, which depend on its version.
_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"})

_BY_ERRNO: Final = {
    errno.ECONNREFUSED: Cause.CONNECTION_REFUSED,
    errno.ETIMEDOUT: Cause.CONNECT_TIMED_OUT,
    errno.EHOSTUNREACH: Cause.UNREACHABLE,
    errno.ENETUNREACH: Cause.UNREACHABLE,
    errno.EHOSTDOWN: Cause.UNREACHABLE,
    errno.ENETDOWN: Cause.UNREACHABLE,
    errno.EADDRNOTAVAIL: Cause.UNREACHABLE,
    errno.EACCES: Cause.UNREACHABLE,
    errno.EPERM: Cause.UNREACHABLE,
}

# Of several addresses each has failed, and asyncio tells so in a text only.
_NUMBER_IN_TEXT: Final = re.compile(r"\[Errno (\d+)\]")

_NO_NAME: Final = frozenset(
    number
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if (number := getattr(socket, name, None)) is not None
)


def cause_of(error: BaseException) -> Cause:
    """The cause that an error of the system stands for, or one of those that led to it."""
    for part in parts_of(error):
        if (cause := _own_cause(part)) is not None:
            return cause
    return Cause.CONNECTION_LOST


def _own_cause(error: BaseException) -> Cause | None:
    if isinstance(error, ssl.SSLError):
        return _cause_in_tls(error)
    if isinstance(error, socket.gaierror):
        return Cause.NAME_UNKNOWN if error.errno in _NO_NAME else Cause.DNS_FAILED
    if isinstance(error, UnicodeError):
        # A name that cannot be one: "a..example".
        return Cause.NAME_UNKNOWN
    if not isinstance(error, OSError):
        return None
    numbers = [error.errno] if error.errno else map(int, _NUMBER_IN_TEXT.findall(str(error)))
    causes = [_BY_ERRNO[number] for number in numbers if number in _BY_ERRNO]
    if not causes and isinstance(error, TimeoutError):
        return Cause.CONNECT_TIMED_OUT
    # A host that refuses is nearer than one to which no route leads.
    return min(causes, key=list(_BY_ERRNO.values()).index, default=None)


def _cause_in_tls(error: ssl.SSLError) -> Cause:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFICATION.get(error.verify_code, Cause.CERTIFICATE_INVALID)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Cause.CONNECTION_LOST
    reason = error.reason or ""
    if reason in _NO_TLS:
        return Cause.TLS_NOT_SPOKEN
    if "ALERT" in reason and ("CERTIFICATE" in reason or reason.endswith("UNKNOWN_CA")):
        # What the other side says of ours.
        return Cause.CLIENT_CERTIFICATE_REQUIRED
    return Cause.TLS_FAILED


def parts_of(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, the nearest first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        part = waiting.pop(0)
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, BaseExceptionGroup):
            waiting.extend(part.exceptions)
        waiting += [part.__cause__, part.__context__]


# The other side never saw a request, although one went out: it speaks TLS and was sent plain HTTP,
# or it looked at our certificate only after the handshake had ended on our side (RFC 8446, 4.4.2).
NOT_UNDERSTOOD: Final = frozenset({Cause.TLS_EXPECTED, Cause.CLIENT_CERTIFICATE_REQUIRED})


def broken_by(error: BaseException | None) -> Cause:
    """Why a connection that had been made is gone."""
    if error is not None and cause_of(error) is Cause.CLIENT_CERTIFICATE_REQUIRED:
        return Cause.CLIENT_CERTIFICATE_REQUIRED
    return Cause.CONNECTION_LOST


def speaks_tls(received: bytes | bytearray | memoryview) -> bool:
    """Do these bytes begin as a TLS alert does (RFC 8446, 5.1)?"""
    return bytes(received[:2]) == b"\x15\x03"


def cause_of_refused_tunnel(status: int) -> Cause:
    """What a proxy means that answers CONNECT with this status, which is no 2xx."""
    if status == 407:
        return Cause.PROXY_AUTHENTICATION_REQUIRED
    return Cause.PROXY_FAILED if status >= 500 else Cause.PROXY_REFUSED


# What nginx, Go and Apache say to plain HTTP on a TLS port; and nginx without the certificate that
# it wants, after the handshake.
_SAID_IN_400: Final = (
    (b"plain HTTP request was sent to HTTPS port", Cause.TLS_EXPECTED),
    (b"sent an HTTP request to an HTTPS server", Cause.TLS_EXPECTED),
    (b"speaking plain HTTP to an SSL-enabled server port", Cause.TLS_EXPECTED),
    (b"No required SSL certificate was sent", Cause.CLIENT_CERTIFICATE_REQUIRED),
    (b"The SSL certificate error", Cause.CLIENT_CERTIFICATE_REQUIRED),
)


def misdirected(status: int, body: bytes | bytearray) -> Cause | None:
    """Why an answer is none of the upstream's API but of what stands before it; None mostly."""
    if status == 407:
        return Cause.PROXY_AUTHENTICATION_REQUIRED
    if status == 400:
        for said, cause in _SAID_IN_400:
            if said in body:
                return cause
    return None


class Troubles:
    """Records causes, for one upstream: each as a warning once a minute at most, and in between at
    debug. `clock` tells seconds.
    """

    def __init__(self, origin: str, *, clock: Callable[[], float] = monotonic) -> None:
        # Without what may stand before an "@".
        self._host = urlsplit(origin).netloc.rpartition("@")[2]
        self._clock = clock
        self._recorded_at: dict[Cause, float] = {}

    def tell(self, cause: Cause, detail: object = "") -> None:
        """Record a cause; `detail` is what the system said, which holds no credential."""
        now = self._clock()
        is_due = now - self._recorded_at.get(cause, -RECORDED_EVERY_S) >= RECORDED_EVERY_S
        if is_due:
            self._recorded_at[cause] = now
        said = (
            str(detail) or type(detail).__name__ if isinstance(detail, Exception) else str(detail)
        )
        said = " ".join(said.split())[:MAX_DETAIL]
        level = logging.WARNING if is_due else logging.DEBUG
        told = f"{cause}: {cause.sentence}"
        _log.log(level, "%s [upstream %s%s]", told, self._host, f"; {said}" if said else "")
