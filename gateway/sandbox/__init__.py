"""A Jobs API server of our own: GitLab's endpoints, errors, roles and versions over a world in
SQLite.

Built from the contract alone; it imports nothing else of the gateway, so that a misreading of the
API is not made twice. Start with `Sandbox`.
"""

from __future__ import annotations

from gateway.sandbox.http.app import Received
from gateway.sandbox.http.faults import KINDS, Fault
from gateway.sandbox.profile import PROFILES, Profile
from gateway.sandbox.sandbox import Sandbox
from gateway.sandbox.statuses import STATUSES

__all__ = ["KINDS", "PROFILES", "STATUSES", "Fault", "Profile", "Received", "Sandbox"]
