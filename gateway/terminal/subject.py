"""What a person pasted: the address of a job's or a pipeline's page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Subject", "WatchMistake", "read_subject", "refuse_credentials"]

_PAGE = re.compile(r"/.+?(?:/-)?/(jobs|builds|pipelines)/[0-9]{1,19}(?:/.*)?")
EXAMPLE: Final = "https://gitlab.example.com/group/project/-/pipelines/1"

# Personal and other tokens have such a prefix; old ones are twenty characters.
_TOKEN = re.compile(r"\bgl[a-z]{1,8}-[\w.-]{8,}|_?gitlab_session=")
_OLD_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w-]{20,64}")
_TOKEN_OPTION = re.compile(r"(?i)--?[\w-]*(?:token|password|credential|secret)[\w-]*(?:=.*)?")
_TOKEN_PARAMETER = re.compile(r"(?i)[?&#;][\w-]*token=")
_USER_INFO = re.compile(r"\w+://[^/?#]*@")


class WatchMistake(Exception):
    """What the user got wrong; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A job or a pipeline, by the address of its page."""

    kind: Literal["job", "pipeline"]
    url: str
    """Without what a browser adds: a query, a fragment."""
    origin: str
    """The GitLab it is of: `https://gitlab.example.com`."""


def read_subject(text: str) -> Subject:
    """The subject that an address names; raises `WatchMistake`."""
    try:
        address = urlsplit(text.strip())
        port = address.port
    except ValueError:
        raise WatchMistake(f"this is no address; give one like {EXAMPLE}") from None
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise WatchMistake(
            f"watch takes the whole address of a job's or pipeline's page, such as {EXAMPLE}"
        )
    # As it stands where the address of the API is what is known.
    path = address.path.removeprefix("/api/v4")
    page = _PAGE.fullmatch(path)
    if page is None:
        raise WatchMistake(
            "this is not the page of a job or a pipeline; open one in the browser and paste its"
            f" address, such as {EXAMPLE}"
        )
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    origin = f"{address.scheme}://{host}" + ("" if port is None else f":{port}")
    kind: Literal["job", "pipeline"] = "pipeline" if page[1] == "pipelines" else "job"
    return Subject(kind, origin + path, origin)


def refuse_credentials(arguments: Sequence[str]) -> None:
    """Raise `WatchMistake` where an argument looks like a credential. The message does not repeat
    it.
    """
    for argument in arguments:
        if (
            _TOKEN.search(argument)
            or _TOKEN_OPTION.fullmatch(argument)
            or _OLD_TOKEN.fullmatch(argument)
            or _TOKEN_PARAMETER.search(argument)
            or _USER_INFO.match(argument)
        ):
            raise WatchMistake(
                "an argument looks like a token, or like a place for one. Arguments are seen by"
                " others, in lists of processes and in the shell's history: put the token in the"
                " variable GITLAB_TOKEN, or leave it out and be asked for it. A token that was"
                " given this way should be revoked"
            )
