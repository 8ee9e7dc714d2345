"""Live subjects: one poller for each credential and subject, however many listen.

    Live        who is told of what (`live`)
      pipelines   the poller of a pipeline and its jobs; what its rounds read: `pipeline_rounds`
      logs        the poller of a log, over a tape that its readers share (`tape`)
        poller      what both are: a task with an interval, a turn and a wake
          feed        what one listener has not taken yet

It stands beside the loaders: those read for one operation, this for all callers of a credential.
"""

from gateway.watch.changes import CHANGED_AT_ONCE, Change
from gateway.watch.clock import Clock
from gateway.watch.feed import Event
from gateway.watch.interval import Pacing
from gateway.watch.live import Live
from gateway.watch.tape import LogEvent

__all__ = ["CHANGED_AT_ONCE", "Change", "Clock", "Event", "Live", "LogEvent", "Pacing"]
