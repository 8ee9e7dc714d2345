"""Parts of the application, as the settings want them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.execution.admission import Admission
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.flights import Flights
from gateway.execution.free import FreeDocuments
from gateway.execution.limits import Limits
from gateway.execution.preparing import Measured
from gateway.execution.running import Budget
from gateway.execution.schema import make_schema
from gateway.execution.trusted import TrustedDocuments
from gateway.extras import how_to_install
from gateway.settings import SettingsError
from gateway.transport.callers import Callers
from gateway.transport.explorer import Examples, Explorer
from gateway.upstream.calls import Circuit, ClientConfig, Pool, Standings, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.shared_reads import SharedReads
from gateway.upstream.wire import WireOptions
from gateway.version import __version__
from gateway.watch import Live, Pacing

if TYPE_CHECKING:
    from gateway.embedded_sandbox import EmbeddedSandbox
    from gateway.hooks import Hooks
    from gateway.settings import Settings
    from gateway.team import Team
    from gateway.telemetry.exporting import Exporting
    from gateway.telemetry.measuring import Measuring
    from gateway.transport.explorer import Bundle
    from gateway.upstream.calls.shared_pace import SharedPace
    from gateway.upstream.kept import KeptReads
    from gateway.upstream.wire import Wire
    from gateway.watch.sharing import Sharing

__all__ = [
    "Reached",
    "admission_of",
    "budget_of",
    "callers_of",
    "client_of",
    "documents_of",
    "explorer_of",
    "exporting_of",
    "flights_of",
    "free_documents_of",
    "live_of",
    "measuring_of",
    "trusted_documents_of",
    "wire_options_of",
]

USER_AGENT: Final = f"jobs-gateway/{__version__}"
# In the sandbox's world. The failed job is not the pipeline's, which a tab before retries.
DEMO: Final = Examples(
    project="1", other_project="6", pipeline="6", failed_job="67", manual_job="1", running_job="8"
)
# Limits that are only measured are enforced at so many times their defaults.
MEASURED_UP_TO: Final = 10
# Looks at what is watched that one credential may have under way, over all workers.
ROUNDS_AT_ONCE: Final = 4


def budget_of(settings: Settings) -> Budget:
    """What an operation may take."""
    return Budget(
        calls=_limit(settings, "max_calls"),
        event_calls=settings.max_event_calls,
        event_timeout_s=settings.request_timeout_s,
        calls_in_flight=settings.max_calls_in_flight,
        page_size=settings.max_page_size,
        list_rows=settings.max_list_rows,
        read_bytes=_limit(settings, "max_read_bytes"),
        response_nodes=_limit(settings, "max_response_nodes"),
        response_bytes=settings.max_response_bytes,
        mutations=settings.mutations,
        measured=_measured(settings),
    )


def _limit(settings: Settings, name: str) -> int:
    """A limit as it is enforced: where it is only measured, at least ten times the default."""
    value: int = getattr(settings, name)
    default: int = getattr(type(settings)(), name)
    return value if settings.limits == "enforce" else max(value, MEASURED_UP_TO * default)


def _measured(settings: Settings) -> Measured | None:
    if settings.limits == "enforce":
        return None
    return Measured(
        settings.max_calls,
        settings.max_response_nodes,
        settings.max_plan_fields,
        settings.max_read_bytes,
    )


def documents_of(settings: Settings, hooks: Hooks | None = None) -> Documents:
    """The documents, with the schema and their limits."""
    limits = Limits(
        tokens=settings.max_tokens,
        depth=settings.max_depth,
        fields=settings.max_fields,
        plan_fields=settings.max_plan_fields,
        values=settings.max_values,
    )
    return Documents(
        make_schema(PlannedExecutor),
        limits if settings.limits == "enforce" else limits.at_least(MEASURED_UP_TO),
        measured=None if settings.limits == "enforce" else limits,
        introspection=settings.introspection,
        kept=settings.documents_kept,
        hooks=hooks,
    )


def trusted_documents_of(settings: Settings, documents: Documents) -> TrustedDocuments:
    """Those of these that are trusted, not read yet."""
    path = settings.trusted_documents
    return TrustedDocuments(documents, None if path is None else Path(path))


def free_documents_of(settings: Settings) -> FreeDocuments | None:
    """What becomes of those that are not trusted; None where they are run as well."""
    if settings.documents == "also":
        return None
    return FreeDocuments(are_reported=settings.documents == "report")


def wire_options_of(settings: Settings, api_url: str, team: Team) -> WireOptions:
    """How the upstream is reached."""
    parts = urlsplit(api_url)
    return WireOptions(
        origin=f"{parts.scheme}://{parts.netloc}",
        connect_timeout_s=settings.connect_timeout_s,
        max_connections=team.share_of(settings.max_upstream_connections),
        max_answer_bytes=settings.max_answer_bytes,
        ca_file=settings.upstream_ca_file,
        client_cert=settings.upstream_client_cert,
        proxy=settings.upstream_proxy,
        silence_s=settings.request_timeout_s / 3,
        max_age_s=settings.max_connection_age_s,
    )


@dataclass(frozen=True, slots=True)
class Reached:
    """A client of the upstream, what all its calls share, and the operations that its writes
    concern.
    """

    client: Client
    standings: Standings
    circuit: Circuit
    connections: Pool
    kept: KeptReads | SharedReads | None
    flights: Flights | None


def client_of(
    settings: Settings,
    wire: Wire,
    api_url: str,
    team: Team,
    hooks: Hooks,
    kept: KeptReads | SharedReads | None,
    pace: SharedPace | None = None,
) -> Reached:
    """The client that this worker has, over a wire that is open; with a store it keeps one `pace`
    with all others.
    """
    flights = flights_of(settings, team, kept)
    standings, circuit = Standings(team.size, pace), Circuit()
    connections = Pool(team.share_of(settings.max_upstream_connections))
    chain = standard_chain(
        wire,
        ClientConfig(api_url, user_agent=USER_AGENT),
        connections=connections,
        standings=standings,
        circuit=circuit,
        kept=kept,
        hooks=hooks,
        changes=None if team.slate is None else team.slate.changes(),
        on_write=None if flights is None else flights.close,
    )
    client = Client.over(chain, standings)
    return Reached(client, standings, circuit, connections, kept, flights)


def flights_of(
    settings: Settings, team: Team, kept: KeptReads | SharedReads | None
) -> Flights | None:
    """What executes equal operations together; none where the writes of another worker, or of
    another gateway with the same store, would not show: the store tells them where it keeps reads.
    """
    if not settings.shared_operations or not team.knows_writes:
        return None
    if isinstance(kept, SharedReads):
        return Flights(kept.changes, kept.observe)
    if settings.store_url is not None:
        return None
    return Flights(None if team.slate is None else team.slate.changes())


def admission_of(settings: Settings, standings: Standings) -> Admission:
    """Who may run how many operations at once."""
    return Admission(
        standings.verified, each=settings.max_operations, unknown=settings.max_operations // 2
    )


def callers_of(settings: Settings, team: Team) -> Callers:
    """What makes callers of requests and messages."""
    return Callers(
        team.fingerprint_key,
        settings.request_timeout_s,
        settings.trusted_proxies,
        forwards_address=settings.forward_address,
    )


def explorer_of(bundle: Bundle | None, sandbox: EmbeddedSandbox | None) -> Explorer | None:
    """The explorer, where there is one; over the sandbox it presents a demo token."""
    if bundle is None:
        return None
    if sandbox is None:
        return Explorer(bundle=bundle)
    return Explorer({"PRIVATE-TOKEN": sandbox.tokens["developer"]}, DEMO, bundle)


def live_of(settings: Settings, client: Client, team: Team, sharing: Sharing | None = None) -> Live:
    """What is watched, with others where it is shared."""
    least_s = settings.watch_interval_s
    return Live(
        client,
        pacing=Pacing(least_s, max(least_s, settings.watch_idle_interval_s)),
        poll_timeout_s=settings.request_timeout_s,
        rounds_at_once=team.share_of(ROUNDS_AT_ONCE),
        tell=team.tell if team.size > 1 else None,
        sharing=sharing,
    )


def measuring_of(settings: Settings) -> Measuring | None:
    """The metrics, where they are wanted. Several workers count together in the folder that
    `PROMETHEUS_MULTIPROC_DIR` names, as whoever starts them sets it. Raises `SettingsError`.
    """
    if not settings.metrics:
        return None
    named = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    folder = Path(named) if named else None
    if folder is not None and not folder.is_dir():
        raise SettingsError([f"PROMETHEUS_MULTIPROC_DIR={named} is no folder: make it"])
    made: Measuring = _of_extra("measuring", "metrics").Measuring(__version__, folder)
    return made


def exporting_of(settings: Settings) -> Exporting | None:
    """The traces, where they are wanted. Raises `SettingsError`."""
    if not settings.traces:
        return None
    try:
        made: Exporting = _of_extra("exporting", "otel").Exporting(__version__)
    except ValueError as error:
        raise SettingsError([str(error)]) from None
    return made


def _of_extra(module: str, extra: str) -> Any:
    """A module of `gateway.telemetry` that needs an extra; raises `SettingsError` without it."""
    try:
        return import_module(f"gateway.telemetry.{module}")
    except ModuleNotFoundError as error:
        setting = "GATEWAY_METRICS" if extra == "metrics" else "GATEWAY_TRACES"
        lacking = f"{setting}=true needs {error.name}, which is not installed"
        raise SettingsError([f"{lacking}: {how_to_install(extra)}"]) from None
