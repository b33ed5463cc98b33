"""What the documents say, done."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sage_local.config import settings_reference

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MARKED = re.compile(r"<!-- (?P<kind>\w+): (?P<name>[^>]+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
OUR_PATH = re.compile(r"`((?:sage_local|native|examples|tests|docs|benchmarks)/[\w/.]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


PROGRAMS = [
    pytest.param(document, match["name"], id=f"{document.name}: {match['name']}")
    for document in DOCUMENTS
    for match in MARKED.finditer(document.read_text())
    if match["kind"] == "program"
]
"""Every program in a document that says what it prints."""


def marked(kind: str, name: str, document: Path = DOCUMENTS[0]) -> str:
    """The block of a document behind its marker."""
    found = [
        match["text"]
        for match in MARKED.finditer(document.read_text())
        if match["kind"] == kind and match["name"] == name
    ]
    assert len(found) == 1
    return found[0]


def is_marked(kind: str, name: str, document: Path) -> bool:
    return f"<!-- {kind}: {name} -->" in document.read_text()


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=cwd)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("document", "name"), PROGRAMS)
def test_a_program_in_a_document_prints_what_the_document_says(document: Path, name: str, tmp_path: Path) -> None:
    """As ``<!-- output: NAME -->``, or ``lines`` where their order is open; as ``error`` what it writes to that."""
    program = tmp_path / "program.py"
    program.write_text(marked("program", name, document))
    done = run(sys.executable, str(program), cwd=tmp_path)
    errors = marked("error", name, document) if is_marked("error", name, document) else ""
    assert (done.stderr, done.returncode) == (errors, 0)
    if is_marked("lines", name, document):
        assert sorted(done.stdout.splitlines()) == sorted(marked("lines", name, document).splitlines())
    else:
        assert done.stdout == marked("output", name, document)


def test_the_program_in_readme_has_ten_lines_or_fewer_of_code() -> None:
    assert len([line for line in marked("program", "ten lines").splitlines() if line]) <= 10


SNIPPETS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/testing.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_tests_in_the_document_on_testing_pass(tmp_path: Path) -> None:
    for number, snippet in enumerate(SNIPPETS):
        (tmp_path / f"test_snippet_{number}.py").write_text(snippet)
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"{sum(snippet.count('def test_') for snippet in SNIPPETS)} passed" in done.stdout


@pytest.mark.parametrize("name", ["main job", "tests"])
def test_readme_has_the_commands_that_are_run_before_every_landing(name: str) -> None:
    assert marked("command", name).startswith("python3 -m venv .venv && ")


def test_the_settings_reference_is_the_table() -> None:
    """After a change of the table, replace the one in the document by the output of ``sage check-env --config``."""
    assert (ROOT / "docs/settings.md").read_text().endswith(f"\n\n{settings_reference()}")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_and_link_in_a_document_exists(document: Path) -> None:
    text = document.read_text()
    paths = {ROOT / path for path in OUR_PATH.findall(text)} | {document.parent / link for link in LINK.findall(text)}
    assert [path for path in sorted(paths) if not path.exists()] == []
