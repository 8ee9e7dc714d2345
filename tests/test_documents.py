"""What documents and code name exists: documents, sections, titles, anchors, files, tests, modules
and settings.

A reference is written in one of these forms:

    (upstream.md, 8.2)                     a section of docs/upstream.md, by its number, or a point
                                           of a section that is a list
    (architecture.md, projection plans)    a section of docs/architecture.md, by its title
    [text](sandbox.md#faults)              a file beside the document, with an anchor
    `tests/test_app.py::test_name`         a file or folder of the repository, and a test in it
    `gateway.hooks.Hook`                   a module, and what is in it
    `GATEWAY_PORT`                         a setting
"""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from gateway.settings import Settings

ROOT = Path(__file__).parents[1]
UPSTREAM = ROOT / "docs" / "upstream.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = [
    path
    for folder in ("gateway", "tests", "scripts")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".sh", ".mjs", ".graphql", ""}
    and path.is_file()
    and path != Path(__file__)
]
TEXTS = [*DOCUMENTS, *CODE, ROOT / "pyproject.toml"]

HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!\w+://)([^)#\s]*)(?:#([^)\s]+))?\)")
NUMBER = r"\d+(?:\.\d+)?"
SECTION = re.compile(rf"\bupstream\.md, ({NUMBER}(?:(?:, | and | to ){NUMBER})*|\S+)")
TITLE = re.compile(r"\(architecture\.md, ([^)]*)\)")
FILE = re.compile(
    r"(?<![\w/.-])((?:gateway|tests|docs|scripts|deploy|examples|explorer)/[\w./-]++)(?!\\)((?:::\w+)*)"
)
# Modules may be named without `gateway.`; `schema.execute` is Strawberry's.
MODULE = re.compile(
    r"`(?!schema\.(?:execute|graphql)\b)"
    r"((?:gateway|execution|loaders|schema|transport|upstream)(?:\.\w+)+)[`(]"
)
PROGRAM = re.compile(r"python -m ((?:gateway|tests)[\w.]*)")
SETTING = re.compile(r"\bGATEWAY_[A-Z][A-Z_]*[A-Z]\b")
# Words for documents that are not in the repository.
ELSEWHERE = re.compile(
    r"\bthe design(?:'s)?\b|\bdesign, (?:decision )?\d|jobs-api-contract|\bdesign\.md"
    r"|\bthe contract(?:'s)?\b|\bcontract,? (?:§|section )?\d",
    re.IGNORECASE,
)


def test_what_is_named_exists():
    faults = {name_of(path): faults_of(_read(path), path) for path in TEXTS}

    assert {name: found for name, found in faults.items() if found} == {}


def test_nothing_refers_to_documents_that_are_not_here():
    found = {name_of(path): ELSEWHERE.findall(plain(_read(path))) for path in TEXTS}

    assert {name: words for name, words in found.items() if words} == {}


def test_the_layers_are_drawn_as_the_import_contract_has_them():
    contracts = tomllib.loads(_read(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [one["layers"] for one in contracts if one["name"].startswith("Layers: ")]
    section = _read(ARCHITECTURE).partition("## Layers")[2].partition("\n## ")[0]

    drawn = re.findall(r"^\| (`gateway\.[^|]*?) \|", section, re.MULTILINE)

    assert drawn == [f"`{layer}`".replace(" | ", "`, `") for layer in layers]


@pytest.mark.parametrize("number", range(1, 12))
def test_every_section_of_the_upstream_names_its_proof(number):
    section = re.search(
        rf"^## {number}\. .*?(?=^## |\Z)", _read(UPSTREAM), re.MULTILINE | re.DOTALL
    )

    parts = re.split(r"^### ", section[0], flags=re.MULTILINE)
    subsections = parts[1:] or parts

    assert [part.splitlines()[0] for part in subsections if "Proven by: " not in part] == []


def test_the_page_of_limits_names_a_test_for_each_input():
    section = _read(ROOT / "docs" / "limits.md").partition("## What shows it")[2]

    rows = re.findall(r"^\| (?!input )\w.*", section.partition("\n## ")[0], re.MULTILINE)

    assert len(rows) >= 15
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("as the upstream does (upstream.md, 12.9)", "no section 12.9"),
        ("see (upstream.md, 8.1 and 8.7)", "no section 8.7"),
        ("upstream.md, 8.1 to 8.8: pages", "no section 8.8"),
        ("as (upstream.md, paging) says", "no section paging"),
        ("# a comment that goes on (upstream.md,\n    # 99)", "no section 99"),
        ("so (architecture.md, projection planes)", "no title 'projection planes'"),
        ("[gone](gone.md)", "no file gone.md"),
        ("[gone](docs/sandbox.md#gone)", "no anchor docs/sandbox.md#gone"),
        ("[gone](#gone)", "no anchor #gone"),
        ("`gateway/gone.py`", "no file gateway/gone.py"),
        ("`tests/test_app.py::test_gone`", "no tests/test_app.py::test_gone"),
        (
            "`tests/test_cli.py::TestServe::test_gone[a-b]`",
            "no tests/test_cli.py::TestServe::",
        ),
        ("`examples/Gone.graphql`", "no file examples/Gone.graphql"),
        ("`gateway.gone`", "no module gateway.gone"),
        ("`gateway.hooks.Gone`", "no module gateway.hooks.Gone"),
        ("`execution.gone`", "no module gateway.execution.gone"),
        ("python -m tests.gone", "no module tests.gone"),
        ("`GATEWAY_GONE_S`", "no setting GATEWAY_GONE_S"),
    ],
)
def test_what_does_not_exist_is_noticed(text, said):
    faults = faults_of(text, ROOT / "README.md")

    assert [fault[: len(said)] for fault in faults] == [said]


@pytest.mark.parametrize(
    "text",
    [
        "(contract 8.2)",
        "(contract, section 2)",
        "(design, decision 8)",
        "reads slow down (design, 11)",
        "Contract §4: write endpoints",
        "figures of the\n    # design",
        "as the contract has them",
    ],
)
def test_a_reference_to_elsewhere_is_noticed(text):
    assert ELSEWHERE.search(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "lists run newest first (upstream.md, 8.1 and 8.2)",
        "upstream.md, 3: who may read, 3.1 to 3.5; and (upstream.md, 11.11)",
        "counted before (architecture.md, cost before the first call)",
        "[faults](docs/sandbox.md#faults), [below](#ask)",
        "`tests/test_endpoints.py::test_endpoint[project-jobs]` in `tests/transport/`",
        "`gateway.hooks.Hook` and `upstream.client`",
        "GATEWAY_PORT",
        "import contracts in pyproject.toml; the contracts there; next(contract for contract in x)",
    ],
)
def test_what_exists_is_not(text):
    assert faults_of(text, ROOT / "README.md") == []
    assert not ELSEWHERE.search(plain(text))


def name_of(path):
    return str(path.relative_to(ROOT))


def faults_of(text, path):
    """What the text names and what is not there."""
    flat, is_document = plain(text), path.suffix == ".md"
    return [
        *_faulty_sections(flat),
        *_faulty_titles(flat),
        *(_faulty_links(FENCE.sub("", text), path) if is_document else ()),
        *_faulty_files(flat),
        *_faulty_modules(flat),
        *(_faulty_settings(flat) if is_document else ()),
    ]


def plain(text):
    """The text on one line, without the marks of comments at the starts of lines."""
    return re.sub(r"\s*\n\s*(?:(?:#|//) )?", " ", text)


def _faulty_sections(text):
    for cited in SECTION.findall(text):
        for number in re.split(r", | and | to ", cited):
            if number not in _numbers():
                yield f"no section {number} in docs/upstream.md"


def _faulty_titles(text):
    for title in TITLE.findall(text):
        if title.lower() not in _titles():
            yield f"no title {title!r} in docs/architecture.md"


def _faulty_links(text, path):
    for target, anchor in LINK.findall(text):
        document = path.parent / target if target else path
        if not document.exists():
            yield f"no file {target}"
        elif anchor and anchor not in _anchors(document):
            yield f"no anchor {target}#{anchor}"


def _faulty_files(text):
    for found, test in FILE.findall(text):
        name = found.rstrip(".")
        path = ROOT / name
        if not path.exists():
            yield f"no file {name}"
        elif test and test.removeprefix("::") not in _definitions(path):
            yield f"no {name}{test}"


def _faulty_modules(text):
    named = [
        name if name.startswith("gateway.") else f"gateway.{name}" for name in MODULE.findall(text)
    ]
    for name in dict.fromkeys([*named, *PROGRAM.findall(text)]):
        if not _is_there(name.rstrip(".")):
            yield f"no module {name}"


def _faulty_settings(text):
    fields = Settings.__dataclass_fields__
    known = {f"GATEWAY_{name.upper()}" for name in fields}
    # Secrets are taken from files as well.
    known |= {
        f"GATEWAY_{name.upper()}_FILE"
        for name, field in fields.items()
        if field.metadata.get("is_secret")
    }
    for name in dict.fromkeys(SETTING.findall(text)):
        if name not in known:
            yield f"no setting {name}"


@cache
def _is_there(name):
    """Is it a module, or an attribute of one?"""
    module, attributes = name, []
    while True:
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError:
            module, _, attribute = module.rpartition(".")
            if not module:
                return False
            attributes.insert(0, attribute)
        else:
            break
    for attribute in attributes:
        if not hasattr(found, attribute):
            return False
        found = getattr(found, attribute)
    return True


@cache
def _definitions(path):
    """Functions and classes of a module, those in classes as `Class::name`."""
    found = set()

    def collect(body, prefix):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    collect(node.body, f"{prefix}{node.name}::")

    collect(ast.parse(_read(path)).body, "")
    return found


@cache
def _numbers():
    """Numbers of sections, and of the points of those that are numbered lists: 11.3."""
    text = FENCE.sub("", _read(UPSTREAM))
    numbers = set(re.findall(rf"^##+ ({NUMBER})\b", text, re.MULTILINE))
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        points = re.findall(r"^(\d+)\. ", section.partition("\n")[2], re.MULTILINE)
        numbers |= {f"{section.partition('.')[0]}.{point}" for point in points}
    return numbers


@cache
def _titles():
    return {title.lower() for title in HEADING.findall(_read(ARCHITECTURE))}


@cache
def _anchors(path):
    """Anchors of a document, as GitLab and GitHub make them of its headings."""
    headings = HEADING.findall(FENCE.sub("", _read(path)))
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        for heading in headings
    }


@cache
def _read(path):
    return path.read_text(encoding="utf-8")
