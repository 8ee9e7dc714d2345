"""The tabs the explorer opens with: operations that show what this graph is for.

Each is a document in `tabs/`, named as its operation, and variables that fit it. Those that the
folder `examples` of the repository has as well are the same there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import msgspec

__all__ = ["Examples", "Tab", "opening_tabs"]


@dataclass(frozen=True, slots=True)
class Examples:
    """What the tabs ask for: projects by numeric id or full path, the rest by numeric id. By
    default, words that a person replaces.
    """

    project: str = "group/project"
    other_project: str = "group/other-project"
    pipeline: str = "1"
    failed_job: str = "1"
    manual_job: str = "1"
    running_job: str = "1"


class Tab(msgspec.Struct, frozen=True):
    """A document and its variables, as the editors show them."""

    query: str
    variables: str


def opening_tabs(examples: Examples) -> list[Tab]:
    """The tabs, in order."""
    folder = files(__name__.rpartition(".")[0]).joinpath("tabs")
    values = asdict(examples)
    return [
        Tab(
            folder.joinpath(f"{name}.graphql").read_text(encoding="utf-8").rstrip(),
            _filled(wanted, values),
        )
        for name, wanted in _TABS.items()
    ]


# Variables of each tab: a value, or in angle brackets the example to fill in.
_TABS: dict[str, dict[str, Any]] = {
    "FailedJobs": {"project": "<project>"},
    "Dashboard": {"projects": ["<project>", "<other_project>"]},
    "PipelineTree": {"project": "<project>", "pipeline": "<pipeline>"},
    "RetryAllFailed": {"project": "<project>", "pipeline": "<pipeline>"},
    "PageThroughJobs": {"project": "<other_project>", "first": 20, "after": None},
    "RetryIfStillFailed": {"project": "<project>", "job": "<failed_job>"},
    "PlayWithVariables": {
        "project": "<project>",
        "job": "<manual_job>",
        "variables": [{"key": "ENVIRONMENT", "value": "staging"}],
    },
    "FollowLog": {"project": "<project>", "job": "<running_job>"},
    "WatchPipeline": {"project": "<project>", "pipeline": "<pipeline>"},
    "TwoProjects": {"one": "<project>", "other": "<other_project>"},
}


def _filled(wanted: dict[str, Any], values: dict[str, str]) -> str:
    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(item) for item in value]
        return values.get(value[1:-1], value) if isinstance(value, str) else value

    variables = {name: fill(value) for name, value in wanted.items()}
    return msgspec.json.format(msgspec.json.encode(variables), indent=2).decode()
