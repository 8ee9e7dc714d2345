"""Everything that can go wrong, by cause.

Data travels on the exception; texts never hold a credential or a raw body.

    GatewayError
    ├── CallerError                 the caller's mistake
    │   ├── BadInput                an argument that cannot be used          BAD_USER_INPUT
    │   ├── CostExceeded            too many calls may be needed             COST_EXCEEDED
    │   ├── ReadTooLarge            more was read than an operation may     READ_TOO_LARGE
    │   ├── ResponseTooLarge        the answer would be larger than allowed  RESPONSE_TOO_LARGE
    │   ├── SubscriberTooSlow       a log came faster than it was taken      SUBSCRIBER_TOO_SLOW
    │   └── TooManyOperations       more at once than a caller may have      TOO_MANY_OPERATIONS
    ├── DeadlineExceeded            the gateway itself was not done in time  DEADLINE_EXCEEDED
    ├── UpstreamError               an upstream call that did not work out
    │   ├── UpstreamTimeout         no answer within the deadline            UPSTREAM_TIMEOUT
    │   ├── UpstreamUnavailable     no connection, reset, 5xx                UPSTREAM_UNAVAILABLE
    │   ├── UpstreamInvalid         an answer that cannot be read            UPSTREAM_INVALID
    │   ├── OutcomeUnknown          a write of which no answer tells         OUTCOME_UNKNOWN
    │   └── UpstreamRefused         an answer that says no
    │       ├── Unauthenticated     401                                      UNAUTHENTICATED
    │       ├── Forbidden           403                                      FORBIDDEN
    │       ├── NotFound            404                                      NOT_FOUND
    │       ├── Conflict            409                                      CONFLICT
    │       ├── RateLimited         429, by status or by text                RATE_LIMITED
    │       ├── Redirected          a write that was sent elsewhere          REDIRECTED
    │       └── RequestRefused      any other 4xx                            UPSTREAM_REFUSED
    └── (anything else)             our bug, masked                          INTERNAL_SERVER_ERROR
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadInput",
    "CallerError",
    "Conflict",
    "CostExceeded",
    "DeadlineExceeded",
    "Forbidden",
    "GatewayError",
    "NotFound",
    "OutcomeUnknown",
    "RateLimited",
    "ReadTooLarge",
    "Redirected",
    "RequestRefused",
    "ResponseTooLarge",
    "SubscriberTooSlow",
    "TooManyOperations",
    "Unauthenticated",
    "UpstreamError",
    "UpstreamInvalid",
    "UpstreamRefused",
    "UpstreamTimeout",
    "UpstreamUnavailable",
]


class GatewayError(Exception):
    """A failure a caller may be told about; `code` goes out as `extensions.code`."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CallerError(GatewayError):
    """The caller asked for something that cannot be done as asked."""

    code = "BAD_REQUEST"


class BadInput(CallerError):
    """An argument that cannot be used."""

    code = "BAD_USER_INPUT"


class CostExceeded(CallerError):
    """The operation may need more upstream calls than the gateway allows; none was made."""

    code = "COST_EXCEEDED"

    def __init__(self, message: str, *, estimated: int, ceiling: int, dearest: str) -> None:
        super().__init__(message)
        self.estimated = estimated
        self.ceiling = ceiling
        self.dearest = dearest


class ResponseTooLarge(CallerError):
    """The answer is larger than the gateway allows, or may be; it was not built to its end."""

    code = "RESPONSE_TOO_LARGE"

    @classmethod
    def by_bytes(cls, max_bytes: int, most: str = "") -> ResponseTooLarge:
        """It has more bytes, most of them at a path where one is given."""
        where = f"; most of them at {most}: select less there" if most else ": select less"
        return cls(
            f"the response would have more than {max_bytes} bytes"
            f" (GATEWAY_MAX_RESPONSE_BYTES){where}, or in several operations"
        )

    @classmethod
    def by_logs(cls, max_bytes: int, path: str) -> ResponseTooLarge:
        """What is held of logs for it has more bytes, from the field of a path on."""
        return cls(
            f"the response would have more than {max_bytes} bytes"
            f" (GATEWAY_MAX_RESPONSE_BYTES) with the logs of {path}: select less of them, or in"
            " several operations"
        )

    @classmethod
    def by_nodes(cls, nodes: int, max_nodes: int, most: str = "") -> ResponseTooLarge:
        """It may have more fields, most of them at a path where one is given; no upstream call was
        made.
        """
        where = f"; most of them at {most}" if most else ""
        return cls(
            f"the response may have {nodes} fields, rows counted; {max_nodes} are allowed"
            f" (GATEWAY_MAX_RESPONSE_NODES){where}: ask for fewer rows or fields"
            f"{' there' if most else ''}, or in several operations"
        )


class ReadTooLarge(CallerError):
    """The operation has read more of the upstream than it may; it reads no more."""

    code = "READ_TOO_LARGE"

    @classmethod
    def by_bytes(cls, read_bytes: int, max_bytes: int) -> ReadTooLarge:
        """So many bytes."""
        return cls(
            f"the operation has read {read_bytes} bytes of the upstream, {max_bytes} are allowed"
            " (GATEWAY_MAX_READ_BYTES): ask for fewer rows, or in several operations"
        )


class SubscriberTooSlow(CallerError):
    """A log came faster than its subscriber took it, for too long. Nothing is lost: a new
    subscription from `resume_from` goes on.
    """

    code = "SUBSCRIBER_TOO_SLOW"

    def __init__(self, message: str, *, resume_from: int) -> None:
        super().__init__(message)
        self.resume_from = resume_from


class TooManyOperations(CallerError):
    """The caller has as many operations running as they may; this one was not begun."""

    code = "TOO_MANY_OPERATIONS"
    retry_after_s: ClassVar[int] = 1

    @classmethod
    def of(cls, at_most: int, *, is_known: bool) -> TooManyOperations:
        """As many run as may: of one credential, or of all that are not known together."""
        if is_known:
            whose = f"{at_most} operations of this credential run already, as many as may"
        else:
            whose = (
                f"{at_most} operations run already of callers whose credential the upstream has not"
                " answered yet, as many as may of all of them together"
            )
        return cls(f"{whose} (GATEWAY_MAX_OPERATIONS); try again in a second")


class DeadlineExceeded(GatewayError):
    """The gateway's own work for the operation was not done within its time."""

    code = "DEADLINE_EXCEEDED"


class UpstreamError(GatewayError):
    """An upstream call that did not work out.

    `endpoint` names the route with its parameters left out (`GET /projects/:id/jobs`); it is None
    where something was found lacking after the answer was read. `status` is the HTTP status where
    there was an answer, `upstream_request_id` the upstream's `X-Request-Id`, `reason` the
    upstream's own sentence where it gave one that is safe to repeat, `retry_after_s`
    when it wants to be asked again, where it said so, and `cause` a word of
    `gateway.upstream.causes.Cause` where no answer of its API came. An answer that looks like no
    word of the API, but like a web page or a proxy's text, `is_foreign`.
    """

    code = "UPSTREAM_ERROR"
    is_foreign = False

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None,
        status: int | None = None,
        upstream_request_id: str | None = None,
        reason: str | None = None,
        retry_after_s: float | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(message)
        self.cause = cause
        self.endpoint = endpoint
        self.status = status
        self.upstream_request_id = upstream_request_id
        self.reason = reason
        self.retry_after_s = retry_after_s


class UpstreamTimeout(UpstreamError):
    """No (whole) answer within the deadline."""

    code = "UPSTREAM_TIMEOUT"


class UpstreamUnavailable(UpstreamError):
    """No connection, a connection that broke, or a 5xx; or an open circuit: nothing was sent then,
    and nothing will be for a moment.

    One that cannot pass by itself `is_lasting`: somebody has to change something first.
    """

    code = "UPSTREAM_UNAVAILABLE"
    is_circuit_open = False
    is_lasting = False


class UpstreamInvalid(UpstreamError):
    """An answer, or one row of it, that cannot be read as what the API promises. Where it answers a
    write with yes, the write `was_carried_out` all the same.
    """

    code = "UPSTREAM_INVALID"
    was_carried_out = False


class OutcomeUnknown(UpstreamError):
    """A write that was sent, and nothing that came back tells whether it happened: no answer, or
    one that somebody on the way gave in the upstream's place. `came` says which.
    """

    code = "OUTCOME_UNKNOWN"
    came = "no answer to it came"

    @classmethod
    def after(
        cls,
        came: str,
        *,
        endpoint: str | None,
        status: int | None = None,
        upstream_request_id: str | None = None,
        reason: str | None = None,
        retry_after_s: float | None = None,
        cause: str | None = None,
    ) -> OutcomeUnknown:
        """The error where this came in the place of an answer."""
        error = cls(
            f"{came}; the write may or may not have happened, so read the job before trying again",
            endpoint=endpoint,
            status=status,
            upstream_request_id=upstream_request_id,
            reason=reason,
            retry_after_s=retry_after_s,
            cause=cause,
        )
        error.came = came
        return error


class UpstreamRefused(UpstreamError):
    """An answer that says no."""

    code = "UPSTREAM_REFUSED"


class Unauthenticated(UpstreamRefused):
    """401: no credential, or one the upstream does not accept."""

    code = "UNAUTHENTICATED"


class Forbidden(UpstreamRefused):
    """403."""

    code = "FORBIDDEN"


class NotFound(UpstreamRefused):
    """404: unknown, or not visible to this caller."""

    code = "NOT_FOUND"


class Conflict(UpstreamRefused):
    """409."""

    code = "CONFLICT"


class RateLimited(UpstreamRefused):
    """429, or the throttling sentence."""

    code = "RATE_LIMITED"


class Redirected(UpstreamRefused):
    """A write that the upstream sends elsewhere. Nobody follows it, so it was not carried out."""

    code = "REDIRECTED"


class RequestRefused(UpstreamRefused):
    """Any other 4xx: a parameter, a state, a method the upstream does not take."""

    code = "UPSTREAM_REFUSED"
