"""Knobs: how a setting is declared, named, and read from a text."""

from __future__ import annotations

import difflib
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from dataclasses import Field

__all__ = [
    "OF_FILE",
    "PREFIX",
    "SWITCHES",
    "SettingsError",
    "checked",
    "flag_of",
    "knob",
    "read_knobs",
    "variable_of",
]

PREFIX: Final = "GATEWAY_"
# Behind a secret's name: the file that it stands in.
OF_FILE: Final = "_FILE"
LONGEST_SECRET_BYTES: Final = 65_536
# The types of what is on or off.
SWITCHES: Final = (bool, bool | None)

T = TypeVar("T")


class SettingsError(ValueError):
    """All that is wrong with the settings, in one message; `mistakes` has a sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def knob(
    default: T,
    sentence: str,
    *,
    unit: str = "",
    check: Callable[[Any], Any] | None = None,
    is_secret: bool = False,
    if_empty: str | None = None,
) -> T:
    """A setting. `check` takes a parsed value, or each of several, and gives the one to keep. The
    value of one that `is_secret` is printed nowhere. One that must not be set and empty says
    `if_empty` what to do.
    """
    metadata = {
        "sentence": sentence,
        "unit": unit,
        "check": check,
        "is_secret": is_secret,
        "if_empty": if_empty,
    }
    made: T = field(default=default, metadata=metadata, repr=not is_secret)
    return made


def variable_of(name: str) -> str:
    """The environment's name of a setting."""
    return PREFIX + name.upper()


def flag_of(name: str) -> str:
    """The command line's name of a setting."""
    return "--" + name.replace("_", "-")


def read_knobs(
    knobs: Iterable[Field[Any]],
    types: Mapping[str, Any],
    environment: Mapping[str, str],
    flags: Mapping[str, str],
) -> dict[str, Any]:
    """The values that are set, by field name; raises `SettingsError` with all that is wrong.

    An empty or blank variable counts as not set, but those that say what to do `if_empty`: whoever
    sets them wants something that would silently not be there. A secret may stand in a file, which
    its variable with `_FILE` behind it names.
    """
    values: dict[str, Any] = {}
    known = {variable_of(each.name): each for each in knobs}
    files = {name + OF_FILE for name, each in known.items() if each.metadata["is_secret"]}
    named = sorted(name for name in environment if name.startswith(PREFIX))
    mistakes = [_unknown(name, [*known, *files]) for name in named if name not in {*known, *files}]
    environment, unread = _with_files(environment, sorted(files))
    mistakes += unread
    for name, each in known.items():
        source, text = name, environment.get(name, "").strip() or None
        is_blank = text is None and name in environment
        if each.name in flags:
            source, text = flag_of(each.name), flags[each.name].strip()
            is_blank = not text
        if is_blank and (advice := each.metadata["if_empty"]) is not None:
            mistakes.append(f"{source} is empty: {advice}, or leave it out")
            continue
        if text is None:
            continue
        try:
            values[each.name] = checked(each, _parsed(types[each.name], text))
        except ValueError as error:
            mistakes.append(f"{source}={_shown(each, text)} {error}")
    if mistakes:
        raise SettingsError(mistakes)
    return values


def _with_files(
    environment: Mapping[str, str], files: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """The environment with the secrets that stand in files, and what is wrong with these."""
    values, mistakes = dict(environment), []
    for file in files:
        path, name = values.pop(file, "").strip(), file.removesuffix(OF_FILE)
        if not path:
            continue
        if values.get(name, "").strip():
            mistakes.append(f"{name} and {file} are both set: set one of them")
            continue
        try:
            values[name] = _secret_in(path)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            mistakes.append(f"{file}={path!r} cannot be read: {why}")
    return values, mistakes


def _secret_in(path: str) -> str:
    with Path(path).open("rb") as file:
        content = file.read(LONGEST_SECRET_BYTES + 1)
    if len(content) > LONGEST_SECRET_BYTES:
        raise ValueError(f"it holds more than {LONGEST_SECRET_BYTES} bytes")
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    if not text:
        raise ValueError("it is empty")
    return text


def checked(each: Field[Any], value: Any) -> Any:
    """A parsed value as its check gives it; raises `ValueError` with all that is wrong with it."""
    check = each.metadata["check"]
    if check is None or value is None:
        return value
    if not isinstance(value, tuple):
        return check(value)
    kept, mistakes = [], []
    for part in value:
        try:
            kept.append(check(part))
        except ValueError as error:
            mistakes.append(f"{_shown(each, part)} {error}" if len(value) > 1 else str(error))
    if mistakes:
        raise ValueError(("holds " if len(value) > 1 else "") + ", and ".join(mistakes))
    return tuple(kept)


def _parsed(type_: Any, text: str) -> Any:
    """The value a text stands for; raises `ValueError` saying what it should be."""
    choices = get_args(type_)
    if type_ in SWITCHES:
        words = {"true": True, "1": True, "yes": True, "on": True}
        words |= {"false": False, "0": False, "no": False, "off": False}
        if text.lower() not in words:
            raise ValueError("is neither true nor false")
        return words[text.lower()]
    if type_ in {int, float}:
        try:
            return type_(text)
        except ValueError:
            kind = "whole number" if type_ is int else "number"
            raise ValueError(f"is no {kind}") from None
    if type_ == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if choices and type(None) not in choices and text not in choices:
        raise ValueError(f"is none of {', '.join(choices)}")
    return text


def _shown(each: Field[Any], text: str) -> str:
    """A value as a message may repeat it: an address may hold a credential by mistake."""
    return "…" if each.metadata["is_secret"] or "@" in text else repr(text)


def _unknown(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, list(known), n=1)
    meant = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"{name} is no setting{meant}"
