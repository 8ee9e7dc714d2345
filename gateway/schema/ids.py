"""Global ids: what kind of thing, in which project (and pipeline), which number.

    Job:<project>:<pipeline>:<job>     Bridge:<project>:<pipeline>:<bridge>
    JobLog:<project>:<pipeline>:<job>  Pipeline:<project>:<pipeline>
    Project:<project>

in base64 without padding. The project is its number. GitLab before 13.10 leaves that number out:
there the project is what the caller called it, and the pipeline is 0 where the answer does not name
it. To callers an id is opaque. Every thing has exactly one.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.errors import BadInput
from gateway.schema.scalars import MAX_BIG_INT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.upstream.entities import ProjectKey

__all__ = ["GlobalId", "count_logs", "global_id", "names_log", "parse_global_id"]

# How many numbers follow the project.
LENGTHS: Final = {"Project": 0, "Pipeline": 1, "Bridge": 2, "Job": 2, "JobLog": 2}


_NUMBER_AT_END: Final = re.compile(r"(?:^|/)(\d{1,19})$", re.ASCII)


class GlobalId(NamedTuple):
    """An id taken apart: `numbers` are those of the pipeline, and of the job or bridge in it."""

    type_name: str
    project: ProjectKey
    numbers: tuple[int, ...]


def global_id(plain: bytes) -> str:
    """The id for a text of one of the forms above."""
    return b2a_base64(plain).rstrip(b"=\n").decode()


def parse_global_id(text: str, by_number: str = "") -> GlobalId:
    """Take an id apart; raises `BadInput` for anything that `global_id` does not make. For who
    knows a number alone, `by_number` says how a thing is named by it: `job(…, job: {number})`.
    """
    try:
        plain = a2b_base64(text.encode("ascii") + b"=" * (-len(text) % 4), strict_mode=True)
        type_name, project, *rest = plain.decode("ascii").split(":")
        key = _number(project) if project.isdecimal() else project
        numbers = tuple([_number(part) for part in rest])
    except ValueError:
        raise _malformed(text, by_number) from None
    # Written again it must be the same text: one thing has no second id.
    if LENGTHS.get(type_name) != len(numbers) or not key or global_id(plain) != text:
        raise _malformed(text, by_number)
    return GlobalId(type_name, key, numbers)


# With the letters up to its colon this is a whole number of base64's groups.
_LOG: Final = global_id(b"JobLog")


def count_logs(texts: Sequence[str]) -> int:
    """How many of these are ids of logs?"""
    # Nearly always none, which shows in all of them together.
    return sum(map(names_log, texts)) if _LOG in "".join(texts) else 0


def names_log(text: str) -> bool:
    """Is this the id of a log? Takes apart only what begins like one."""
    if not text.startswith(_LOG):
        return False
    try:
        return parse_global_id(text).type_name == "JobLog"
    except BadInput:
        return False


def _number(digits: str) -> int:
    """Raises `ValueError` unless the number is written as upstreams write it: no sign, no leading
    zeros, at most 63 bits.
    """
    if not digits.isdecimal() or (digits[0] == "0" and digits != "0"):
        raise ValueError(digits)
    number = int(digits)
    if number > MAX_BIG_INT:
        raise ValueError(digits)
    return number


def _malformed(text: str, by_number: str) -> BadInput:
    told = f"not a global id: {text[:80]!r}; give one back as an id field gave it"
    if by_number:
        # "8", and "gid://gitlab/Ci::Build/8" of GitLab's own GraphQL.
        number = _NUMBER_AT_END.search(text)
        named = by_number.replace("{number}", number.group(1) if number else "8")
        told += f", or name it by its number: {named}"
    return BadInput(told)
