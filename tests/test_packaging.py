"""What is shipped: the pinned requirements of the image, and what the package's data needs."""

import re
import tomllib
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)( ; (?P<marker>.+?))? \\$")


# What the image installs beside the dependencies.
EXTRAS = ("search", "metrics", "otel", "store")


def wanted_by_the_image(project):
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(text for extra in EXTRAS for text in extras[extra])]


def test_every_dependency_is_pinned_within_its_range():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        canonicalize_name(found["name"]): found["version"]
        for found in map(PIN.match, lines)
        if found
    }

    for text in wanted_by_the_image(project):
        dependency = Requirement(text)
        assert dependency.specifier.contains(pins[canonicalize_name(dependency.name)]), text


def test_every_pin_is_needed():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = wanted_by_the_image(project)
    wanted = {canonicalize_name(Requirement(text).name) for text in texts}

    # Each entry says what asked for it: `# via jobs-gateway (pyproject.toml)` where we did.
    entries = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    asked = {entry.split("==")[0] for entry in entries if "jobs-gateway" in entry}
    assert asked == wanted


def test_every_pin_has_hashes_and_no_address():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line and not line.lstrip().startswith("#")]

    for line, after in pairwise(entries):
        assert PIN.match(line) or line.startswith("    --hash=sha256:")
        assert not PIN.match(line) or after.startswith("    --hash=sha256:")


def test_the_sdist_carries_what_its_readme_leads_to():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!\w+://|#)([^)#]+)", text)

    missing = {target.partition("/")[0] for target in targets}
    missing -= {*build["build"]["targets"]["sdist"]["include"]}

    assert targets
    assert missing == set()


def test_nothing_tells_to_install_the_package_by_its_name():
    """No index has it, so that finds nothing, or a stranger's."""
    places = ("gateway", "docs", "deploy", "examples", "scripts", "README.md", "CONTRIBUTING.md")
    named = re.compile(r"""pip3? install[^\n`&;]*?[ '"]jobs-gateway(?![\w-])""")
    read = [path for place in places for path in [ROOT / place, *(ROOT / place).rglob("*")]]
    read = [path for path in read if path.suffix in {".py", ".md", ".html", ".yaml", ".service"}]

    assert len(read) > 200
    assert [path for path in read if named.search(path.read_text(encoding="utf-8"))] == []


def test_the_extras_that_messages_name_are_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.py")]
    named = set(re.findall(r"""how_to_install\(["'](\w+)["']\)""", "".join(texts)))

    assert {"search", "watch"} <= named <= project["optional-dependencies"].keys()


def test_the_readme_names_each_extra_and_each_command():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    chapter = text.partition("## Commands and extras")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z]+)[^`]*`", "".join(re.findall(r"(?m)^\| (`.*?) \|", chapter))))
    commands = "serve watch doctor explain documents schema sandbox health settings version"

    extras = project["optional-dependencies"].keys() - {"test", "dev"}
    assert named == extras | set(commands.split())


def test_the_package_carries_its_data():
    assert files("gateway").joinpath("py.typed").is_file()
    assert files("gateway.transport.explorer").joinpath("plain.html").is_file()
