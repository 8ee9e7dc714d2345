"""How a world moves: what callers do to jobs, and what the simulated runner does.

`actions` are the callers' (cancel, retry, erase, play), `runner` takes queued jobs through their
lives. Both change jobs through `transitions`, so that stages and pipelines follow.
"""
