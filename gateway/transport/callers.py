"""Callers out of what carries their operations: the headers of an HTTP request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import BadInput
from gateway.execution.request import Caller
from gateway.transport.http_error import HttpError
from gateway.upstream.credential import Credential

if TYPE_CHECKING:
    from gateway.execution.request import Carrier
    from gateway.transport.request import HttpRequest

__all__ = ["Callers"]


class Callers:
    """Makes callers. `fingerprint_key` is the key of their credentials' fingerprints,
    `operation_timeout_s` how long the upstream calls of an operation may take together.
    """

    def __init__(self, fingerprint_key: bytes, operation_timeout_s: float) -> None:
        self._fingerprint_key = fingerprint_key
        self._operation_timeout_s = operation_timeout_s

    def of_request(self, request: HttpRequest, carrier: Carrier, started: float) -> Caller:
        """The caller that an HTTP request's headers tell; `started` is when it began to arrive, by
        the loop's clock. Raises `HttpError` (400) for a credential that no header can carry.
        """
        try:
            credential = Credential.among(request.headers, self._fingerprint_key)
        except BadInput as error:
            raise HttpError(400, error.code, error.message) from None
        return Caller(
            carrier,
            credential,
            request.request_id,
            arrived=request.arrived,
            deadline=started + self._operation_timeout_s,
        )
