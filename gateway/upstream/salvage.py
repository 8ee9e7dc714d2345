"""What can be read of an answer that cannot be read as a whole.

An object is taken apart (`taking_apart`), and each part is decoded by itself. So what is of another
type, out of range, nested beyond measure or no JSON at all costs only its own place: there the
entity holds None, and `faults` says why.

    class SalvagedJob(Job):  faults: {"ref": UpstreamInvalid("… ref: Expected `str`, got `null`")}

An object without its id is none, and a list keeps an error in the place of such an item. All this
is for the rare case; nothing of it runs for answers that are as they should be. It is done in
steps, each of which holds the loop for a moment only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, defstruct, field
from msgspec.structs import FieldInfo, fields

from gateway.errors import UpstreamInvalid
from gateway.upstream.taking_apart import (
    AT_ONCE_BYTES,
    TOO_LONG,
    UNREADABLE,
    Unfit,
    is_cheap,
    members_of,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.upstream.taking_apart import Steps
    from gateway.upstream.wire import Body

__all__ = ["CANNOT_BE_READ", "Salvage", "is_salvaged"]

CANNOT_BE_READ: Final = "the upstream's answer cannot be read: "

# Makes the error for a part, of what is wrong with it.
Refuse: TypeAlias = "Callable[[str], UpstreamInvalid]"


class Salvage:
    """Reads objects of the classes of one answer, as far as they can be read."""

    def __init__(self) -> None:
        # By class, and by a field's type: pruned classes come and go with their plan.
        self._classes: dict[type, type] = {}
        self._parts: dict[type, tuple[FieldInfo, ...]] = {}
        self._decoders: dict[Any, Callable[[Body], Any]] = {}

    def read(self, shape: type, raw: Body, refuse: Refuse) -> Steps[Any]:
        """An object with all that can be read of it; raises `Unfit`."""
        members = yield from members_of(raw)
        values: dict[str, Any] = {}
        faults: dict[str, UpstreamInvalid] = {}
        for part in self._parts_of(shape):
            raw_value = members.get(part.encode_name)
            value = yield from self._part(part, raw_value, refuse)
            if raw_value is not None and len(raw_value) > AT_ONCE_BYTES:
                yield
            if isinstance(value, UpstreamInvalid):
                faults[part.name] = value
                value = None
            values[part.name] = value
        yield
        if "id" in faults:
            raise Unfit(faults["id"].message.removeprefix(CANNOT_BE_READ))
        return self._class_of(shape)(**values, faults=faults)

    def _part(self, part: FieldInfo, raw: bytes | None, refuse: Refuse) -> Steps[Any]:
        if raw is None:
            if part.required:
                return refuse(f"{part.encode_name} is missing")
            return part.default if part.default is not NODEFAULT else part.default_factory()
        return (yield from self._value(part.type, part.encode_name, raw, refuse))

    def _value(self, hint: Any, name: str, raw: bytes, refuse: Refuse) -> Steps[Any]:
        """A value of a type, or the error for it."""
        told = TOO_LONG
        if is_cheap(raw):
            try:
                return self._decode(hint, raw)
            except UNREADABLE as error:
                told = (
                    str(error) if isinstance(error, msgspec.ValidationError) else "cannot be read"
                )
            yield
        for kind in (hint, *get_args(hint)):
            try:
                if _is_object(kind):
                    return (yield from self.read(kind, raw, refuse))
                if get_origin(kind) is list and _is_object(get_args(kind)[0]):
                    items = []
                    for place, item in enumerate((yield from rows_of(raw))):
                        where = f"{name}.{place}"
                        items.append(
                            (yield from self._value(get_args(kind)[0], where, item, refuse))
                        )
                    return items
            except Unfit as unfit:
                told = str(unfit)
        return refuse(f"{name}: {told}")

    def _decode(self, hint: Any, raw: bytes) -> Any:
        decode = self._decoders.get(hint)
        if decode is None:
            decode = self._decoders[hint] = msgspec.json.Decoder(hint).decode
        return decode(raw)

    def _parts_of(self, shape: type) -> tuple[FieldInfo, ...]:
        parts = self._parts.get(shape)
        if parts is None:
            # Takes 1 ms each time.
            parts = self._parts[shape] = fields(shape)
        return parts

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


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def is_salvaged(entity: object) -> bool:
    """Was it, or something in it, read part by part?"""
    return hasattr(entity, "faults")
