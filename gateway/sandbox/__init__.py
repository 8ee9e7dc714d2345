"""A Jobs API server of our own: GitLab's endpoints, errors, roles and versions over a world in
SQLite.

It is built from docs/upstream.md alone and imports nothing else of the gateway, so that a
misreading of the API is not made twice. Start with `Sandbox`.

    sandbox             a server to embed; `editor` changes its world by hand
    http                what it serves
    demo, simulation    what it starts with; how it moves
    world               what it holds
    profile, statuses   the versions it can be, the status words
"""

from __future__ import annotations

from gateway.sandbox.http.app import Received
from gateway.sandbox.http.faults import KINDS, Fault
from gateway.sandbox.profile import PROFILES, Profile
from gateway.sandbox.sandbox import Sandbox
from gateway.sandbox.statuses import STATUSES

__all__ = ["KINDS", "PROFILES", "STATUSES", "Fault", "Profile", "Received", "Sandbox"]
