"""The public signatures under mypy and pyright, both strict.

``programs`` holds what they are tried on. A line that checkers must refuse ends in ``# mypy: rule  pyright: rule``.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sage_local

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(sage_local.__file__).parents[1]
EXPECTATION = re.compile(r"#\s*mypy: (?P<mypy>[\w-]+)\s+pyright: (?P<pyright>\w+)")
FINDING = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[\w-]+)\]")

Findings = dict[tuple[str, int], set[str]]
"""The rules broken in a line of a program."""


def compare(checker: str, found: Findings, output: str) -> None:
    """Exactly the marked lines are refused, each at least for the reason it names."""
    expected = {
        (program.name, number): match[checker]
        for program in PROGRAMS.glob("*.py")
        for number, line in enumerate(program.read_text().splitlines(), start=1)
        if (match := EXPECTATION.search(line))
    }
    assert found.keys() == expected.keys(), output
    assert {place: rule for place, rule in expected.items() if rule not in found[place]} == {}, output


def checked(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_mypy_strict_sees_what_fits_and_what_does_not(request):
    pytest.importorskip("mypy", reason="the dev extra is not installed")
    cache = request.config.cache.mkdir("mypy-programs")
    # Without a configuration of its own: users have theirs.
    output = checked(
        "mypy", "--strict", "--config-file=", f"--cache-dir={cache}", "--follow-imports=silent", str(PROGRAMS)
    )
    found: Findings = {}
    for match in FINDING.finditer(output):
        found.setdefault((Path(match["file"]).name, int(match["line"])), set()).add(match["code"])
    compare("mypy", found, output)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_pyright_strict_sees_what_fits_and_what_does_not(tmp_path):
    pytest.importorskip("pyright", reason="the dev extra is not installed")
    # A project of its own, since pyright takes no settings but from the folder that it checks.
    project = tmp_path / "programs"
    shutil.copytree(PROGRAMS, project)
    (project / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict", "extraPaths": [str(ROOT)]}))
    output = checked("pyright", "--outputjson", "--pythonpath", sys.executable, "--project", str(project))
    found: Findings = {}
    for finding in json.loads(output)["generalDiagnostics"]:
        line = finding["range"]["start"]["line"] + 1
        found.setdefault((Path(finding["file"]).name, line), set()).add(finding.get("rule", finding["message"]))
    compare("pyright", found, output)
