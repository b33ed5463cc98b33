"""libFuzzer over what may lie in shared memory: ``python tests/native/fuzz/run.py [--inputs 10000000]``.

    ring      both ends of a ring whose header, record headers and positions may be anything
    rows      the decoder of row blocks
    columns   the decoder of batches of columns, of any schema

Each is built with the address and undefined-behaviour sanitizers and gets that many inputs. A finding is printed with
the input that showed it. Needs clang with its runtime: ``apt-get install clang`` on Debian and Ubuntu.
"""

import argparse
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import seeds

HERE = Path(__file__).parent
TARGETS = {
    "ring": ["ring.c"],
    "rows": ["py_pack*.c", "py_unpack*.c", "py_text.c", "py_accumulator.c"],
    "columns": ["columns_read.c", "columns_shape.c"],
}
"""What each is made of."""
NATIVE = HERE.parents[2] / "native"
SANITIZERS = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined"]
# The timeout is in seconds on the clock, and a busy machine lets a fuzzer wait for many of them.
OPTIONS = ["-max_len=2048", "-timeout=300", "-rss_limit_mb=3000", "-print_final_stats=1", "-verbosity=0"]


class NotPossible(Exception):
    """Something is missing; says what, and how to get it."""


def build(target: str, folder: Path) -> Path:
    """The fuzzer of ``target``, in ``folder``."""
    clang = shutil.which("clang")
    if clang is None:
        raise NotPossible("clang is not installed: apt-get install clang")
    program = folder / target
    sources = [source for pattern in TARGETS[target] for source in NATIVE.glob(pattern)]
    command = [clang, "-std=c11", "-O1", "-g", *SANITIZERS, f"-I{NATIVE}", HERE / f"fuzz_{target}.c", *sources]
    made = subprocess.run(
        [*command, *(python_flags() if target == "rows" else []), "-o", program],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise NotPossible(
            f"{made.stderr}\nthe fuzzer of {target} can not be built: it needs clang's sanitizers and libFuzzer"
            f" (apt-get install clang libclang-rt-dev) and the interpreter's headers and library (python3-dev)"
        )
    return program


def python_flags() -> list[str]:
    """How to have this interpreter inside of a program."""
    values = sysconfig.get_config_vars()
    library = values["LIBDIR"] if values.get("Py_ENABLE_SHARED") else values["LIBPL"]
    linked = [f"-L{library}", f"-Wl,-rpath,{library}", f"-lpython{values['LDVERSION']}"]
    system = f"{values['LIBS']} {values['SYSLIBS']}".split()
    return [f"-I{sysconfig.get_path('include')}", *linked, *system, "-rdynamic"]


def fuzz(target: str, inputs: int, folder: Path) -> bool:
    """Whether nothing was found."""
    program = build(target, folder)
    corpus = folder / f"{target}-corpus"
    corpus.mkdir()
    for number, seed in enumerate(getattr(seeds, target)()):
        (corpus / f"seed-{number}").write_bytes(seed)
    ran = subprocess.run(
        [program, f"-runs={inputs}", f"-artifact_prefix={folder}/", *OPTIONS, corpus],
        env={
            "PYTHONHOME": sys.base_prefix,
            "PYTHONMALLOC": "malloc",  # else the sanitizer does not see where an object ends
            # The interpreter keeps memory to its end; what a single input leaks shows in the limit of memory.
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        },
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    found = ran.returncode != 0
    lines = [line for line in ran.stdout.splitlines() if found or line.startswith("stat::")]
    print(f"{target}:", *lines, sep="\n  ", flush=True)
    return not found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=TARGETS, help="only this one")
    parser.add_argument("--inputs", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sage-fuzz-") as folder:
        try:
            results = [
                fuzz(target, options.inputs, Path(folder))
                for target in ([options.target] if options.target else TARGETS)
            ]
        except NotPossible as missing:
            print(missing, file=sys.stderr)
            return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
