"""The currency signs of Unicode, found among its first 70,000 characters: a source, a filter, a map, a print.

    sage run local --parallelism=2 examples/simple_streaming.py

prints, in the order of the characters, which several workers keep::

    U+0024 $ dollar sign
    U+00A2 ¢ cent sign
    U+00A3 £ pound sign
    ...
"""

import unicodedata

from sage_local import LocalEnvironment


def is_currency(character: str) -> bool:
    return unicodedata.category(character) == "Sc"


def described(character: str) -> str:
    return f"U+{ord(character):04X} {character} {unicodedata.name(character).lower()}"


def main() -> None:
    env = LocalEnvironment("simple-streaming")
    env.from_collection(range(70_000), name="code points").map(chr).filter(is_currency).map(described).print()
    env.submit()


if __name__ == "__main__":
    main()
