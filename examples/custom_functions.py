"""How well some packages of the standard library are documented: an operator of each kind, written as a class.

    sage run local --parallelism=2 examples/custom_functions.py
    sage run local --parallelism=2 examples/custom_functions.py -- asyncio email unittest

reads the sources that come with the running interpreter and prints, for each module with public functions, how many of
them have a docstring, the best documented first::

    json: 4 of 5 public functions are documented, such as dump(obj, fp): "Serialize ``obj`` as a JSON ..."
    ...

A class is for what a plain function has no place for: settings (``__init__``, in the program), and what can not travel
to a worker or should be made once there (``open``) and be given back (``close``).
"""

import ast
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sage_local import (
    AggregateFunction,
    FilterFunction,
    FlatMapFunction,
    FunctionContext,
    KeySelector,
    LocalEnvironment,
    SinkFunction,
)

PACKAGES = ["json", "logging", "wsgiref", "zoneinfo"]


class Definition(NamedTuple):
    module: str
    name: str
    signature: str
    docstring: str | None


class Share(NamedTuple):
    functions: int
    documented: int
    example: str


class Definitions(FlatMapFunction[Path, Definition]):
    """The functions on the top level of a source file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def flat_map(self, value: Path, /) -> Iterator[Definition]:
        parts = value.relative_to(self.root).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.parse(value.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = ", ".join(argument.arg for argument in [*node.args.posonlyargs, *node.args.args])
                yield Definition(module, node.name, f"{node.name}({arguments})", ast.get_docstring(node))


class IsPublic(FilterFunction[Definition]):
    def filter(self, value: Definition, /) -> bool:
        return not any(part.startswith("_") for part in [*value.module.split("."), value.name])


class ByModule(KeySelector[Definition, str]):
    def get_key(self, value: Definition, /) -> str:
        return value.module


class Documented(AggregateFunction[Definition, Share, Share]):
    """How many there are, how many of them are documented, and the first of these."""

    def __init__(self, width: int) -> None:
        self.width = width

    def open(self, context: FunctionContext, /) -> None:
        # Made in each worker, once: it need not travel, and not be made for every record.
        self.wrapper = textwrap.TextWrapper(self.width, max_lines=1, placeholder=" ...")

    def create_accumulator(self) -> Share:
        return Share(0, 0, "")

    def add(self, accumulator: Share, value: Definition, /) -> Share:
        if value.docstring is None:
            return accumulator._replace(functions=accumulator.functions + 1)
        example = accumulator.example or f'{value.signature}: "{self.wrapper.fill(value.docstring)}"'
        return Share(accumulator.functions + 1, accumulator.documented + 1, example)

    def get_result(self, accumulator: Share, /) -> Share:
        return accumulator


class Report(SinkFunction[tuple[str, Share]]):
    """Prints a line for each module once it has seen them all."""

    def open(self, context: FunctionContext, /) -> None:
        self.shares: list[tuple[str, Share]] = []

    def write(self, value: tuple[str, Share], /) -> None:
        self.shares.append(value)

    def close(self) -> None:
        for module, share in sorted(self.shares, key=lambda pair: (-pair[1].documented / pair[1].functions, pair[0])):
            example = f", such as {share.example}" if share.example else ""
            print(f"{module}: {share.documented} of {share.functions} public functions are documented{example}")


def main() -> None:
    root = Path(sysconfig.get_path("stdlib"))
    packages = sys.argv[1:] or PACKAGES
    files = sorted(file for package in packages for file in (root / package).rglob("*.py"))
    # In batch mode there is one result for each key, at the end.
    env = LocalEnvironment("custom-functions", config={"execution.runtime-mode": "batch"})
    public = env.from_collection(files).flat_map(Definitions(root)).filter(IsPublic())
    public.key_by(ByModule()).aggregate(Documented(width=60)).sink(Report(), parallelism=1)
    env.submit()


if __name__ == "__main__":
    main()
