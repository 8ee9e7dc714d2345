"""The licences of what CycloneDX files name; fails for one that is not known to go with ours.

    python scripts/licences.py FILE…

A component whose licence its metadata does not tell is a failure as well, until `TOLD` says it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

# Permissive ones, by their SPDX names or as old metadata write them.
ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache Software License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD License",
    "BlueOak-1.0.0",
    "ISC",
    "ISC License",
    "MIT",
    "MIT License",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "Zlib",
}
# Weak copyleft, of files that we take as they are.
TAKEN_AS_THEY_ARE = {"MPL-2.0", "Mozilla Public License 2.0"}
# What metadata do not tell, with where it is told.
TOLD = {
    # The file LICENSE of its wheel.
    "protobuf": "BSD-3-Clause",
}

_WORD = re.compile(r"\s+(?:AND|OR|WITH)\s+|[()]")
_BESIDE = re.compile(r"\s*\(.*\)")


def main(paths: list[str]) -> int:
    found: dict[str, list[str]] = defaultdict(list)
    faults = []
    for path in paths:
        for component in _components(json.loads(Path(path).read_text(encoding="utf-8"))):
            name = f"{component['name']} {component.get('version', '')}".strip()
            licences = licences_of(component)
            for licence in licences:
                found[licence].append(name)
            unknown = licences - ALLOWED - TAKEN_AS_THEY_ARE
            if not licences:
                faults.append(f"{name}: its licence is not told")
            elif unknown:
                faults.append(f"{name}: {', '.join(sorted(unknown))}")
    for licence in sorted(found):
        sys.stdout.write(f"{licence}: {len(found[licence])}\n")
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults or not found else 0


def _components(bom: dict[str, Any]) -> list[dict[str, Any]]:
    components: list[dict[str, Any]] = bom.get("components", [])
    return components


def licences_of(component: dict[str, Any]) -> set[str]:
    """The licences that a component names, an expression taken apart; texts do not count."""
    told = TOLD.get(component["name"])
    if told is not None:
        return {told}
    named = set()
    for entry in component.get("licenses", []):
        licence = entry.get("license", {})
        if "expression" in entry:
            named |= {word for word in _WORD.split(entry["expression"]) if word}
        elif "id" in licence:
            named.add(licence["id"])
        elif "\n" not in licence.get("name", "\n"):
            # Classifiers: `License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)`.
            named.add(_BESIDE.sub("", licence["name"].rpartition(" :: ")[2]))
    return named - {"OSI Approved"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
