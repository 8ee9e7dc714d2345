"""Why a store cannot be used: a word, and what to do about it.

Neither holds anything of the store's address or of what it said, which may repeat a password.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from redis import exceptions as of_redis

from gateway.upstream.causes import Cause, cause_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Reason", "TooSlow", "reason_of"]


class TooSlow(Exception):
    """It answers, and not in time."""


class Reason(StrEnum):
    """As records and the doctor tell it."""

    NAME_UNKNOWN = "NAME_UNKNOWN"
    DNS_FAILED = "DNS_FAILED"
    CONNECTION_REFUSED = "CONNECTION_REFUSED"
    UNREACHABLE = "UNREACHABLE"
    CONNECT_TIMED_OUT = "CONNECT_TIMED_OUT"
    CONNECTION_LOST = "CONNECTION_LOST"
    NO_FILE = "NO_FILE"
    FILE_REFUSED = "FILE_REFUSED"
    CERTIFICATE_UNTRUSTED = "CERTIFICATE_UNTRUSTED"
    CERTIFICATE_OUT_OF_DATE = "CERTIFICATE_OUT_OF_DATE"
    CERTIFICATE_WRONG_HOST = "CERTIFICATE_WRONG_HOST"
    CERTIFICATE_INVALID = "CERTIFICATE_INVALID"
    CLIENT_CERTIFICATE_REQUIRED = "CLIENT_CERTIFICATE_REQUIRED"
    TLS_FAILED = "TLS_FAILED"
    TLS_NOT_SPOKEN = "TLS_NOT_SPOKEN"
    NOT_REDIS = "NOT_REDIS"
    PASSWORD_REFUSED = "PASSWORD_REFUSED"  # noqa: S105 - a word
    NOT_PERMITTED = "NOT_PERMITTED"
    READ_ONLY = "READ_ONLY"
    LOADING = "LOADING"
    FULL = "FULL"
    CLUSTER = "CLUSTER"
    NO_CLUSTER = "NO_CLUSTER"
    NO_DATABASE = "NO_DATABASE"
    CLUSTER_DOWN = "CLUSTER_DOWN"
    TOO_SLOW = "TOO_SLOW"
    REFUSED = "REFUSED"

    @property
    def advice(self) -> str:
        """What is the matter, and what to do."""
        return _ADVICE[self]

    def __str__(self) -> str:
        return f"{self.value}: {self.advice}"


_ADVICE: Final[dict[Reason, str]] = {
    Reason.NAME_UNKNOWN: "its host name is unknown; check GATEWAY_STORE_URL",
    Reason.DNS_FAILED: "the DNS does not answer for its host name; check the name servers",
    Reason.CONNECTION_REFUSED: (
        "its host refuses connections; check that it runs, and the port in GATEWAY_STORE_URL"
    ),
    Reason.UNREACHABLE: "no network route leads to it; check host and network",
    Reason.CONNECT_TIMED_OUT: (
        "it does not answer in time to a new connection; check host and port in GATEWAY_STORE_URL,"
        " that the port speaks TLS where that says rediss, and firewalls between"
    ),
    Reason.CONNECTION_LOST: (
        "the connection broke; if each one does, the port may speak TLS (write rediss://), or want"
        " a client certificate (name one by ssl_certfile=FILE and ssl_keyfile=FILE)"
    ),
    Reason.NO_FILE: "its socket, or a file that GATEWAY_STORE_URL names, is not there",
    Reason.FILE_REFUSED: (
        "the system does not let the gateway use its socket, a file that GATEWAY_STORE_URL names,"
        " or the network; check their rights"
    ),
    Reason.CERTIFICATE_UNTRUSTED: (
        "its certificate is signed by an unknown authority; name that one's PEM file in"
        " GATEWAY_STORE_URL by ssl_ca_certs=FILE"
    ),
    Reason.CERTIFICATE_OUT_OF_DATE: (
        "its certificate has expired, or is not valid yet; renew it, or set the clock of the"
        " gateway's host"
    ),
    Reason.CERTIFICATE_WRONG_HOST: (
        "its certificate is for another host name; set GATEWAY_STORE_URL to a name that it holds"
    ),
    Reason.CERTIFICATE_INVALID: "its certificate breaks a rule; issue it anew",
    Reason.CLIENT_CERTIFICATE_REQUIRED: (
        "it wants a client certificate that it knows; name one in GATEWAY_STORE_URL by"
        " ssl_certfile=FILE and ssl_keyfile=FILE"
    ),
    Reason.TLS_FAILED: "the two agree on no way to speak TLS; it has to offer TLS 1.2 or later",
    Reason.TLS_NOT_SPOKEN: "its port does not speak TLS; write redis://, or the port that does",
    Reason.NOT_REDIS: (
        "it does not answer as a Redis does; check the port; if that speaks TLS write rediss://"
    ),
    Reason.PASSWORD_REFUSED: (
        "user or password are lacking, or not those that it takes (a Redis without any takes none);"
        " set redis://user:password@host in GATEWAY_STORE_URL or GATEWAY_STORE_URL_FILE, with / ? #"
        " @ : in them as %2F %3F %23 %40 %3A"
    ),
    Reason.NOT_PERMITTED: (
        "its user may not do all that the gateway does; jobs-gateway doctor names what is lacking"
    ),
    Reason.READ_ONLY: "it is a copy that takes no writes; set GATEWAY_STORE_URL to the primary",
    Reason.LOADING: "it is loading its data, and is used when it has done so",
    Reason.FULL: "its memory is full; set its maxmemory-policy to allkeys-lru",
    Reason.CLUSTER: "it is part of a cluster; add ?cluster=true to GATEWAY_STORE_URL",
    Reason.NO_CLUSTER: "it is no cluster; take cluster=true out of GATEWAY_STORE_URL",
    Reason.NO_DATABASE: (
        "it has no database of that number; set another one in GATEWAY_STORE_URL, such as 0"
    ),
    Reason.CLUSTER_DOWN: "its cluster lacks nodes; look at cluster info there",
    Reason.TOO_SLOW: (
        "its answers take longer than GATEWAY_STORE_TIMEOUT_S; look at the load on it and at the"
        " way to it, or set a longer time"
    ),
    Reason.REFUSED: "it refuses the command; jobs-gateway doctor tries them one by one",
}

_BY_CAUSE: Final[dict[Cause, Reason]] = {
    Cause.NAME_UNKNOWN: Reason.NAME_UNKNOWN,
    Cause.DNS_FAILED: Reason.DNS_FAILED,
    Cause.CONNECTION_REFUSED: Reason.CONNECTION_REFUSED,
    Cause.UNREACHABLE: Reason.UNREACHABLE,
    Cause.CONNECT_TIMED_OUT: Reason.CONNECT_TIMED_OUT,
    Cause.CERTIFICATE_UNTRUSTED: Reason.CERTIFICATE_UNTRUSTED,
    Cause.CERTIFICATE_SELF_SIGNED: Reason.CERTIFICATE_UNTRUSTED,
    Cause.CERTIFICATE_EXPIRED: Reason.CERTIFICATE_OUT_OF_DATE,
    Cause.CERTIFICATE_NOT_YET_VALID: Reason.CERTIFICATE_OUT_OF_DATE,
    Cause.CERTIFICATE_WRONG_HOST: Reason.CERTIFICATE_WRONG_HOST,
    Cause.CERTIFICATE_INVALID: Reason.CERTIFICATE_INVALID,
    Cause.CLIENT_CERTIFICATE_REQUIRED: Reason.CLIENT_CERTIFICATE_REQUIRED,
    Cause.TLS_FAILED: Reason.TLS_FAILED,
    Cause.TLS_NOT_SPOKEN: Reason.TLS_NOT_SPOKEN,
}

# The first that an error is one of.
_BY_TYPE: Final[Sequence[tuple[type[BaseException], Reason]]] = (
    (TooSlow, Reason.TOO_SLOW),
    (of_redis.AuthenticationError, Reason.PASSWORD_REFUSED),
    (of_redis.NoPermissionError, Reason.NOT_PERMITTED),
    (of_redis.ReadOnlyError, Reason.READ_ONLY),
    (of_redis.BusyLoadingError, Reason.LOADING),
    (of_redis.OutOfMemoryError, Reason.FULL),
    (of_redis.MovedError, Reason.CLUSTER),
    (of_redis.AskError, Reason.CLUSTER),
    (of_redis.ClusterCrossSlotError, Reason.CLUSTER),
    (of_redis.ClusterDownError, Reason.CLUSTER_DOWN),
    (of_redis.InvalidResponse, Reason.NOT_REDIS),
    (FileNotFoundError, Reason.NO_FILE),
    (PermissionError, Reason.FILE_REFUSED),
)
# What it says, or the library, where no type of error tells it.
_BY_TEXT: Final[Mapping[str, Reason]] = {
    "Cluster mode is not enabled": Reason.NO_CLUSTER,
    "SELECT is not allowed in cluster mode": Reason.CLUSTER,
    "DB index is out of range": Reason.NO_DATABASE,
}


def reason_of(error: BaseException) -> Reason:
    """What an error of the library or the system stands for, or one of those that led to it."""
    parts = list(parts_of(error))
    for part in parts:
        for kind, reason in _BY_TYPE:
            if isinstance(part, kind):
                return reason
        if isinstance(part, of_redis.RedisError | of_redis.RedisClusterException):
            for text, reason in _BY_TEXT.items():
                if text in str(part):
                    return reason
    cause = cause_of(error)
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    if any(isinstance(part, of_redis.TimeoutError | TimeoutError) for part in parts):
        return Reason.CONNECT_TIMED_OUT
    if isinstance(error, of_redis.ResponseError):
        return Reason.REFUSED
    return Reason.CONNECTION_LOST
