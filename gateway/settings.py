"""Settings: one frozen object, read once at start from `GATEWAY_…` variables and flags.

Every knob is declared once, in `Settings`: type, default, unit, sentence. The environment's names,
the flags (`gateway.cli`) and docs/settings.md (`gateway.settings_page`) are made from that.
No credential for the upstream is a setting: that is the caller's. A proxy's may be.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, get_args, get_type_hints

from gateway.settings_checks import (
    ca_file,
    instance_url,
    is_loopback,
    listening_host,
    origin,
    path_prefix,
    proxy,
    web_address,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field

__all__ = [
    "PREFIX",
    "Settings",
    "SettingsError",
    "choices_of",
    "flag_of",
    "is_switch",
    "variable_of",
]

PREFIX: Final = "GATEWAY_"

T = TypeVar("T")

_SWITCHES: Final = (bool, bool | None)


class SettingsError(ValueError):
    """All that is wrong with the settings, in one message; `mistakes` has a sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _port(value: int) -> int:
    if not 0 <= value <= 65_535:
        raise ValueError("is no port (0 to 65535)")
    return value


def _page_size(value: int) -> int:
    if not 1 <= value <= 100:
        raise ValueError("is no size of a page (1 to 100)")
    return value


def _at_least(least: float) -> Callable[[Any], Any]:
    def check(value: float) -> float:
        if not math.isfinite(value) or value < least:
            raise ValueError(f"must be at least {least}")
        return value

    return check


def _positive(value: float) -> float:
    if not math.isfinite(value) or value <= 0:
        raise ValueError("must be more than 0")
    return value


def knob(
    default: T,
    sentence: str,
    *,
    unit: str = "",
    check: Callable[[Any], Any] | None = None,
    is_secret: bool = False,
) -> T:
    """A setting. `check` takes a parsed value, or each of several, and gives the one to keep. The
    value of one that `is_secret` is printed nowhere.
    """
    metadata = {"sentence": sentence, "unit": unit, "check": check, "is_secret": is_secret}
    made: T = field(default=default, metadata=metadata, repr=not is_secret)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All knobs. Make it by `Settings.read`, or by keyword in tests; both check the values."""

    upstream_url: str | None = knob(
        None,
        "Address of the GitLab to ask, with its relative root if it has one;"
        " a closing `/api/v4` is dropped. Not set: the sandbox, in the same process. Set and empty"
        " is a mistake.",
        check=instance_url,
    )
    upstream_web_url: str | None = knob(
        None,
        "Address of that GitLab's pages, where they live at another address than its API;"
        " pasted job and pipeline URLs are read with it. Not set: the upstream's address.",
        check=web_address,
    )
    wire: Literal["http1", "httpx"] = knob(
        "http1",
        "HTTP client towards the upstream: our own, made for this, or the library httpx.",
    )
    upstream_proxy: str | None = knob(
        None,
        "Address of an HTTP proxy on the way to the upstream, with a user and a password if it"
        " wants them: `http://user:password@proxy.example.com:3128`. Not set: none, whatever other"
        " variables say.",
        check=proxy,
        is_secret=True,
    )
    upstream_ca_file: str | None = knob(
        None,
        "PEM file of further authorities that may sign the certificate of the upstream, or of an"
        " https proxy, for those with an authority of their own. With it certificates need not name"
        " their authority's key, which Python 3.13 asks for otherwise.",
        check=ca_file,
    )
    connect_timeout_s: float = knob(
        5.0, "How long a connection to the upstream may take to open.", unit="s", check=_positive
    )
    request_timeout_s: float = knob(
        30.0,
        "How long all upstream calls of one operation may take together, retries included;"
        " fields that are not there by then fail with `UPSTREAM_TIMEOUT`. A read on a kept"
        " connection that stays silent for a third of it is sent again on another.",
        unit="s",
        check=_positive,
    )
    max_upstream_connections: int = knob(
        100, "Connections to the upstream kept and used at once.", check=_at_least(1)
    )
    max_connection_age_s: float = knob(
        300.0,
        "How long a connection to the upstream is used, by the wire `http1`; a new one looks the"
        " name up anew, so that a name that moves is followed.",
        unit="s",
        check=_positive,
    )
    max_answer_bytes: int = knob(
        64_000_000,
        "Size of an upstream answer that is read whole; logs are streamed and have no such bound.",
        check=_at_least(1_000),
    )
    max_calls_in_flight: int = knob(
        16, "Upstream calls one operation makes at the same time; more wait.", check=_at_least(1)
    )
    max_calls: int = knob(
        250,
        "Upstream calls an operation may need at worst. One that may need more is refused with"
        " `COST_EXCEEDED` before the first call.",
        check=_at_least(1),
    )
    max_page_size: int = knob(
        100,
        "Rows a page of a list may hold, up to 100. A list that is asked for no number gives 20,"
        " or as many.",
        check=_page_size,
    )

    host: str = knob(
        "127.0.0.1",
        "Address to listen on; `0.0.0.0` for all of IPv4, `::` for all of IPv6 and IPv4.",
        check=listening_host,
    )
    port: int = knob(8000, "Port to listen on; 0 takes a free one.", check=_port)
    path_prefix: str = knob(
        "",
        "Path below which all of it is served, such as `/jobs`: the prefix that a proxy in front"
        " has for it. Requests whose prefix the proxy has taken off are answered as well.",
        check=path_prefix,
    )
    explorer: bool = knob(True, "Serve the explorer (GraphiQL) to browsers at `/graphql`.")  # noqa: FBT003
    introspection: bool = knob(True, "Let callers read the schema.")  # noqa: FBT003
    cors_origins: tuple[str, ...] = knob(
        (),
        "Origins whose pages may call the gateway from a browser, separated by commas, as browsers"
        " write them: `https://ci.example.com`, `http://localhost:3000`; `*` for all of them.",
        check=origin,
    )
    max_batch: int = knob(
        0, "Operations one request may hold as a JSON array; 0 refuses arrays.", check=_at_least(0)
    )
    persisted_documents: int = knob(
        1000,
        "Documents remembered for automatic persisted queries; 0 turns these off.",
        check=_at_least(0),
    )
    documents_kept: int = knob(
        1000, "Parsed and compiled documents kept in memory.", check=_at_least(1)
    )

    receive_timeout_s: float = knob(
        10.0,
        "How long a request may take to arrive, headers and body each; later ones are answered"
        " 408 and their connection is closed.",
        unit="s",
        check=_positive,
    )
    max_body_bytes: int = knob(
        1_000_000, "Size of a request's body; larger ones are answered 413.", check=_at_least(1)
    )
    max_response_bytes: int = knob(
        50_000_000,
        "Size of a response; a larger one is not built to its end and replaced by a"
        " `RESPONSE_TOO_LARGE` error.",
        check=_at_least(1000),
    )
    max_response_nodes: int = knob(
        250_000,
        "Fields a response may have, rows counted at their most. An operation whose response may"
        " have more is refused with `RESPONSE_TOO_LARGE` before the first upstream call.",
        check=_at_least(1),
    )
    max_tokens: int = knob(10_000, "Lexical tokens a document may hold.", check=_at_least(1))
    max_depth: int = knob(
        20,
        "How deep a document's fields may be nested; introspection needs 15.",
        check=_at_least(1),
    )
    max_fields: int = knob(
        2_000, "Fields a document may select, fragments counted where spread.", check=_at_least(1)
    )
    max_repeats: int = knob(
        250, "Fields of a document that may share a response key.", check=_at_least(1)
    )
    max_values: int = knob(
        1_000,
        "Values that the variables of an operation, or the literals of a document, may hold in"
        " their lists and objects together.",
        check=_at_least(1),
    )
    compression: bool = knob(
        True,  # noqa: FBT003
        "Compress responses of 2 kB and more by gzip for callers that accept it. Takes about as"
        " much CPU as making the response; off where a proxy in front does it.",
    )
    drain_s: float = knob(
        2.0,
        "How long the gateway goes on as before after SIGTERM, while `/health/ready` says 503 and"
        " connections are closed after their next response; a load balancer should have noticed"
        " by then.",
        unit="s",
        check=_at_least(0),
    )
    shutdown_timeout_s: float = knob(
        10.0,
        "How long running operations may go on once nothing new is accepted; those that still run"
        " then are answered with an error.",
        unit="s",
        check=_positive,
    )
    log_level: Literal["debug", "info", "warning", "error"] = knob(
        "info",
        "Least level of the records written to standard error, a JSON object a line; `info` has"
        " one record an operation, and one a request that never became one.",
    )

    sandbox: bool | None = knob(
        None,
        "Run over the sandbox, whose tokens are public. Needed where no upstream is set and `host`"
        " is no loopback address; `false` refuses to start without an upstream.",
    )
    sandbox_port: int = knob(
        0, "Loopback port of the sandbox's REST API; 0 takes a free one.", check=_port
    )
    sandbox_seed: int = knob(1, "Seed of the sandbox's world: same seed, same world.")
    sandbox_jobs: int = knob(1_200, "Jobs of the sandbox's largest project.", check=_at_least(0))

    def __post_init__(self) -> None:
        mistakes = []
        for knob_ in fields(self):
            try:
                value = _checked(knob_, getattr(self, knob_.name))
            except ValueError as error:
                mistakes.append(f"{knob_.name} {error}")
            else:
                object.__setattr__(self, knob_.name, value)
        if self.sandbox and self.upstream_url is not None:
            mistakes.append(
                "GATEWAY_SANDBOX=true contradicts GATEWAY_UPSTREAM_URL: set one of them"
            )
        if mistakes:
            raise SettingsError(mistakes)

    def check_upstream(self) -> None:
        """Raise `SettingsError` where there is no upstream, and the sandbox must not stand in."""
        if self.upstream_url is not None or self.sandbox:
            return
        missing = (
            "GATEWAY_UPSTREAM_URL is missing: set it to the GitLab to ask, such as"
            " https://gitlab.example.com"
        )
        if self.sandbox is False:
            raise SettingsError([f"{missing} (GATEWAY_SANDBOX=false rules the sandbox out)"])
        if not is_loopback(self.host):
            sandbox = "GATEWAY_SANDBOX=true for the sandbox, whose tokens are public, beyond this"
            raise SettingsError([f"{missing}; or {sandbox} machine (GATEWAY_HOST={self.host})"])

    @classmethod
    def read(
        cls, environment: Mapping[str, str], flags: Mapping[str, str] | None = None
    ) -> Settings:
        """Settings from raw texts: `flags`, by field name, win over `environment`, by `GATEWAY_…`.

        Raises `SettingsError` with everything that is wrong, unknown `GATEWAY_` names included. An
        empty or blank variable counts as not set, but that of the upstream: whoever sets it wants
        one, and not the sandbox.
        """
        values: dict[str, Any] = {}
        known = {variable_of(knob_.name): knob_ for knob_ in fields(cls)}
        named = sorted(name for name in environment if name.startswith(PREFIX))
        mistakes = [_unknown(name, known) for name in named if name not in known]
        for name, knob_ in known.items():
            source, text = name, environment.get(name, "").strip() or None
            is_blank = text is None and name in environment
            if flags and knob_.name in flags:
                source, text = flag_of(knob_.name), flags[knob_.name].strip()
                is_blank = not text
            if is_blank and knob_.name == "upstream_url":
                mistakes.append(
                    f"{source} is empty: give the address of the GitLab to ask, such as"
                    " https://gitlab.example.com, or leave it out"
                )
                continue
            if text is None:
                continue
            try:
                values[knob_.name] = _checked(knob_, _parsed(_types()[knob_.name], text))
            except ValueError as error:
                mistakes.append(f"{source}={_shown(knob_, text)} {error}")
        if mistakes:
            raise SettingsError(mistakes)
        return cls(**values)


def variable_of(name: str) -> str:
    """The environment's name of a setting."""
    return PREFIX + name.upper()


def flag_of(name: str) -> str:
    """The command line's name of a setting."""
    return "--" + name.replace("_", "-")


def choices_of(name: str) -> list[str]:
    """The words a setting is one of; empty where it is not one of a few."""
    return [word for word in get_args(_types()[name]) if isinstance(word, str)]


def is_switch(name: str) -> bool:
    """Is it on or off, so that its flag takes no value?"""
    return _types()[name] in _SWITCHES


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Settings)


def _checked(knob_: Field[Any], value: Any) -> Any:
    check = knob_.metadata["check"]
    if check is None or value is None:
        return value
    return tuple(map(check, value)) if isinstance(value, tuple) else check(value)


def _parsed(type_: Any, text: str) -> Any:
    """The value a text stands for; raises `ValueError` saying what it should be."""
    choices = get_args(type_)
    if type_ in _SWITCHES:
        words = {"true": True, "1": True, "yes": True, "on": True}
        words |= {"false": False, "0": False, "no": False, "off": False}
        if text.lower() not in words:
            raise ValueError("is neither true nor false")
        return words[text.lower()]
    if type_ in {int, float}:
        try:
            return type_(text)
        except ValueError:
            kind = "whole number" if type_ is int else "number"
            raise ValueError(f"is no {kind}") from None
    if type_ == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if choices and type(None) not in choices and text not in choices:
        raise ValueError(f"is none of {', '.join(choices)}")
    return text


def _shown(knob_: Field[Any], text: str) -> str:
    """A value as a message may repeat it: an address may hold a credential by mistake."""
    return "…" if knob_.metadata["is_secret"] or "@" in text else repr(text)


def _unknown(name: str, known: Mapping[str, object]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"{name} is no setting{meant}"
