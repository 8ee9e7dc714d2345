"""Request parameters: nested names as Rack reads them, checks with Grape's error texts.

Query, body and path parameters are one set. A body wins over the query, the path over both. Checked
values and defaults are put back into the set, because `Link` repeats them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote_plus

from gateway.sandbox.http.answers import error
from gateway.sandbox.world.jsontext import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "JOB_ID",
    "PIPELINE_ID",
    "PROJECT_ID",
    "Param",
    "boolean",
    "check",
    "integer",
    "mapping",
    "merge_body",
    "nested",
    "one_of",
    "one_or_more_of",
    "page_params",
    "query_text",
    "text",
    "time",
    "variables",
]

INVALID = "is invalid"
NOT_A_VALUE = "does not have a valid value"
_TRUE = {"1", "t", "true", "on", "y", "yes"}
_FALSE = {"0", "f", "false", "off", "n", "no"}
_INTEGER = re.compile(r"[+-]?\d+")


class Wrong(Exception):
    """A value that does not pass. Each argument is a message that completes `<param> …`."""


@dataclass(frozen=True, slots=True)
class Param:
    """A declared parameter. `read` gives the value from what was sent, or raises Wrong."""

    name: str
    read: Callable[[Any], Any]
    default: Any = None
    required: bool = False


def check(params: dict[str, Any], declared: Sequence[Param]) -> None:
    """Check and convert in place. All faults are told by one 400, in the order of declaration."""
    faults: list[str] = []
    for param in declared:
        sent = params.get(param.name)
        if sent is None:
            if param.required and param.name not in params:
                faults.append(f"{param.name} is missing")
            elif param.default is not None:
                params[param.name] = param.default
            continue
        try:
            value = param.read(sent)
        except Wrong as wrong:
            faults += [
                said if said.startswith(f"{param.name}[") else f"{param.name} {said}"
                for said in wrong.args
            ]
        else:
            params[param.name] = param.default if value is None else value
    if faults:
        raise error(400, {"error": ", ".join(faults)})


# Kinds of values


def integer(sent: Any) -> int | None:
    if isinstance(sent, int) and not isinstance(sent, bool):
        return sent
    if sent == "":
        return None
    if isinstance(sent, str) and _INTEGER.fullmatch(sent):
        return int(sent) if len(sent) < 4000 else 1 << 64
    raise Wrong(INVALID)


def boolean(sent: Any) -> bool | None:
    """Any letter case: python-gitlab sends True and False."""
    if isinstance(sent, bool):
        return sent
    word = str(sent).lower() if isinstance(sent, str | int) else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    if word == "":
        return None
    raise Wrong(INVALID)


def text(sent: Any) -> str:
    if isinstance(sent, str | int | float):
        return str(sent)
    raise Wrong(INVALID)


def time(sent: Any) -> datetime | None:
    if sent == "":
        return None
    try:
        return datetime.fromisoformat(sent)
    except (TypeError, ValueError):
        raise Wrong(INVALID) from None


def mapping(sent: Any) -> Mapping[str, Any]:
    if isinstance(sent, dict):
        return sent
    raise Wrong(INVALID)


def one_of(*allowed: str) -> Callable[[Any], str]:
    def read(sent: Any) -> str:
        word = text(sent)
        if word not in allowed:
            raise Wrong(NOT_A_VALUE)
        return word

    return read


def one_or_more_of(allowed: Sequence[str], *, hashes: bool) -> Callable[[Any], Any]:
    """`scope`: a word, a list, a JSON list, or with `hashes` also a hash, whose values count.

    A route that takes hashes makes a list of every form. Elsewhere a single word stays a word,
    because `Link` repeats it as it came.
    """

    def read(sent: Any) -> Any:
        if isinstance(sent, dict):
            if not hashes:
                raise Wrong(INVALID)
            sent = list(sent.values())
        elif isinstance(sent, str) and sent.startswith("["):
            sent = _json_list(sent)
        listed = sent if isinstance(sent, list) else [sent]
        if any(word not in allowed for word in listed if isinstance(word, str)):
            raise Wrong(NOT_A_VALUE)
        if not all(isinstance(word, str) for word in listed):
            raise Wrong(NOT_A_VALUE if hashes else INVALID)
        return listed if hashes else sent

    return read


def _json_list(sent: str) -> Any:
    try:
        listed = parse(sent)
    except ValueError:
        return sent
    return listed if isinstance(listed, list) else sent


def variables(sent: Any) -> list[dict[str, str]]:
    """`job_variables_attributes`: hashes with `key` and `value`, both required, both texts."""
    name = "job_variables_attributes"
    if not isinstance(sent, list):
        raise Wrong(INVALID)
    faults: list[str] = []
    for index, item in enumerate(sent):
        if not isinstance(item, dict):
            faults.append(f"{name}[{index}] {INVALID}")
            continue
        for key in ("key", "value"):
            if key not in item:
                faults.append(f"{name}[{index}][{key}] is missing")
            elif isinstance(item[key], dict | list):
                faults.append(f"{name}[{index}][{key}] {INVALID}")
    if faults:
        raise Wrong(*faults)
    return [{key: _as_text(item[key]) for key in ("key", "value")} for item in sent]


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _per_page(sent: Any) -> int | None:
    number = integer(sent)
    if number == 0:
        raise Wrong("has a value not allowed")
    return number


PROJECT_ID = Param("id", text, required=True)
PIPELINE_ID = Param("pipeline_id", integer, required=True)
JOB_ID = Param("job_id", integer, required=True)


def page_params() -> tuple[Param, Param]:
    return Param("page", integer, default=1), Param("per_page", _per_page, default=20)


# Sources


def nested(pairs: str) -> dict[str, Any]:
    """A query or form as Rack reads it: `a[]=1`, `a[k]=1`, `a[][k]=1`. 400 if a name is used in
    two shapes.
    """
    params: dict[str, Any] = {}
    for name, value in parse_qsl(pairs, keep_blank_values=True):
        _put(params, name, value, depth=0)
    return params


def merge_body(params: dict[str, Any], content_type: str, body: bytes) -> None:
    """Add the parameters of a form or a JSON object. Bodies of other types have none."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" and body:
        try:
            value = parse(body)
        except ValueError:
            raise error(400, {"error": "The given request body is not valid JSON"}) from None
        if isinstance(value, dict):
            params |= value
    elif kind in {"", "application/x-www-form-urlencoded"}:
        params |= nested(body.decode("utf-8", "replace"))


def _put(params: dict[str, Any], name: str, value: str, *, depth: int) -> Any:
    """Put one value where Rack's `normalize_params` puts it."""
    if depth == 0:
        start = name.find("[", 1)
        key, after = (name, "") if start < 0 else (name[:start], name[start:])
    elif name.startswith("[]"):
        key, after = "[]", name[2:]
    elif name.startswith("[") and (end := name.find("]", 1)) > 0:
        key, after = name[1:end], name[end + 1 :]
    else:
        key, after = name, ""
    if not key or depth > 32:
        return params
    if not after:
        if key == "[]" and depth:
            return [value]
        params[key] = value
    elif after == "[]":
        _kind(params, key, list).append(value)
    elif after.startswith("[]"):
        child = after[3:-1] if re.fullmatch(r"\[\]\[[^\[\]]+\]", after) else after[2:]
        items = _kind(params, key, list)
        if items and isinstance(items[-1], dict) and child not in items[-1]:
            _put(items[-1], child, value, depth=depth + 1)
        else:
            items.append(_put({}, child, value, depth=depth + 1))
    else:
        _put(_kind(params, key, dict), after, value, depth=depth + 1)
    return params


def _kind(params: dict[str, Any], key: str, kind: type[Any]) -> Any:
    held = params.setdefault(key, kind())
    if not isinstance(held, kind):
        expected = "Array" if kind is list else "Hash"
        got = "Array" if isinstance(held, list) else "Hash" if isinstance(held, dict) else "String"
        raise error(400, {"error": f"expected {expected} (got {got}) for param `{key}'"})
    return held


# Back to text


def query_text(params: Mapping[str, Any]) -> str:
    """Parameters as Rails writes them into a URL: form-encoded, sorted, nested names in
    brackets.
    """
    return "&".join(sorted(_pairs(value, str(name)) for name, value in params.items()))


def _pairs(value: Any, name: str) -> str:
    if isinstance(value, dict):
        return "&".join(sorted(_pairs(item, f"{name}[{key}]") for key, item in value.items()))
    if isinstance(value, list):
        items = value or [None]
        return "&".join(_pairs(item, f"{name}[]") for item in items)
    return f"{quote_plus(name)}={quote_plus(_as_text(value))}"
