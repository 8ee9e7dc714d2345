"""Files of trusted documents: a manifest that a client's build wrote, or a folder.

    {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body", …}]}
    {"<id>": "<document>", …}           as Relay and graphql-codegen's client preset write it
    documents/FailedJobs.graphql        a document by itself; its id is the file's name, FailedJobs

A folder may hold both, and folders: manifests of several clients, or of several versions of one.
A document of a folder may spread fragments that other `.graphql` files of it define; they are put
after it, in the order in which they are reached. What is hidden (a leading dot) is passed over, as
Kubernetes mounts hold their files twice.

Nothing here knows the schema. All mistakes are told at once, each with its file and place.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    parse,
)

from gateway.execution.selections import spreads_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from graphql import DefinitionNode, DocumentNode

__all__ = ["SHA256", "BadDocuments", "Part", "Written", "digest_of", "read_documents"]

APOLLO: Final = "apollo-persisted-query-manifest"
SHA256: Final = "sha256:"
# Of one file. A manifest of 10,000 documents has some 10 MB.
MAX_FILE_BYTES: Final = 64_000_000
SUFFIXES: Final = frozenset({".graphql", ".gql"})
# What an address can carry as it is, and a reader can read.
_is_id = re.compile(r"[!-~]{1,200}").fullmatch
_is_name = re.compile(r"[A-Za-z0-9._~-]{1,200}").fullmatch


class BadDocuments(ValueError):
    """What is wrong with the trusted documents; `mistakes` has a sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Part(NamedTuple):
    """What of a file a document is made of: from `line` of the document on it is the file, from
    its `line_in_file` on.
    """

    file: str
    line: int = 1
    line_in_file: int = 1


class Written(NamedTuple):
    """A document as it is written down: its id, its text and where that stands."""

    id: str
    text: str
    parts: tuple[Part, ...]
    is_in_manifest: bool = True

    def place(self, line: int | None = None, column: int = 1) -> str:
        """Where it is, or where a line of it is, as an error names it."""
        if self.is_in_manifest:
            within = f", line {line}, column {column} of it" if line else ""
            return f"{self.parts[0].file}: document {self.id}{within}"
        if not line:
            return self.parts[0].file
        part = max((part for part in self.parts if part.line <= line), key=attrgetter("line"))
        return f"{part.file}:{part.line_in_file + line - part.line}:{column}"


def read_documents(path: Path) -> list[Written]:
    """The documents of a manifest, or of a folder; raises `BadDocuments`.

    The same document under the same id may come several times, and counts once.
    """
    mistakes: list[str] = []
    read: list[Written] = []
    sources: dict[Path, str] = {}
    for file in _files(path, mistakes):
        try:
            if file.suffix in SUFFIXES:
                sources[file] = _text_of(file)
            else:
                read += _documents_of(str(file), _text_of(file))
        except BadDocuments as bad:
            mistakes += bad.mistakes
    read += _Folder(sources, mistakes).documents()
    kept = _once_each(read, mistakes)
    if not kept and not mistakes:
        mistakes.append(f"{path} holds no documents: no {', '.join(sorted(SUFFIXES))} or .json")
    if mistakes:
        raise BadDocuments(mistakes)
    return kept


def _files(path: Path, mistakes: list[str]) -> Iterator[Path]:
    """The files to read, in the order of their names."""
    if path.is_file():
        yield path
    elif not path.is_dir():
        mistakes.append(f"{path} is neither a file nor a folder")
    else:
        yield from _files_below(path, path.resolve(), mistakes)


def _files_below(folder: Path, root: Path, mistakes: list[str]) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        mistakes.append(f"{folder} cannot be read: {error.strerror}")
        return
    for path in found:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if path.is_symlink():
                mistakes.append(f"{path} is a link to a folder, which is not followed")
            else:
                yield from _files_below(path, root, mistakes)
        elif path.suffix in SUFFIXES or path.suffix == ".json":
            if not path.exists():
                mistakes.append(f"{path} is a link to nothing")
            elif not path.resolve().is_relative_to(root):
                mistakes.append(f"{path} is a link out of the folder; put the file itself there")
            elif not path.is_file():
                mistakes.append(f"{path} is no file")
            else:
                yield path


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise BadDocuments([f"{file} has more than {MAX_FILE_BYTES} bytes"])
        # A mark of the byte order belongs to the file, and not to the document.
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadDocuments([f"{file} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise BadDocuments([f"{file} is not in UTF-8"]) from None


def _documents_of(file: str, text: str) -> list[Written]:
    """The documents of a manifest; raises `BadDocuments`."""
    try:
        manifest = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        told = f"{file}:{error.lineno}:{error.colno}: no JSON: {error.msg}"
        raise BadDocuments([told]) from None
    except RecursionError:
        raise BadDocuments([f"{file} is nested too deeply to be a manifest"]) from None
    if not isinstance(manifest, _Object):
        raise BadDocuments([f"{file} is no manifest: it must be a JSON object"])
    if "format" in manifest or "operations" in manifest:
        pairs = _apollo_pairs(file, manifest)
    else:
        pairs = [(id_, body, id_) for id_, body in manifest.pairs]
    return _checked(file, pairs)


class _Object(dict[str, Any]):
    """A JSON object with all its `pairs`, those whose name comes again as well."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _apollo_pairs(file: str, manifest: _Object) -> list[tuple[Any, Any, str]]:
    """Id, document and place of each operation; raises `BadDocuments`."""
    told = manifest.get("format"), manifest.get("version")
    if told != (APOLLO, 1):
        message = (
            f"{file}: no manifest that can be read: its format is {told[0]!r:.60}, version"
            f" {told[1]!r:.20}; read are {APOLLO}, version 1, and objects of ids and documents"
        )
        raise BadDocuments([message])
    operations = manifest.get("operations")
    if not isinstance(operations, list):
        raise BadDocuments([f"{file}: operations must be a list"])
    return [
        (one.get("id"), one.get("body"), f"operations[{number}]")
        if isinstance(one, dict)
        else (None, None, f"operations[{number}]")
        for number, one in enumerate(operations)
    ]


def _checked(file: str, pairs: list[tuple[Any, Any, str]]) -> list[Written]:
    read, mistakes = [], []
    for id_, text, place in pairs:
        if not isinstance(id_, str) or not isinstance(text, str):
            mistakes.append(f"{file}: {place!r:.100} needs an id and a document, both texts")
        elif not _is_id(id_):
            told = "an id has 1 to 200 visible ASCII characters"
            mistakes.append(f"{file}: {id_!r:.100} is no id of a document: {told}")
        else:
            read.append(Written(id_, text, (Part(file),)))
    if mistakes:
        raise BadDocuments(mistakes)
    return read


def _once_each(read: Iterable[Written], mistakes: list[str]) -> list[Written]:
    """Each id once; another document under the same id is a mistake, and a wrong hash too."""
    by_id: dict[str, Written] = {}
    for one in read:
        known = by_id.setdefault(one.id, one)
        if known.text != one.text:
            mistakes.append(f"{one.place()}: another document has this id: {known.place()}")
        if one.id.startswith(SHA256) and one.id != (real := SHA256 + digest_of(one.text)):
            mistakes.append(f"{one.place()}: the id is not the document's hash, which is {real}")
    return list(by_id.values())


def digest_of(text: str) -> str:
    """The SHA-256 of a document, in hexadecimal digits."""
    return sha256(text.encode(errors="replace")).hexdigest()


class _Folder:
    """The `.graphql` files of a folder: documents, and fragments that these may spread."""

    def __init__(self, sources: dict[Path, str], mistakes: list[str]) -> None:
        self._sources = sources
        self._mistakes = mistakes
        # Each fragment, by name and by file.
        self._fragments: dict[str, dict[Path, FragmentDefinitionNode]] = defaultdict(dict)

    def documents(self) -> Iterator[Written]:
        with_operations = {}
        for file, text in self._sources.items():
            parsed = self._parsed(file, text)
            for node in parsed.definitions if parsed else ():
                if isinstance(node, FragmentDefinitionNode):
                    self._fragments[node.name.value][file] = node
                elif isinstance(node, OperationDefinitionNode):
                    with_operations[file] = parsed
        for file, parsed in with_operations.items():
            if _is_name(file.stem):
                yield self._document(file, _spread_in(parsed.definitions if parsed else ()))
            else:
                told = "use letters, digits and . _ ~ - only"
                self._mistakes.append(f"{file}: its name is to be a document's id: {told}")

    def _parsed(self, file: Path, text: str) -> DocumentNode | None:
        try:
            return parse(text)
        except GraphQLError as error:
            place = error.locations[0] if error.locations else None
            at = f":{place.line}:{place.column}" if place else ""
            self._mistakes.append(f"{file}{at}: {error.message}")
        except RecursionError:
            self._mistakes.append(f"{file} is nested too deeply")
        return None

    def _document(self, file: Path, spread: Iterable[str]) -> Written:
        """A file's document, with the fragments of other files that it spreads."""
        texts, parts = [self._sources[file]], [Part(str(file))]
        line = 1
        todo = [(file, name) for name in spread]
        reached: set[str] = set()
        for spreading, name in todo:
            if name in reached or file in self._fragments[name]:
                continue
            reached.add(name)
            found = self._fragment(name, spreading, file)
            if found is None:
                continue
            source, node = found
            start = node.loc.start if node.loc else 0
            line += texts[-1].count("\n") + 1
            texts.append(self._sources[source][start : node.loc.end if node.loc else None])
            parts.append(Part(str(source), line, self._sources[source].count("\n", 0, start) + 1))
            todo += [(source, below) for below in _spread_in([node])]
        return Written(file.stem, "\n".join(texts), tuple(parts), is_in_manifest=False)

    def _fragment(
        self, name: str, spreading: Path, file: Path
    ) -> tuple[Path, FragmentDefinitionNode] | None:
        """The fragment that is meant; None where there is none, which validation tells."""
        defined = self._fragments[name]
        if spreading in defined:
            return spreading, defined[spreading]
        if len(defined) > 1:
            named = " and ".join(map(str, defined))
            self._mistakes.append(f"{file}: the fragment {name} is defined by {named}")
            return None
        return next(iter(defined.items()), None)


def _spread_in(definitions: Iterable[DefinitionNode]) -> dict[str, None]:
    """The names of fragments that are spread anywhere in these, in order."""
    return dict.fromkeys(
        spread.name.value
        for node in definitions
        if isinstance(node, OperationDefinitionNode | FragmentDefinitionNode)
        for spread in spreads_below(node.selection_set)
    )
