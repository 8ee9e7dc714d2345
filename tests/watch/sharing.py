"""What replicas share, in memory and in driven time: the model of what a store has to do."""

from __future__ import annotations

import math
from collections import defaultdict

from gateway.upstream.credential import owner_of
from gateway.watch.sharing import Look, SharingAway, Turn

__all__ = ["Medium", "Replica"]

# How long who reads may be silent while a round is under way.
LEASE_S = 3.0


class State:
    """A subject, as all see it."""

    def __init__(self):
        self.number = self.told = 0
        self.began = self.told_began = self.due = -math.inf
        self.index, self.parts = b"", {}
        self.holder, self.until = None, -math.inf
        self.wants, self.members = {}, []


class Medium:
    """What is between the replicas."""

    def __init__(self, clock):
        self.clock = clock
        self.is_away = False
        self.states = defaultdict(State)
        self.replicas = []

    def come_back(self):
        self.is_away = False
        for replica in self.replicas:
            for listener in replica.returned:
                listener()


class Replica:
    """One replica's side of it. One that is frozen keeps no lease alive, and hears nothing."""

    def __init__(self, medium):
        self.medium = medium
        self.is_frozen = self.is_away = False
        self.heard, self.returned = [], []
        medium.replicas.append(self)

    def subject(self, credential, name, noticed):
        state = self.medium.states[owner_of(credential), name]
        return Subject(self, state, noticed)

    def tell(self, news):
        if self.medium.is_away:
            return False
        for replica in self.medium.replicas:
            if replica is not self and not replica.is_frozen:
                for listener in replica.heard:
                    listener(news, self.medium.clock.now())
        return True

    def on_news(self, listener):
        self.heard.append(listener)

    def on_return(self, listener):
        self.returned.append(listener)


class Subject:
    def __init__(self, replica, state, noticed):
        self.replica, self.state, self.noticed = replica, state, noticed
        self.clock = replica.medium.clock
        state.members.append(self)

    async def look(self, wants):
        self._check()
        self.state.wants[self] = wants
        return self._look()

    async def claim(self, wants, good_s, since=-math.inf):
        self._check()
        state, now = self.state, self.clock.now()
        state.wants[self] = wants
        holder, is_under_way = self._holder(), self._is_under_way()
        is_old = not is_under_way and (now - state.began > good_s or state.began < since)
        if holder not in {None, self} and not is_old:
            return Turn(self._look())
        state.number, state.began, state.holder = state.number + 1, now, self
        others = [one for member, one in state.wants.items() if member is not self]
        return Turn(self._look(), state.number, tuple(others))

    def has_lost(self, number):
        return self.state.number != number

    async def part(self, name):
        self._check()
        return self.state.parts.get(name)

    async def tell(self, number, index, parts, kept, *, due_s, late_s):
        self._check()
        state, now = self.state, self.clock.now()
        if state.number != number:
            return False
        known = state.parts | parts
        state.parts = {name: known[name] for name in kept}
        state.index, state.told, state.told_began = index, number, state.began
        state.due, state.until = now + due_s, now + due_s + late_s
        self._notice()
        return True

    def leave(self):
        state = self.state
        state.wants.pop(self, None)
        state.members.remove(self)
        if state.holder is self:
            state.holder = None
            self._notice()

    def _notice(self):
        for member in list(self.state.members):
            if member is not self and not member.replica.is_frozen:
                member.noticed()

    def _is_under_way(self):
        state = self.state
        return self._holder() is not None and state.told != state.number

    def _holder(self):
        state = self.state
        holder = state.holder
        if holder is None:
            return None
        if state.told != state.number:
            return None if holder.replica.is_frozen else holder
        return holder if self.clock.now() < state.until else None

    def _look(self):
        state, now = self.state, self.clock.now()
        under_way_s = now - state.began if self._is_under_way() else None
        until = state.until if self._holder() else state.due
        rest_s = LEASE_S if under_way_s is not None else max(until - now, 0.0)
        age_s = now - state.told_began
        return Look(state.told, state.told_began, age_s, state.index, rest_s, under_way_s)

    def _check(self):
        if self.replica.medium.is_away or self.replica.is_away:
            raise SharingAway
