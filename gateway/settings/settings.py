"""All settings, each declared once: type, default, unit, sentence.

No credential for the upstream is a setting: that is the caller's. A proxy's may be.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_type_hints

import gateway.settings.checks as checks
from gateway.settings.agreement import contradictions, lack_of_upstream
from gateway.settings.knobs import SWITCHES, SettingsError, checked, knob, read_knobs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "choices_of", "default_of", "is_switch"]


# What `production` sets where nobody else does.
PRODUCTION: Final = {"explorer": False, "introspection": False, "sandbox": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All knobs. Make it by `Settings.read`, or by keyword in tests; both check the values."""

    upstream_url: str | None = knob(
        None,
        "Address of the GitLab to ask, with its relative root if it has one;"
        " a closing `/api/v4` is dropped. Not set: the sandbox, in the same process. Set and empty"
        " is a mistake.",
        check=checks.instance_url,
        if_empty="give the address of the GitLab to ask, such as https://gitlab.example.com",
    )
    upstream_web_url: str | None = knob(
        None,
        "Address of that GitLab's pages, where they live at another address than its API;"
        " pasted job and pipeline URLs are read with it. Not set: the upstream's address.",
        check=checks.web_address,
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
        check=checks.proxy,
        is_secret=True,
    )
    upstream_ca_file: str | None = knob(
        None,
        "PEM file of further authorities that may sign the certificate of the upstream, or of an"
        " https proxy, for those with an authority of their own. With it certificates need not name"
        " their authority's key, which Python 3.13 asks for otherwise.",
        check=checks.ca_file,
    )
    upstream_client_cert: str | None = knob(
        None,
        "PEM file of a certificate and its key, for an upstream that asks its callers for one.",
        check=checks.client_cert,
    )
    connect_timeout_s: float = knob(
        5.0,
        "How long a connection to the upstream may take to open.",
        unit="s",
        check=checks.positive,
    )
    request_timeout_s: float = knob(
        30.0,
        "How long all upstream calls of one operation may take together, retries included;"
        " fields that are not there by then fail with `UPSTREAM_TIMEOUT`. A read on a kept"
        " connection that stays silent for a third of it is sent again on another.",
        unit="s",
        check=checks.positive,
    )
    max_upstream_connections: int = knob(
        100, "Connections to the upstream kept and used at once.", check=checks.at_least(1)
    )
    max_connection_age_s: float = knob(
        300.0,
        "How long a connection to the upstream is used, by the wire `http1`; a new one looks the"
        " name up anew, so that a name that moves is followed.",
        unit="s",
        check=checks.positive,
    )
    max_answer_bytes: int = knob(
        16_000_000,
        "Size of an upstream answer that is read whole; logs are streamed and have no such bound.",
        unit="bytes",
        check=checks.at_least(1_000),
    )
    max_read_bytes: int = knob(
        100_000_000,
        "Bytes that one operation may read of the upstream: its answers, and of logs what is held."
        " Beyond, its further reads fail with `READ_TOO_LARGE`; what has been read stays.",
        unit="bytes",
        check=checks.at_least(100_000),
    )
    max_calls_in_flight: int = knob(
        16,
        "Upstream calls one operation makes at the same time; more wait.",
        check=checks.at_least(1),
    )
    max_calls: int = knob(
        250,
        "Upstream calls an operation may need at worst. One that may need more is refused with"
        " `COST_EXCEEDED` before the first call.",
        check=checks.at_least(1),
    )
    kept_reads: bool = knob(
        True,
        "Keep what was read of the upstream for a moment, each credential's for itself, and answer"
        " the same reads with it: lists for 2 s, what still changes for 1 s, single finished jobs"
        " and commits by their full hash for 60 s. Own writes show at once; `Cache-Control:"
        " no-cache` asks for it fresh.",
    )
    kept_bytes: int = knob(
        64_000_000,
        "Memory for kept reads, of which one credential gets a quarter at most.",
        unit="bytes",
        check=checks.at_least(100_000),
    )
    store_url: str | None = knob(
        None,
        "Address of a Redis or Valkey that several gateways share: `redis://`, `rediss://` (TLS) or"
        " `unix://`, with `?cluster=true` for a cluster. Kept reads, persisted documents, the pace"
        " and what is watched are shared by it then, and own writes show at all of them"
        " (docs/operations.md, the store, which also names what may stand behind its `?`). Needs"
        " `GATEWAY_STORE_KEY`, and the extra `store`. Not set: each is for itself.",
        check=checks.store_url,
        is_secret=True,
    )
    store_key: str | None = knob(
        None,
        "Key of what is in the store, 32 characters at least, the same for all gateways that share"
        " it (`openssl rand -base64 32` makes one): what is kept there is sealed by it, and by the"
        " credential of the caller.",
        check=checks.store_key,
        is_secret=True,
    )
    store_timeout_s: float = knob(
        0.01,
        "How long an answer of the store is waited for. One that is silent for five times as long"
        " counts as away: all goes on without it until it answers in time again.",
        unit="s",
        check=checks.positive,
    )
    shared_operations: bool = knob(
        True,
        "Execute equal queries of one credential that are under way at the same time once, and"
        " answer all of them with it. Never what began before an own write had ended, never for"
        " `Cache-Control: no-cache`.",
    )
    max_page_size: int = knob(
        100,
        "Rows a page of a list may hold, up to 100. A list that is asked for no number gives 20,"
        " or as many.",
        check=checks.page_size,
    )
    max_list_rows: int = knob(
        500,
        "Rows of a pipeline's jobs that `stages`, `summary` and `attempts` read at most, pages of"
        " 100, each a call; of its bridges it is 100. Where that cuts a list, the answer says"
        " `partial`.",
        check=checks.at_least(1),
    )

    watch_interval_s: float = knob(
        2.0,
        "Least time between two looks at what is watched (subscriptions), while it changes.",
        unit="s",
        check=checks.positive,
    )
    watch_idle_interval_s: float = knob(
        15.0,
        "Time to which that grows while nothing changes.",
        unit="s",
        check=checks.positive,
    )
    max_event_calls: int = knob(
        10,
        "Upstream calls that what a subscription selects may need for one event; one that may need"
        " more is refused with `COST_EXCEEDED`.",
        check=checks.at_least(1),
    )
    max_subscriptions: int = knob(
        2_000,
        "Subscriptions that one credential may hold at the same time.",
        check=checks.at_least(0),
    )
    max_connection_subscriptions: int = knob(
        100,
        "Operations that one WebSocket may hold at the same time.",
        check=checks.at_least(1),
    )
    heartbeat_s: float = knob(
        12.0,
        "How often a stream that is silent says that it is there.",
        unit="s",
        check=checks.positive,
    )
    webhook_secret: str | None = knob(
        None,
        "Secret of the webhooks by which a GitLab tells of jobs and pipelines at"
        " `/webhooks/gitlab`, so that what is watched is looked at sooner: its secret token, or"
        " its signing token (`whsec_…`). Not set: no webhooks are taken. Set and empty is a"
        " mistake.",
        check=checks.webhook_secret,
        is_secret=True,
        if_empty="give the secret token or the signing token of the webhook",
    )

    host: str = knob(
        "127.0.0.1",
        "Address to listen on; `0.0.0.0` for all of IPv4, `::` for all of IPv6 and IPv4.",
        check=checks.listening_host,
    )
    port: int = knob(8000, "Port to listen on; 0 takes a free one.", check=checks.port)
    workers: int = knob(
        1,
        "Processes that serve; more than one use more than one core. Each takes its part of what is"
        " bounded towards the upstream (docs/operations.md, workers). Where another server starts"
        " the processes (`uvicorn --workers 4`), say here how many there are.",
        check=checks.at_least(1),
    )
    path_prefix: str = knob(
        "",
        "Path below which all of it is served, such as `/jobs`: the prefix that a proxy in front"
        " has for it. Requests whose prefix the proxy has taken off are answered as well.",
        check=checks.path_prefix,
    )
    explorer: bool = knob(True, "Serve the explorer (GraphiQL) to browsers at `/graphql`.")
    production: bool = knob(
        False,
        "What is safe before strangers, for settings that are not set themselves: no explorer, no"
        " introspection, no sandbox.",
    )
    mutations: bool = knob(
        True,
        "Run mutations. Off: the gateway only reads, and refuses them with `READ_ONLY`.",
    )
    limits: Literal["enforce", "measure"] = knob(
        "enforce",
        "What becomes of an operation over a limit on documents, variables, plans, calls, what is"
        " read or fields of the response: it is refused, or (`measure`) runs up to ten times the"
        " default, and a record tells the limit, the figure and the setting.",
    )
    introspection: bool = knob(
        True, "Let callers read the schema. Off: errors suggest none of its names either."
    )
    cors_origins: tuple[str, ...] = knob(
        (),
        "Origins whose pages may call the gateway from a browser, separated by commas, as browsers"
        " write them: `https://ci.example.com`, `http://localhost:3000`; `*` for all of them.",
        check=checks.origin,
    )
    max_batch: int = knob(
        0,
        "Operations one request may hold as a JSON array; 0 refuses arrays.",
        check=checks.at_least(0),
    )
    persisted_documents: int = knob(
        1000,
        "Documents remembered for automatic persisted queries; 0 turns these off.",
        check=checks.at_least(0),
    )
    trusted_documents: str | None = knob(
        None,
        "Trusted documents, made when the gateway starts and asked for by `documentId`: a folder of"
        " `.graphql` files and manifests, or a manifest as Apollo's, Relay's or graphql-codegen's"
        " build writes it. SIGHUP reads them anew.",
    )
    documents: Literal["also", "report", "only"] = knob(
        "also",
        "What becomes of documents that are not trusted: they are run as well, or run and told of"
        " by a record (`report`), or refused with `DOCUMENT_NOT_TRUSTED` (`only`).",
    )
    documents_kept: int = knob(
        1000, "Parsed and compiled documents kept in memory.", check=checks.at_least(1)
    )

    receive_timeout_s: float = knob(
        10.0,
        "How long a request may take to arrive, headers and body each; later ones are answered"
        " 408 and their connection is closed.",
        unit="s",
        check=checks.positive,
    )
    send_timeout_s: float = knob(
        10.0,
        "How long a caller may take less than 64 kB of a response that waits for them; then their"
        " connection is cut. So is the one that waits for the longest time, while 200 MB wait for"
        " all callers together.",
        unit="s",
        check=checks.positive,
    )
    max_operations: int = knob(
        500,
        "Operations that a credential may have running at once; more are answered 429. Callers"
        " whose credential the upstream has not answered yet have half as many all together, or,"
        " where their addresses are told (`GATEWAY_TRUSTED_PROXIES`), for each address.",
        check=checks.at_least(2),
    )
    trusted_proxies: tuple[str, ...] = knob(
        (),
        "Proxies in front whose `X-Forwarded-For` tells where callers call from: addresses, or"
        " networks such as `10.0.0.0/8`, separated by commas. Not set: nothing is bounded by"
        " address, and no record tells it.",
        check=checks.network,
    )
    forward_address: bool = knob(
        False,
        "Tell the upstream where callers call from, by `X-Forwarded-For`, for those that let in by"
        " address; it has to trust the gateway's own. Nothing is shared then between the addresses"
        " of one credential.",
    )
    max_body_bytes: int = knob(
        1_000_000,
        "Size of a request's body; larger ones are answered 413.",
        unit="bytes",
        check=checks.at_least(1),
    )
    max_response_bytes: int = knob(
        50_000_000,
        "Size of a response; a larger one is not built to its end and replaced by a"
        " `RESPONSE_TOO_LARGE` error.",
        unit="bytes",
        check=checks.at_least(1000),
    )
    max_response_nodes: int = knob(
        250_000,
        "Fields a response may have, rows counted at their most. An operation whose response may"
        " have more is refused with `RESPONSE_TOO_LARGE` before the first upstream call.",
        check=checks.at_least(1),
    )
    max_tokens: int = knob(6_000, "Lexical tokens a document may hold.", check=checks.at_least(1))
    max_depth: int = knob(
        20,
        "How deep a document's fields may be nested; introspection needs 15.",
        check=checks.at_least(1),
    )
    max_fields: int = knob(
        3_000,
        "Fields a document may select, fragments counted where spread.",
        check=checks.at_least(1),
    )
    max_plan_fields: int = knob(
        3_000,
        "Fields that an operation may select as it is executed, those of an interface counted for"
        " each of its types.",
        check=checks.at_least(1),
    )
    max_values: int = knob(
        1_000,
        "Values that the variables of an operation, or the literals of a document, may hold in"
        " their lists and objects together.",
        check=checks.at_least(1),
    )
    compression: bool = knob(
        True,
        "Compress responses of 2 kB and more by gzip for callers that accept it. Takes about as"
        " much CPU as making the response; off where a proxy in front does it.",
    )
    drain_s: float = knob(
        2.0,
        "How long the gateway goes on as before after SIGTERM, while `/health/ready` says 503 and"
        " connections are closed after their next response; a load balancer should have noticed"
        " by then.",
        unit="s",
        check=checks.at_least(0),
    )
    shutdown_timeout_s: float = knob(
        10.0,
        "How long running operations may go on once nothing new is accepted; those that still run"
        " then are answered with an error.",
        unit="s",
        check=checks.positive,
    )
    metrics: bool = knob(
        False,
        "Serve metrics for Prometheus at `/metrics`, to whoever can reach it: keep callers away"
        " from that path. Needs the extra `metrics`.",
    )
    traces: bool = knob(
        False,
        "Trace operations and upstream calls by OpenTelemetry, and send the spans by OTLP over"
        " HTTP, as the standard variables say (`OTEL_EXPORTER_OTLP_ENDPOINT`,"
        " `OTEL_SERVICE_NAME`, …). Needs the extra `otel`.",
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
        0, "Loopback port of the sandbox's REST API; 0 takes a free one.", check=checks.port
    )
    sandbox_seed: int = knob(1, "Seed of the sandbox's world: same seed, same world.")
    sandbox_jobs: int = knob(
        1_200, "Jobs of the sandbox's largest project.", check=checks.at_least(0)
    )

    def __post_init__(self) -> None:
        mistakes = []
        for knob_ in fields(self):
            try:
                value = checked(knob_, getattr(self, knob_.name))
            except ValueError as error:
                mistakes.append(f"{knob_.name} {error}")
            else:
                object.__setattr__(self, knob_.name, value)
        mistakes += contradictions(
            sandbox=self.sandbox,
            upstream_url=self.upstream_url,
            documents=self.documents,
            trusted_documents=self.trusted_documents,
            store_url=self.store_url,
            store_key=self.store_key,
            workers=self.workers,
            max_upstream_connections=self.max_upstream_connections,
        )
        if mistakes:
            raise SettingsError(mistakes)

    def check_upstream(self) -> None:
        """Raise `SettingsError` where there is no upstream, and the sandbox must not stand in."""
        lack = lack_of_upstream(
            sandbox=self.sandbox, upstream_url=self.upstream_url, host=self.host
        )
        if lack is not None:
            raise SettingsError([lack])

    @classmethod
    def read(
        cls, environment: Mapping[str, str], flags: Mapping[str, str] | None = None
    ) -> Settings:
        """Settings from raw texts: `flags`, by field name, win over `environment`, by `GATEWAY_…`.

        Raises `SettingsError` with everything that is wrong, unknown `GATEWAY_` names included.
        """
        values = read_knobs(fields(cls), _types(), environment, flags or {})
        return cls(**(PRODUCTION if values.get("production") else {}) | values)


def choices_of(name: str) -> list[str]:
    """The words a setting is one of; empty where it is not one of a few."""
    return [word for word in get_args(_types()[name]) if isinstance(word, str)]


def default_of(name: str) -> tuple[str, str]:
    """The default as a variable or flag is given it, and for people where that differs; empty for
    one that is not set.
    """
    declared = next(each for each in fields(Settings) if each.name == name)
    value: Any = declared.default
    unit = declared.metadata["unit"]
    if isinstance(value, bool):
        return str(value).lower(), ""
    if isinstance(value, tuple):
        return ",".join(value), ""
    text = f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
    if unit == "bytes":
        return text, f"{value / 1_000_000:g} MB"
    return text, f"{text} {unit}" if unit else ""


def is_switch(name: str) -> bool:
    """Is it on or off, so that its flag takes no value?"""
    return _types()[name] in SWITCHES


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Settings)
