"""What can be read of an answer that cannot be read as a whole.

Rows are taken apart by their brackets and commas alone, and each part is decoded by itself. So what
is of another type, out of range, nested beyond measure or no JSON at all costs only its own place:
there the entity holds None, and `faults` says why.

    class SalvagedJob(Job):  faults: {"ref": UpstreamInvalid("… ref: Expected `str`, got `null`")}

An object without its id is none, and a list keeps an error in the place of such an item. All this
is for the rare case; nothing of it runs for answers that are as they should be.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, defstruct, field
from msgspec.structs import FieldInfo, fields

from gateway.errors import UpstreamInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.upstream.wire import Body

__all__ = [
    "CANNOT_BE_READ",
    "UNREADABLE",
    "Salvage",
    "Unfit",
    "is_salvaged",
    "keys_of",
    "rows_of",
]

# msgspec's errors, text that is no UTF-8, and JSON nested beyond measure.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# Longer answers are not taken apart: it would block the loop for too long.
MAX_BYTES: Final = 4 * 1024 * 1024
# Nor are those of more rows or marks: a page has 100 rows, and a fat one some 65,000 marks.
MAX_ROWS: Final = 1_000
MAX_TOKENS: Final = 100_000

CANNOT_BE_READ: Final = "the upstream's answer cannot be read: "
_TOO_LONG: Final = "cannot be read, and is too long to be taken apart"

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]', re.DOTALL)
_KEY = re.compile(rb'\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:', re.DOTALL)
_decode_text = msgspec.json.Decoder(str).decode

# Makes the error for a part, of what is wrong with it.
Refuse: TypeAlias = "Callable[[str], UpstreamInvalid]"


class Unfit(ValueError):
    """No object or list, or an object without its id."""


class Salvage:
    """Reads objects of the classes of one answer, as far as they can be read."""

    def __init__(self) -> None:
        # By class, and by a field's type: pruned classes come and go with their plan.
        self._classes: dict[type, type] = {}
        self._decoders: dict[Any, Callable[[Body], Any]] = {}

    def read(self, shape: type, raw: Body, refuse: Refuse) -> Any:
        """An object with all that can be read of it; raises `Unfit`."""
        members = dict(_members_of(raw))
        values: dict[str, Any] = {}
        faults: dict[str, UpstreamInvalid] = {}
        for part in fields(shape):
            value = self._part(part, members.get(part.encode_name), refuse)
            if isinstance(value, UpstreamInvalid):
                faults[part.name] = value
                value = None
            values[part.name] = value
        if "id" in faults:
            raise Unfit(faults["id"].message.removeprefix(CANNOT_BE_READ))
        return self._class_of(shape)(**values, faults=faults)

    def _part(self, part: FieldInfo, raw: bytes | None, refuse: Refuse) -> Any:
        if raw is None:
            if part.required:
                return refuse(f"{part.encode_name} is missing")
            return part.default if part.default is not NODEFAULT else part.default_factory()
        return self._value(part.type, part.encode_name, raw, refuse)

    def _value(self, hint: Any, name: str, raw: bytes, refuse: Refuse) -> Any:
        """A value of a type, or the error for it."""
        try:
            return self._decode(hint, raw)
        except UNREADABLE as error:
            told = str(error) if isinstance(error, msgspec.ValidationError) else "cannot be read"
        for kind in (hint, *get_args(hint)):
            try:
                if isinstance(kind, type) and issubclass(kind, Struct):
                    return self.read(kind, raw, refuse)
                if get_origin(kind) is list and issubclass(get_args(kind)[0], Struct):
                    return [
                        self._value(get_args(kind)[0], f"{name}.{place}", item, refuse)
                        for place, item in enumerate(rows_of(raw))
                    ]
            except Unfit as unfit:
                told = str(unfit)
        return refuse(f"{name}: {told}")

    def _decode(self, hint: Any, raw: bytes) -> Any:
        decode = self._decoders.get(hint)
        if decode is None:
            decode = self._decoders[hint] = msgspec.json.Decoder(hint).decode
        return decode(raw)

    def _class_of(self, shape: type) -> type:
        class_ = self._classes.get(shape)
        if class_ is None:
            class_ = self._classes[shape] = defstruct(
                f"Salvaged{shape.__name__}",
                [("faults", dict[str, UpstreamInvalid], field(default_factory=dict))],
                bases=(shape,),
                namespace={"whole": getattr(shape, "whole", shape)},
            )
        return class_


def is_salvaged(entity: object) -> bool:
    """Was it, or something in it, read part by part?"""
    return hasattr(entity, "faults")


def keys_of(raw: Body) -> set[str]:
    """The keys of an object; none of anything else."""
    try:
        return {key for key, _ in _members_of(raw)}
    except Unfit:
        return set()


def rows_of(raw: Body) -> list[bytes]:
    """The items of a list, as they stand in its text; raises `Unfit`."""
    rows = list(islice(_parts_of(raw, b"[", b"]"), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise Unfit(_TOO_LONG)
    return rows


def _members_of(raw: Body) -> Iterator[tuple[str, bytes]]:
    for part in _parts_of(raw, b"{", b"}"):
        key = _KEY.match(part)
        if key is not None:
            try:
                yield _decode_text(key[1]), part[key.end() :]
            except UNREADABLE:
                continue


def _parts_of(raw: Body, opening: bytes, closing: bytes) -> Iterator[bytes]:
    """What stands between the commas of an object or list, and not within another one."""
    text = bytes(raw).strip(b" \t\r\n")
    if not text.startswith(opening) or not text.endswith(closing):
        raise Unfit(f"expected {_NAMES[opening]}")
    if len(text) > MAX_BYTES:
        raise Unfit(_TOO_LONG)
    depth, start = 0, 1
    for token in _tokens_of(text):
        mark = token[0]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if not depth:
                if token.end() != len(text):
                    break
                last = text[start : token.start()].strip()
                if last or start > 1:
                    yield last
                return
        elif mark == b"," and depth == 1:
            yield text[start : token.start()].strip()
            start = token.end()
    raise Unfit("its brackets do not match")


def _tokens_of(text: bytes) -> Iterator[re.Match[bytes]]:
    for seen, token in enumerate(_TOKEN.finditer(text)):
        if seen == MAX_TOKENS:
            raise Unfit(_TOO_LONG)
        yield token


_NAMES: Final = {b"[": "a list", b"{": "an object"}
