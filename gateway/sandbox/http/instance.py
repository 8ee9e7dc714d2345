"""One running GitLab instance: its state, time and behaviour, put together for its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.http.bodies import Bodies
from gateway.sandbox.http.limits import Limits
from gateway.sandbox.profile import PROFILES, Profile
from gateway.sandbox.simulation.actions import Actions
from gateway.sandbox.simulation.runner import Runner
from gateway.sandbox.simulation.transitions import Transitions
from gateway.sandbox.world.rows import TokenRow

if TYPE_CHECKING:
    from gateway.sandbox.world.clock import Clock
    from gateway.sandbox.world.store import Store

__all__ = ["Instance"]


class Instance:
    """What a request works on, in the current profile."""

    def __init__(
        self, store: Store, clock: Clock, *, profile: Profile | str, external_url: str
    ) -> None:
        self.store = store
        self.clock = clock
        self.external_url = external_url.rstrip("/")
        self.tokens = {token.text: token for token in store.all(TokenRow)}
        self.limits = Limits(clock)
        self.transitions = Transitions(store, clock)
        self.runner = Runner(store, clock, self.transitions)
        self.object_storage: str | None = None
        """Origin that artifact downloads are redirected to; None serves them here."""
        self.profile = profile

    def reload(self) -> None:
        """Read everything again, after the world was changed by hand."""
        self.tokens = {token.text: token for token in self.store.all(TokenRow)}
        self.profile = self._profile

    @property
    def profile(self) -> Profile:
        return self._profile

    @profile.setter
    def profile(self, profile: Profile | str) -> None:
        """Change the version. A status that an older version lacks is replaced, for good."""
        if isinstance(profile, str):
            if profile not in PROFILES:
                raise ValueError(f"unknown profile: {profile} (known: {', '.join(PROFILES)})")
            profile = PROFILES[profile]
        self._profile = profile
        if not self._profile.canceling:
            for word in ("canceling", "waiting_for_callback"):
                self.store.replace_status(word, self._profile.shown(word))
        self.bodies = Bodies(self.store, self.clock, self._profile, self.external_url)
        self.actions = Actions(self.store, self.clock, self._profile, self.transitions)
