"""The page about the settings, docs/settings.md, made from their declarations."""

from __future__ import annotations

from dataclasses import fields

from gateway.settings.knobs import OF_FILE, flag_of, variable_of
from gateway.settings.settings import Settings, choices_of, default_of, is_switch

__all__ = ["describe_settings"]


def describe_settings() -> str:
    """docs/settings.md."""
    rows = []
    for knob in fields(Settings):
        default, readable = default_of(knob.name)
        shown = f"`{default}`" + (f" ({readable})" if readable else "") if default else "not set"
        words = [f"`{word}`" for word in choices_of(knob.name)]
        sentence = knob.metadata["sentence"] + (f" One of {', '.join(words)}." if words else "")
        flag = flag_of(knob.name)
        names = f"`{variable_of(knob.name)}`<br>`{flag}`"
        if is_switch(knob.name):
            names += f", `--no-{flag[2:]}`"
        rows.append(f"| {names} | {shown} | {sentence} |")
    needed = [variable_of(knob.name) for knob in fields(Settings) if knob.metadata["if_empty"]]
    secrets = [
        variable_of(knob.name) + OF_FILE for knob in fields(Settings) if knob.metadata["is_secret"]
    ]
    return _PAGE.format(rows="\n".join(rows), needed=_listed(needed), secrets=_listed(secrets))


def _listed(names: list[str]) -> str:
    shown = [f"`{name}`" for name in names]
    return " and ".join([", ".join(shown[:-1]), shown[-1]])


_PAGE = """\
# Settings

Each is an environment variable and a flag of `jobs-gateway` (the flag wins). An empty variable
counts as not set, as templates of deployments leave them; only {needed}
must not be empty, since whoever sets one wants what would not be there. Mistakes are reported all
at once and nothing starts; so are `GATEWAY_` variables that are not in this table (Kubernetes makes
such variables for a Service named `gateway`: set `enableServiceLinks: false`). There is no setting
for a credential of the upstream: each caller sends their own.

Secrets may stand in a file, as Docker, Kubernetes and systemd hand them out: {secrets}
name it. The blank around what it holds does not count.

Defaults stand as a variable or a flag is given them, with their unit for people beside them: it is
no part of the value.

This page is made from the code: `jobs-gateway settings > docs/settings.md`.

| Variable, flag | Default | What it does |
|---|---|---|
{rows}

## Several workers

With `GATEWAY_WORKERS=N` what is bounded towards the upstream, and memory, is bounded for all of
them together; what an operation or a caller may take of one process is bounded in each.

| bound | each worker has |
|---|---|
| `GATEWAY_MAX_UPSTREAM_CONNECTIONS`, and the shares of it | 1/N; the parts make up the whole |
| what `RateLimit-*` tell of a credential | 1/N of the limit (1 at least), and of what is left |
| what an upstream that tells nothing served a credential | what its own calls were served |
| looks at what is watched that a credential may have under way (4) | 1/N, 1 at least |
| `GATEWAY_KEPT_BYTES`; the 200 MB that may wait for all callers | 1/N |
| `GATEWAY_MAX_OPERATIONS`, `GATEWAY_MAX_SUBSCRIPTIONS` | the whole: N times as many in all |
| `GATEWAY_DOCUMENTS_KEPT`, `GATEWAY_PERSISTED_DOCUMENTS` | the whole: each has its own |
| bounds of one operation, one document, one request, one connection | the whole |
| intervals (`GATEWAY_WATCH_INTERVAL_S`), circuits, a readiness check a second | its own |

The parts hold as well where another server starts the processes (`uvicorn --workers N`) and
`GATEWAY_WORKERS=N` says how many there are. No reads are kept then (`GATEWAY_KEPT_READS`) without a
store (`GATEWAY_STORE_URL`), since no process would know what another one wrote.
"""
