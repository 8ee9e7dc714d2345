"""What settings may hold together: each function takes those that it compares, and tells what is
wrong in sentences that name their variables.
"""

from __future__ import annotations

from gateway.settings.checks import is_loopback

__all__ = ["contradictions", "lack_of_upstream"]


def contradictions(
    *,
    sandbox: bool | None,
    upstream_url: str | None,
    documents: str,
    trusted_documents: str | None,
    store_url: str | None,
    store_key: str | None,
    workers: int,
    max_upstream_connections: int,
) -> list[str]:
    """A sentence for each that contradicts another, whatever the gateway is made for."""
    mistakes = []
    if sandbox and upstream_url is not None:
        mistakes.append("GATEWAY_SANDBOX=true contradicts GATEWAY_UPSTREAM_URL: set one of them")
    if documents != "also" and trusted_documents is None:
        mistakes.append(
            f"GATEWAY_DOCUMENTS={documents} needs GATEWAY_TRUSTED_DOCUMENTS: set it to"
            " the folder or manifest of those that are trusted"
        )
    if store_url is not None and store_key is None:
        mistakes.append(
            "GATEWAY_STORE_URL needs GATEWAY_STORE_KEY, which seals what is kept there: set it, or"
            " GATEWAY_STORE_KEY_FILE, to 32 characters at least that all gateways of the store have"
        )
    if workers > max_upstream_connections:
        mistakes.append(
            f"GATEWAY_WORKERS={workers} leaves workers without a connection to the"
            f" upstream: GATEWAY_MAX_UPSTREAM_CONNECTIONS={max_upstream_connections} is"
            " for all of them together"
        )
    return mistakes


def lack_of_upstream(*, sandbox: bool | None, upstream_url: str | None, host: str) -> str | None:
    """Why there is nobody to ask: no upstream, and the sandbox must not stand in; else None."""
    if upstream_url is not None or sandbox:
        return None
    missing = (
        "GATEWAY_UPSTREAM_URL is missing: set it to the GitLab to ask, such as"
        " https://gitlab.example.com"
    )
    if sandbox is False:
        return f"{missing} (GATEWAY_SANDBOX=false, or GATEWAY_PRODUCTION, rules the sandbox out)"
    if not is_loopback(host):
        beyond = "GATEWAY_SANDBOX=true for the sandbox, whose tokens are public, beyond this"
        return f"{missing}; or {beyond} machine (GATEWAY_HOST={host})"
    return None
