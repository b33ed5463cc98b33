"""The programs in examples/, run as a reader would run them."""

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from sage_local import LocalEnvironment

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str) -> list[str]:
    """The lines that an example prints; it must print no errors."""
    command = [sys.executable, "-m", "sage_local", "run", "local", "--parallelism=2", EXAMPLES / name]
    done = subprocess.run([*command, "--", *arguments], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def wordcount() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wordcount", EXAMPLES / "wordcount.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def paths(wordcount: ModuleType) -> list[str]:
    """Every fifth file of the standard library: some hundreds, as various as all of them."""
    return wordcount.standard_library()[::5]


@pytest.fixture(scope="module")
def expected(paths: list[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                counts.update(line.split())
    return counts


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("engine", "parallelism"), [("processes", 1), ("processes", 2), ("processes", 4), ("inline", 2)]
)
def test_word_counts_of_the_standard_library_are_those_of_a_counter(
    wordcount: ModuleType,
    paths: list[str],
    expected: Counter[str],
    engine: str,
    parallelism: int,
) -> None:
    config = {"parallelism": parallelism, "execution": {"engine": engine, "runtime-mode": "batch"}}
    counted = wordcount.word_counts(LocalEnvironment("words", config), paths).collect()
    assert len(counted) == len(expected)
    assert dict(counted) == expected


def test_wordcount_prints_the_most_frequent_words_and_what_it_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("to be or not to be\n\n")
    (tmp_path / "b.txt").write_text("be caf\xe9\n", encoding="latin-1")
    *words, closing = run("wordcount.py", f"{tmp_path}/*.txt")
    assert [line.split() for line in words] == [["3", "be"], ["2", "to"], ["1", "caf\ufffd"], ["1", "not"], ["1", "or"]]
    assert re.fullmatch(r"2 files, 3 lines, 8 words in \d+\.\d\d seconds: [\d,]+ words/s", closing)


def test_simple_pipeline_prints_three_lines_in_order() -> None:
    assert run("simple_pipeline.py") == ["Processed: Hello", "Processed: World", "Processed: SAGE"]


def test_inference_pipeline_answers_every_question_and_keeps_the_order_of_a_session() -> None:
    answers = run("inference_pipeline.py")
    assert [line.split("]")[0] for line in sorted(answers)] == [
        "answers: [s1",
        "answers: [s1",
        "answers: [s2",
        "answers: [s2",
    ]
    assert [line.split("? ")[0] for line in answers if "[s1]" in line] == [
        "answers: [s1] What is a watermark",
        "answers: [s1] What is a checkpoint",
    ]
