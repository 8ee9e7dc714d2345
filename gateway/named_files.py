"""Files and JSON that arguments of commands name: read, or told in plain words why not."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any, Final

__all__ = ["FileMistake", "text_of", "values_of", "why_unreadable"]

_WHY: Final = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EISDIR: "it is a folder; name a file in it",
    errno.EACCES: "this user may not read it",
    errno.EPERM: "this user may not read it",
}


class FileMistake(Exception):
    """What was named cannot be read; the message says what it is, and what to do."""


def text_of(path: Path) -> str:
    """The text of a file, or of standard input where `-` is named; raises `FileMistake`."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileMistake(f"cannot read {path}: {why_unreadable(error, path)}") from None
    except UnicodeDecodeError:
        raise FileMistake(f"cannot read {path}: it is no text in UTF-8") from None


def why_unreadable(error: OSError, path: Path) -> str:
    """The system's reason, without its number; for a relative path also where it was looked for."""
    why = _WHY.get(error.errno or 0) or (error.strerror or "it cannot be opened").lower()
    is_elsewhere = error.errno == errno.ENOENT and not path.is_absolute()
    return f"{why} in {Path.cwd()}" if is_elsewhere else why


def values_of(argument: str, flag: str) -> dict[str, Any]:
    """The object that an argument holds as JSON, or the file that it names as `@FILE`; raises
    `FileMistake`.
    """
    is_file = argument.startswith("@")
    text = text_of(Path(argument[1:])) if is_file else argument
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        if not is_file and _is_file(argument):
            raise FileMistake(f"{flag} takes JSON; to read a file, {flag} @{argument}") from None
        what = argument[1:] if is_file else flag
        told = f"{what} is no JSON: line {error.lineno}, column {error.colno}: {_fault_of(error)}"
        raise FileMistake(told) from None
    except (RecursionError, ValueError):
        raise FileMistake(f"{flag} is nested too deeply, or holds a number too long") from None
    if not isinstance(values, dict):
        raise FileMistake(f'{flag} takes an object of names and values, such as {{"first": 20}}')
    return values


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # JSON may be longer than a name
        return False


def _fault_of(error: json.JSONDecodeError) -> str:
    """What stands where the text stops being JSON."""
    rest = error.doc[error.pos :].lstrip()
    if not rest:
        return 'it ends too early; it takes an object, such as {"first": 20}'
    if error.msg.startswith("Unterminated"):
        return "the string that begins here does not end"
    if rest.startswith("'"):
        return "names and strings stand in double quotes"
    return f"{rest[0]!r} cannot stand here"
