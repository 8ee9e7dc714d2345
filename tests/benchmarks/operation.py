"""The operations that are measured: text, variables, the upstream calls and the cost they may have.

Texts are operations/*.graphql. What they ask for exists in `world.World`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["FIFTY_JOBS", "GROWTH", "IN_TEXT", "OPERATIONS", "Operation"]

_FILES = Path(__file__).parent / "operations"
_PROJECT = "278964"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    `calls` is what the floor needs and the most the gateway may; `limit` is the most CPU the
    gateway may use, in floors; `aim` what it is to come to, in floors over its own wire. One that
    is measured with kept reads as well has a `kept_limit`: the most CPU it may use then, of what it
    uses otherwise, asked one at a time; one that is measured with many callers who ask the same an
    `alike_limit`, of what they use who do not.
    """

    title: str
    text: str
    calls: int
    limit: float
    variables: dict[str, Any] = field(default_factory=dict)
    kept_limit: float | None = None
    alike_limit: float | None = None
    aim: float | None = None

    def numbered(self, number: int) -> Operation:
        """The same in a text of its own, of a shape of its own: another name."""
        name = f"query N{number:09}"
        return replace(self, text=re.sub(r"^(query \w+)?", name, self.text, count=1))

    def valued(self, number: int) -> Operation:
        """The same in a text of its own that has another value, the answer's not hanging on it."""
        # No project has the id 0.
        own = f'{{ own: project(id: "{number + 1:09}") {{ __typename }}'
        return replace(self, text=self.text.replace("{", own, 1), variables={})

    def in_text(self) -> Operation:
        """The same with the variables' values in the text."""
        text = re.sub(r"^query (\w+)\(.*?\) ", r"query \1 ", self.text)
        for name, value in self.variables.items():
            text = text.replace(f"${name}", msgspec.json.encode(value).decode())
        return replace(self, text=text, variables={})

    def asked_by(self, place: int) -> Operation:
        """The same with a variable that nothing reads."""
        return replace(self, variables={**self.variables, "asked_by": place})

    def body(self) -> bytes:
        """The request's body."""
        return msgspec.json.encode({"query": self.text, "variables": self.variables})


def _text(file: str) -> str:
    return (_FILES / f"{file}.graphql").read_text()


def _list(fields: str, first: int, limit: float) -> Operation:
    title = f"{first} jobs, {'12' if fields == 'few' else '30'} fields"
    variables = {"project": _PROJECT, "first": first}
    return Operation(title, _text(f"{fields}_fields"), 1, limit, variables)


# What 1, 20 and 100 jobs of few and many fields cost; by limits, only the slope from 20 to 100
# counts.
GROWTH = {
    "few_1": _list("few", 1, 2),
    "few_20": replace(_list("few", 20, 1.5), kept_limit=0.6, alike_limit=0.35, aim=1.3),
    "few_100": _list("few", 100, 1.3),
    "many_1": _list("many", 1, 2),
    "many_20": _list("many", 20, 1.5),
    "many_100": replace(_list("many", 100, 1.3), aim=1.1),
}

OPERATIONS = {
    "typename": Operation("{ __typename }", _text("typename"), 0, 1.7, aim=1),
    "one_job": Operation(
        "one job, 12 fields",
        _text("one_job"),
        1,
        1.6,
        {"project": _PROJECT, "job": "16862617825"},
        kept_limit=0.7,
        aim=1.5,
    ),
    "few_20": GROWTH["few_20"],
    "many_100": GROWTH["many_100"],
    # The newest 20 jobs are of 4 pipelines.
    "nested": Operation(
        "20 jobs → pipeline → jobs",
        _text("nested"),
        5,
        1.5,
        {"project": _PROJECT, "first": 20},
        aim=1.3,
    ),
    # Every sixth of the newest 300 builds.
    "fifty_jobs": Operation("50 aliased jobs", _text("fifty_jobs"), 3, 1.5, aim=1.2),
    # Every second of the newest 120 of a pipeline's 160 builds.
    "sixty_nodes": Operation(
        "60 nodes of a pipeline",
        _text("sixty_nodes"),
        2,
        1.5,
        msgspec.json.decode((_FILES / "sixty_nodes.json").read_bytes()),
    ),
    # 3 pages of jobs, 1 of bridges, and 1 that shows that nothing was retried.
    "whole_pipeline": Operation(
        "250 items by stage, 20 fields",
        _text("whole_pipeline"),
        5,
        1.6,
        {"project": _PROJECT, "pipeline": "2870000000"},
    ),
}

# Those of programs that write values into the text.
IN_TEXT = {name: OPERATIONS[name].in_text() for name in ("one_job", "few_20", "fifty_jobs")}

# The numbers that fifty_jobs.graphql names, highest first.
FIFTY_JOBS = [
    int(part.partition('"')[0]) for part in OPERATIONS["fifty_jobs"].text.split('job: "')[1:]
]
