"""What a case of the corpus is, and what the worlds of cases are made of."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gateway.errors import Forbidden, UpstreamInvalid
from tests.execution.fake_world import ENDPOINT, World

if TYPE_CHECKING:
    from tests.execution.comparison import Answer

__all__ = [
    "BRIDGE",
    "JOB",
    "OF_JOB_6",
    "OF_PIPELINES",
    "OF_PROJECT_JOBS",
    "PIPELINE",
    "SAME_PIPELINE",
    "Case",
    "broken",
    "global_id",
    "hidden",
    "with_names",
    "with_row",
    "with_rows",
    "without",
]


@dataclass(frozen=True, slots=True)
class Case:
    """`data` is what the last set of variables gives, `errors` the paths of its errors; None where
    the reference alone tells. Without errors all of it is compiled, unless it `is_referred`.

    In the text `<Job:1:3:6>` stands for that global id, and so do the names in `SHORT`.
    """

    name: str
    text: str
    variables: tuple[dict[str, Any], ...] = ({},)
    data: Any = None
    errors: list[str] | None = None
    world: World = field(default_factory=World)
    # Something of it goes the reference way.
    is_referred: bool = False

    @property
    def document(self) -> str:
        text = re.sub("|".join(SHORT), lambda name: SHORT[name[0]], self.text)
        return re.sub("<(.*?)>", lambda named: global_id(named[1]), text)

    def check(self, answer: Answer) -> None:
        """Is this what the last set of variables gives?"""
        assert self.world.outcomes.keys() <= set(answer.asked), "a prepared outcome is not used"
        if self.data is not None:
            assert answer.data == self.data
        if self.errors is not None or self.data is not None:
            paths = [".".join(map(str, failure.path)) for failure in answer.failures.elements()]
            assert sorted(paths) == sorted(self.errors or [])
        assert answer.failures or answer.is_compiled != self.is_referred


def global_id(text: str) -> str:
    return b64encode(text.encode()).decode().rstrip("=")


def hidden(what: str) -> Forbidden:
    return Forbidden(f"hidden: {what}", endpoint=ENDPOINT, status=403)


def broken(what: str) -> UpstreamInvalid:
    return UpstreamInvalid(f"cannot be read: {what}", endpoint=ENDPOINT, status=200)


def without(**attributes: Any) -> Any:
    """An outcome: the made-up entity with other values."""
    return lambda entity: replace(entity, **attributes)


def with_row(place: int, row: Any) -> Any:
    """An outcome: the made-up listing with another row, or one made from the row there."""

    def change(listing: Any) -> Any:
        listing.items[place] = row(listing.items[place]) if callable(row) else row
        return listing

    return change


def with_rows(**attributes: Any) -> Any:
    """An outcome: the made-up listing, each row with other values."""

    def change(listing: Any) -> Any:
        listing.items[:] = [replace(item, **attributes) for item in listing.items]
        return listing

    return change


def with_names(*names: Any) -> Any:
    """An outcome: the made-up listing, its rows with these names."""

    def change(listing: Any) -> Any:
        listing.items[:] = [
            replace(item, name=name) for item, name in zip(listing.items, names, strict=True)
        ]
        return listing

    return change


# What the texts of cases abbreviate.
SHORT = {
    "JOB_6": 'job(by: {id: "<Job:1:3:6>"})',
    "JOB_7": 'job(by: {id: "<Job:1:4:7>"})',
    "CANCEL_6": 'jobCancel(input: {job: {id: "<Job:1:3:6>"}})',
}
JOB, BRIDGE, PIPELINE = map(global_id, ("Job:1:3:6", "Bridge:1:2:3", "Pipeline:1:2"))
# The keys of loads: what the fake context is asked for.
OF_JOB_6 = ("job", 1, 6)
OF_JOBS = ("jobs", 1, 2, (), False, 20, False, True)
OF_PIPELINES = ("pipelines", 1, None, (), 3, False, True)
OF_PROJECT_JOBS = ("project jobs", 1, (), 20, False, True)
SAME_PIPELINE = with_rows(pipeline=World().pipeline(1, 9))
