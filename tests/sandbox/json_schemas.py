"""The JSON schemas that bodies are checked by, in the folder `schemas`."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parent / "schemas"


class Schemas:
    """The JSON schemas of `schemas/`, lenient (any version's answer) or as one profile answers."""

    def __init__(self) -> None:
        self.documents = {
            path.name: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))
        }
        self._validators: dict[tuple[str, str | None], Draft202012Validator] = {}

    def faults(self, name: str, body: Any, profile: str | None = None) -> list[str]:
        """What is wrong with a body, one line per fault.

        Without a profile: types, and the keys every version delivers. A profile demands what its
        version delivers (`x-profiles`), forbids what it does not, and knows no other keys.
        """
        key = (name, profile)
        if key not in self._validators:
            self._validators[key] = self._validator(name, profile)
        errors = self._validators[key].iter_errors(body)
        return [f"{error.json_path}: {error.message[:300]}" for error in errors]

    def _validator(self, name: str, profile: str | None) -> Draft202012Validator:
        documents = self.documents
        root: dict[str, Any] = {"$ref": f"{name}.json"}
        if profile is not None:
            documents = {key: _in_profile(value, profile) for key, value in documents.items()}
            root["unevaluatedProperties"] = False
        registry: Registry[Any] = Registry().with_resources(
            (key, Resource.from_contents(_with_dialect(value))) for key, value in documents.items()
        )
        return Draft202012Validator(root, registry=registry)


def _with_dialect(document: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document}


def _in_profile(document: dict[str, Any], profile: str) -> dict[str, Any]:
    rule = document.get("x-profiles", {}).get(profile, {})
    closed = {key: _closed(value) for key, value in document.items() if not key.startswith("x-")}
    never = dict.fromkeys(rule.get("absent", ()), False)
    nulls = {name: {"type": "null"} for name in rule.get("null", ())}
    return closed | {
        "allOf": [
            {"required": rule.get("required", []), "properties": never | nulls},
            document.get("x-strict", {}),
        ]
    }


def _closed(part: Any) -> Any:
    """Part of a schema, every embedded entity in it without unknown keys."""
    if isinstance(part, list):
        return [_closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {key: _closed(value) for key, value in part.items()}
    embeds = str(part.get("$ref", "")).endswith(".json")
    return inner | {"unevaluatedProperties": False} if embeds else inner
