"""Global ids: what kind of thing, in which project (and pipeline), which number.

    Job:<project>:<pipeline>:<job>     Bridge:<project>:<pipeline>:<bridge>
    Pipeline:<project>:<pipeline>      Project:<project>

in base64 without padding. The project is its number; of upstreams that leave it out (GitLab before
13.10) it is what the caller called it, and a pipeline they do not name is 0. To callers an id is
opaque; every thing has exactly one.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.errors import BadInput
from gateway.schema.scalars import MAX_BIG_INT

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey

__all__ = ["GlobalId", "global_id", "parse_global_id"]

# How many numbers follow the project.
LENGTHS: Final = {"Project": 0, "Pipeline": 1, "Bridge": 2, "Job": 2}


class GlobalId(NamedTuple):
    """An id taken apart: `numbers` are those of the pipeline, and of the job or bridge in it."""

    type_name: str
    project: ProjectKey
    numbers: tuple[int, ...]


def global_id(plain: bytes) -> str:
    """The id for a text of one of the forms above."""
    return b2a_base64(plain).rstrip(b"=\n").decode()


def parse_global_id(text: str) -> GlobalId:
    """Take an id apart; raises `BadInput` for anything that `global_id` does not make."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        plain = a2b_base64(padded, strict_mode=True).decode("ascii")
        type_name, project, *rest = plain.split(":")
        key = int(project) if project.isdecimal() else project
        numbers = tuple(map(int, rest))
    except ValueError:
        raise _malformed(text) from None
    # Written again it must be the same text: one thing has no second id.
    again = global_id(":".join((type_name, str(key), *map(str, numbers))).encode())
    if (
        LENGTHS.get(type_name) != len(numbers)
        or not key
        or any(part > MAX_BIG_INT or part < 0 for part in (key, *numbers) if isinstance(part, int))
        or again != text
    ):
        raise _malformed(text)
    return GlobalId(type_name, key, numbers)


def _malformed(text: str) -> BadInput:
    return BadInput(f"not a global id: {text[:80]!r}; give one back as an id field gave it")
