"""What is searched for in a log: a text as it is, or a regular expression.

Regular expressions are RE2's, which takes time in proportion to what it reads, whatever the
expression; its syntax has no back references and no look-around for that. It comes with an extra
(`search`), because there are systems it is not built for; texts are searched without.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from gateway.errors import BadInput
from gateway.extras import how_to_install

try:
    import re2
except ImportError:
    re2 = None

__all__ = ["MAX_PATTERN_LENGTH", "Pattern", "check_pattern", "compile_pattern"]

MAX_PATTERN_LENGTH: Final = 1_000
# What RE2 may take for an expression, what it remembers while it searches included. The library
# keeps the last 128 of them.
MAX_MEM_BYTES: Final = 256 * 1024
# Steps of RE2's program: so many are tried at most at each byte.
MAX_STEPS: Final = 2_000
# ^ and $ are the ends of a line.
LINES: Final = "(?m)"
SYNTAX: Final = "https://github.com/google/re2/wiki/Syntax"
# What may look beyond a line, or at a part of a character. (A pair is an escape, whatever follows.)
_ESCAPE_OR_FLAGS = re.compile(r"\\.|\(\?[A-Za-z]*-[A-Za-z]*m", re.DOTALL)
_BEYOND_A_LINE: Final = {r"\A", r"\z", r"\C"}


class Pattern(Protocol):
    """Finds in lines, joined by line feeds, as UTF-8. A match lies within one line."""

    @property
    def is_slow(self) -> bool:
        """May a search of 64 KiB take long? It lets go of the interpreter then."""

    def find(self, lines: bytes, start: int) -> int:
        """Where the next match begins, from the start of a line on; -1 for none."""


class _Text:
    is_slow = False

    def __init__(self, text: str) -> None:
        # Half of a surrogate pair is a text that no log shows.
        self._text = text.encode("utf-8", "surrogatepass")

    def find(self, lines: bytes, start: int) -> int:
        return lines.find(self._text, start)


class _Expression:
    is_slow = True

    def __init__(self, compiled: Any) -> None:
        self._search = compiled.search

    def find(self, lines: bytes, start: int) -> int:
        found = self._search(lines, start)
        return -1 if found is None else found.start()


def check_pattern(text: str, *, is_regex: bool) -> None:
    """Raise `BadInput` for what cannot be searched for, as far as a look at it tells."""
    if not text:
        raise BadInput("pattern: it is empty; give what to search for")
    if len(text) > MAX_PATTERN_LENGTH:
        raise BadInput(
            f"pattern: it has {len(text):,} characters; give at most {MAX_PATTERN_LENGTH:,}"
        )
    if not is_regex:
        if "\n" in text:
            raise BadInput(
                "pattern: it has a line feed, and no line has; search for a part of one line"
            )
        return
    if re2 is None:
        raise BadInput(
            "regex: this gateway has no engine for regular expressions. Search for a text with"
            f" regex: false, or have its operator install one: {how_to_install('search')}"
        )
    for part in _ESCAPE_OR_FLAGS.findall(text):
        if part in _BEYOND_A_LINE or part[0] == "(":
            raise BadInput(
                f"pattern: {part} cannot be used, each line is searched by itself; ^ and $ are its"
                " start and end"
            )


def compile_pattern(text: str, *, is_regex: bool) -> Pattern:
    """What finds the pattern; raises `BadInput`. Takes up to some milliseconds."""
    check_pattern(text, is_regex=is_regex)
    return _compiled(text) if is_regex else _Text(text)


def _compiled(text: str) -> Pattern:
    options = re2.Options()
    options.max_mem = MAX_MEM_BYTES
    options.log_errors = False
    options.never_capture = True
    options.never_nl = True
    try:
        compiled = re2.compile(LINES + text, options)
    except UnicodeEncodeError:
        raise BadInput("pattern: it has half of a surrogate pair, which is no text") from None
    except re2.error as error:
        raise BadInput(_told(error)) from None
    if compiled.programsize > MAX_STEPS:
        raise BadInput(_TOO_LARGE)
    return _Expression(compiled)


_TOO_LARGE: Final = (
    "pattern: it has too many states; use smaller repetitions and classes, or search for a part"
    " of it"
)


def _told(error: Exception) -> str:
    reason = error.args[0]
    reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    if "too large" in reason:
        return _TOO_LARGE
    return (
        f"pattern: {reason.replace(LINES, '', 1)[:200]}. Regular expressions are RE2's, without"
        f" back references and look-around ({SYNTAX})"
    )
