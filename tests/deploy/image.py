"""Does what a Dockerfile says, as far as a machine without Docker can: each stage into a folder of
its own, whose paths stand for those of the image, with this machine's Python for the base image's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Failed", "Image", "build", "instructions_of", "is_sent"]

STEP_TIMEOUT_S = 600


class Failed(Exception):
    """A step failed; says which, and what it printed."""


@dataclass
class Image:
    """A stage, and what it is to be run with."""

    root: Path
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    users: list[int] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    entrypoint: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)

    def variables(self) -> dict[str, str]:
        """The environment, with this machine's programs behind the image's."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        path = self.environment.get("PATH", "$PATH").replace(
            "$PATH", "/usr/local/bin:/usr/bin:/bin"
        )
        told = {**self.environment, "PATH": path}
        return own | {name: self.within(value) for name, value in told.items()}

    def within(self, text: str) -> str:
        """A text whose paths of the image lead into its folder."""
        return re.sub(r"(?<![\w./-])/(app|tools|venv)\b", rf"{self.root}/\1", text)

    def path(self, text: str) -> Path:
        return self.root / os.path.normpath(Path(self.workdir) / text).lstrip("/")


def build(context: Path, folder: Path, beside: Sequence[str] = ()) -> Image:
    """The last stage of the context's Dockerfile; raises `Failed`. Paths that stand `beside` are
    copied with the folder that they are in, although .dockerignore leaves them out.
    """
    stages: dict[str, Image] = {}
    made = Image(folder)
    for word, rest in instructions_of((context / "Dockerfile").read_text(encoding="utf-8")):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            if not base.startswith("python:"):
                raise Failed(f"a base image that is not known here: {base}")
            made = stages[name] = Image(folder / f"stage-{len(stages)}")
            made.root.mkdir(parents=True)
        elif word == "COPY":
            _copy(rest.split(), context, stages, made)
            for path in beside:
                if rest.split()[0] == Path(path).parts[0]:
                    shutil.copytree(context / path, made.path("/app") / path)
        elif word == "RUN":
            _run(rest, made)
        else:
            _note(word, rest, made)
    return made


def instructions_of(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction and what follows it, lines that go on joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, " ".join(rest.split())


def _note(word: str, rest: str, image: Image) -> None:
    """Instructions that say how the image is run."""
    if word == "WORKDIR":
        image.workdir = rest
        image.path(".").mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        image.user = int(rest)
    elif word == "ENV":
        image.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
    elif word == "EXPOSE":
        image.ports.append(int(rest))
    elif word == "STOPSIGNAL":
        image.stop_signal = rest
    elif word == "ENTRYPOINT":
        image.entrypoint = json.loads(rest)
    elif word == "HEALTHCHECK":
        image.health_check = json.loads(rest.partition("CMD ")[2])
    else:
        raise Failed(f"an instruction that is not known here: {word}")


def _copy(words: list[str], context: Path, stages: dict[str, Image], image: Image) -> None:
    *sources, target = [word for word in words if not word.startswith("--")]
    for source in sources:
        to = image.path(target)
        if words[0].startswith("--from="):
            shutil.copytree(stages[words[0][7:]].path(source), to, symlinks=True)
        elif (context / source).is_dir():
            patterns = (context / ".dockerignore").read_text(encoding="utf-8").splitlines()
            for path in sorted((context / source).rglob("*")):
                name = path.relative_to(context).as_posix()
                if path.is_file() and is_sent(name, patterns):
                    place = to / path.relative_to(context / source)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, place)
        else:
            into = to / source if target.endswith(("/", ".")) else to
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(context / source, into)


def is_sent(name: str, patterns: list[str]) -> bool:
    """Is a file part of the context? The last pattern of .dockerignore that fits it, or a folder
    that it is in, says so.
    """
    parts = Path(name).parts
    told = True
    for pattern in patterns:
        bare = pattern.removeprefix("!").removeprefix("**/")
        is_anywhere = "**/" in pattern
        length = bare.count("/") + 1
        heads = [
            "/".join(parts[begin : begin + length])
            for begin in range(len(parts) - length + 1 if is_anywhere else 1)
        ]
        if any(fnmatch(head, bare) for head in heads):
            told = pattern.startswith("!")
    return told


def _run(command: str, image: Image) -> None:
    if command.startswith("useradd "):
        # That is this machine's business; what matters is its number.
        image.users.append(int(command.split("--uid ")[1].split(maxsplit=1)[0]))
        return
    # The base image's Python.
    told = re.sub(r"(?<![\w/-])python(?= )", shlex.quote(sys.executable), image.within(command))
    done = subprocess.run(
        ["/bin/sh", "-c", told],
        cwd=image.path("."),
        env=image.variables(),
        capture_output=True,
        text=True,
        timeout=STEP_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise Failed(f"RUN {command}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
