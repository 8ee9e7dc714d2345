"""Workers: one gateway in several processes (architecture.md, workers share a slate, not a store).

    parent    binds, has the sandbox where there is one, starts, watches and renews workers
    door      takes connections off the listener and hands each to the worker with the fewest
    worker    one process that serves what it is handed
    line      what a parent and a worker tell each other

    callers ──► listener ── Door ──► worker 0 ──┐
                  (parent)   └─────► worker 1 ──┴──► upstream, or the sandbox in the parent

What workers share beside these is a slate (`gateway.slate`): who has how many connections, and what
changed when. uvicorn's own supervisor is not used: it has workers accept for themselves, so that
the fastest gets most; restarts a worker that dies at once without a pause; takes no signal while it
renews; asks a thread of the worker for its health, which answers while the loop stands still; and
leaves workers behind when it is killed.
"""

from gateway.workers.parent import WorkersFailed, serve_with_workers

__all__ = ["WorkersFailed", "serve_with_workers"]
