"""A GraphQL gateway over GitLab's Jobs API, and a client of that API.

What stands in `__all__` is for those who embed either; README.md shows how. Names are imported when
they are first used: the client alone needs neither Strawberry nor Starlette.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gateway.version import __version__

if TYPE_CHECKING:
    from gateway.app import Gateway, create_app
    from gateway.errors import (
        BadInput,
        CallerError,
        Conflict,
        CostExceeded,
        DeadlineExceeded,
        Forbidden,
        GatewayError,
        NotFound,
        OutcomeUnknown,
        RateLimited,
        ReadTooLarge,
        Redirected,
        RequestRefused,
        ResponseTooLarge,
        SubscriberTooSlow,
        TooManyOperations,
        Unauthenticated,
        UpstreamError,
        UpstreamInvalid,
        UpstreamRefused,
        UpstreamTimeout,
        UpstreamUnavailable,
    )
    from gateway.hooks import (
        CallEvent,
        Hook,
        LimitEvent,
        OperationEvent,
        Origin,
        RequestEvent,
        SubscriptionEvent,
        Trace,
        WaitEvent,
    )
    from gateway.settings import Settings, SettingsError
    from gateway.upstream.client import Client, ClientConfig
    from gateway.upstream.credential import Credential
    from gateway.upstream.scope import CallScope, Tally
    from gateway.upstream.wire import Wire, WireError, WireOptions
    from gateway.upstream.wires import open_wire

__all__ = [
    "BadInput",
    "CallEvent",
    "CallScope",
    "CallerError",
    "Client",
    "ClientConfig",
    "Conflict",
    "CostExceeded",
    "Credential",
    "DeadlineExceeded",
    "Forbidden",
    "Gateway",
    "GatewayError",
    "Hook",
    "LimitEvent",
    "NotFound",
    "OperationEvent",
    "Origin",
    "OutcomeUnknown",
    "RateLimited",
    "ReadTooLarge",
    "Redirected",
    "RequestEvent",
    "RequestRefused",
    "ResponseTooLarge",
    "Settings",
    "SettingsError",
    "SubscriberTooSlow",
    "SubscriptionEvent",
    "Tally",
    "TooManyOperations",
    "Trace",
    "Unauthenticated",
    "UpstreamError",
    "UpstreamInvalid",
    "UpstreamRefused",
    "UpstreamTimeout",
    "UpstreamUnavailable",
    "WaitEvent",
    "Wire",
    "WireError",
    "WireOptions",
    "__version__",
    "create_app",
    "open_wire",
]

_ERRORS = (
    "BadInput CallerError Conflict CostExceeded DeadlineExceeded Forbidden GatewayError NotFound"
    " OutcomeUnknown RateLimited ReadTooLarge Redirected RequestRefused ResponseTooLarge"
    " SubscriberTooSlow TooManyOperations Unauthenticated UpstreamError UpstreamInvalid"
    " UpstreamRefused UpstreamTimeout UpstreamUnavailable"
)
_MODULES = {
    name: module
    for module, names in {
        "gateway.app": "Gateway create_app",
        "gateway.errors": _ERRORS,
        "gateway.hooks": (
            "CallEvent Hook LimitEvent OperationEvent Origin RequestEvent SubscriptionEvent Trace"
            " WaitEvent"
        ),
        "gateway.settings": "Settings SettingsError",
        "gateway.upstream.client": "Client ClientConfig",
        "gateway.upstream.credential": "Credential",
        "gateway.upstream.scope": "CallScope Tally",
        "gateway.upstream.wire": "Wire WireError WireOptions",
        "gateway.upstream.wires": "open_wire",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
