"""A virtual environment for each peer, made once and kept in the user's cache."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int]


class MissingPart(Exception):
    """Something that pip can not install; the message says how it is installed."""


@dataclass(frozen=True)
class Environment:
    """``oldest`` and ``newest`` are the Pythons that the peer has wheels for."""

    name: str
    requirements: tuple[str, ...]
    oldest: Version = (3, 11)
    newest: Version = (3, 13)
    needs_java: bool = False
    has_source_only: bool = False
    """Something that it needs comes without a wheel."""


ENVIRONMENTS = {
    each.name: each
    for each in (
        Environment("bytewax", ("bytewax==0.21.1",), newest=(3, 12)),
        # Its jars come as a source archive, and some of what it depends on is pure Python without a wheel.
        Environment("flink", ("apache-flink==2.2.1",), newest=(3, 12), needs_java=True, has_source_only=True),
        Environment("ray", ("ray[data]==2.60.0", "pyarrow==26.0.1")),
        Environment("polars", ("polars==2.1.0",)),
        Environment("duckdb", ("duckdb==2.0.0",)),
        Environment("transport", ("pyarrow==26.0.1", "pyzmq==27.3.0", "iceoryx2==0.10.0")),
    )
}

JAVA = re.compile(r'version "(\d+)')
OLDEST_JAVA = 11
MARKER = "complete"


def cache_folder() -> Path:
    """Where environments and inputs are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sage-kernel" / "peers"


def python_of(name: str, cache: Path) -> str:
    """The interpreter of the environment of that name, which is made now if it is not there.

    Raises ``MissingPart``, and ``CalledProcessError`` when pip fails, which has said why.
    """
    environment = ENVIRONMENTS[name]
    if environment.needs_java:
        _check_java()
    base = _interpreter(environment)
    told = "\n".join((base, *environment.requirements))
    folder = cache / "environments" / f"{environment.name}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    python = str(folder / "bin" / "python")
    if not (folder / MARKER).exists():
        print(f"installing {', '.join(environment.requirements)} into {folder}", file=sys.stderr, flush=True)
        subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
        wheels = ["--prefer-binary"] if environment.has_source_only else ["--only-binary", ":all:"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wheels, *environment.requirements], check=True)
        (folder / MARKER).touch()
    return python


def _interpreter(environment: Environment) -> str:
    """This Python where the peer takes it: its speed is then the same for all."""
    for candidate in (sys.executable, *_others()):
        if environment.oldest <= _version(candidate) <= environment.newest:
            return candidate
    oldest, newest = (".".join(map(str, each)) for each in (environment.oldest, environment.newest))
    raise MissingPart(
        f"{environment.name} wants Python {oldest} to {newest} with venv, and none was found on the path or among"
        f" pyenv's versions: apt-get install python{oldest}-venv, or pyenv install {newest}"
    )


def _others() -> Iterator[str]:
    for minor in range(14, 8, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob("versions/3.*/bin/python"), reverse=True))


def _version(python: str) -> Version:
    """(0, 0) for one that does not run, or has no venv."""
    code = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if done.returncode != 0:
        return 0, 0
    major, minor = done.stdout.split()
    return int(major), int(minor)


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    told = "nothing"
    if java and os.access(java, os.X_OK):
        told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
        found = JAVA.search(told)
        if found and int(found[1]) >= OLDEST_JAVA:
            return
    raise MissingPart(
        f"Flink wants Java {OLDEST_JAVA} or newer by JAVA_HOME or on the path, found {told.strip()}:"
        " apt-get install openjdk-17-jre-headless"
    )
