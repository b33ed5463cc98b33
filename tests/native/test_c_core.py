"""The C core, which knows no Python, compiled with the sanitizers and run."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
TESTS = Path(__file__).parent / "c"
CORE = [path for path in NATIVE.glob("*.c") if not path.name.startswith(("py_", "module"))]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wpedantic", "-Werror"]
# GCC says of every fence that its thread sanitizer does not model it: known, and why the model checker exists.
FENCES = ["-Wno-tsan", "-Wno-error=tsan"]

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def run_all(tests: tuple[str, ...], options: list[str], folder: Path) -> dict[str, tuple[int, str]]:
    """The exit code and standard error of each, linked to a core that is compiled once."""
    command = ["gcc", "-std=c11", "-O1", "-g", "-pthread", *WARNINGS, *options, f"-I{NATIVE}", f"-I{TESTS}"]
    subprocess.run([*command, "-c", *CORE], cwd=folder, check=True)
    results = {}
    for test in tests:
        subprocess.run([*command, TESTS / f"{test}.c", *folder.glob("*.o"), "-o", folder / test], check=True)
        ran = subprocess.run([folder / test], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        results[test] = (ran.returncode, ran.stderr)
    return results


@pytest.mark.slow
def test_the_core_is_clean_under_the_address_and_undefined_behaviour_sanitizers(tmp_path: Path):
    tests = ("test_core", "test_columns", "test_arena")
    results = run_all(tests, ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"], tmp_path)
    assert results == dict.fromkeys(tests, (0, ""))


@pytest.mark.slow
def test_both_ends_at_work_are_clean_under_the_thread_sanitizer(tmp_path: Path):
    tests = ("test_two_threads", "test_leases")
    assert run_all(tests, ["-fsanitize=thread", *FENCES], tmp_path) == dict.fromkeys(tests, (0, ""))


@pytest.mark.slow
def test_the_python_half_is_clean_under_the_sanitizers_whatever_it_is_given(tmp_path: Path):
    """In interpreters of their own: every byte of a block damaged in several ways; records that change what is used."""
    options = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fvisibility=hidden", "-fPIC"]
    include = sysconfig.get_path("include")
    flags = ["-std=c11", "-O1", "-g", "-shared", *options, f"-I{NATIVE}", f"-I{include}"]
    subprocess.run(["gcc", *flags, *NATIVE.glob("*.c"), "-o", tmp_path / "_native.so"], check=True)
    libraries = [
        subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    environment = {
        "LD_PRELOAD": " ".join(libraries),
        # The interpreter itself keeps memory to its end.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "PYTHONMALLOC": "malloc",
    }
    for script in ("damage_blocks.py", "fold_anything.py"):
        command = [sys.executable, TESTS / script, tmp_path / "_native.so"]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (script, ran.returncode, ran.stderr) == (script, 0, "")


def test_the_core_does_not_know_python():
    """``Python.h`` is for module.c and py_*.c; the core can be tested, and read, without it."""
    for path in NATIVE.iterdir():
        if not path.name.startswith(("py_", "module")):
            assert "Python.h" not in path.read_text(), path.name
            assert '"py_' not in path.read_text(), path.name


def test_atomics_appear_only_through_our_wrappers():
    for path in NATIVE.iterdir():
        if path.name != "atomics.h":
            text = path.read_text()
            assert not [
                word for word in ("atomic_load", "atomic_store", "memory_order", "__atomic", "_Atomic") if word in text
            ]
