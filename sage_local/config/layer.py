"""One place where settings were written, and what it says."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sage_local.config.table import GROUPS, TABLE
from sage_local.errors import ConfigError


class Entry(NamedTuple):
    """A parsed value and where it was written, for error messages."""

    value: Any
    origin: str


Layer = dict[str, Entry]

_VARIABLES = {f"SAGE_{key.upper().replace('.', '_').replace('-', '_')}": key for key in TABLE}
_SPELLING = 0.85
"""How alike an unknown ``SAGE_*`` variable must be to a known one to be taken for a misspelling. Others are let be:
other software uses the prefix too (SageMath's ``SAGE_ROOT``, ``SAGE_LOCAL``)."""


def parse_layer(written: Mapping[str, object], origin: str) -> Layer:
    """The settings in ``written``, whose keys are nested or dotted.

    Raises ``ConfigError`` for an unknown key, an ill-formed value, and a key that is written twice with two values.
    """
    if not isinstance(written, Mapping):
        raise ConfigError(f"{origin}: expected a mapping of settings, found {type(written).__name__}")
    layer: Layer = {}
    for path, value in _leaves(written, ()):
        setting = TABLE[_known_key(path, value, origin)]
        place = f"{origin}: {' → '.join(path)}" if len(path) > 1 else origin
        entry = Entry(setting.parse(value, place), place)
        earlier = layer.setdefault(setting.key, entry)
        if earlier.value != entry.value:
            raise ConfigError(
                f"{setting.key} is written twice: {earlier.value!r} ({earlier.origin}) and {entry.value!r} ({place})"
            )
    return layer


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """The settings in ``SAGE_*`` variables. A variable that looks like a misspelt one is an error."""
    layer: Layer = {}
    for variable, text in environ.items():
        if variable in _VARIABLES:
            setting = TABLE[_VARIABLES[variable]]
            origin = f"environment variable {variable}"
            layer[setting.key] = Entry(setting.parse(text, origin), origin)
        elif variable.startswith("SAGE_"):
            _refuse_misspelling(variable)
    return layer


def variable_of(key: str) -> str:
    """The environment variable that sets ``key``."""
    return next(variable for variable, known in _VARIABLES.items() if known == key)


def _refuse_misspelling(variable: str) -> None:
    import difflib

    nearest = difflib.get_close_matches(variable, _VARIABLES, n=1, cutoff=_SPELLING)
    if nearest:
        raise ConfigError(f"environment variable {variable} sets nothing: did you mean {nearest[0]}?")


def _leaves(written: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in written.items():
        if not isinstance(key, str):
            raise ConfigError(f"expected text as the key of a setting, found {key!r}")
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _known_key(path: tuple[str, ...], value: object, origin: str) -> str:
    """The table's key for a written path. A group's own keys win: ``state`` → ``backend`` is ``state.backend``."""
    key = ".".join(path)
    group, _, inner = key.partition(".")
    for candidate in (key, inner if group in GROUPS else ""):
        if candidate in TABLE:
            return candidate
    if key in GROUPS:
        raise ConfigError(f"{key}: expected a mapping of settings, found {value!r} ({origin})")
    raise ConfigError(f"unknown setting {key!r} ({origin}){_suggestion(key, inner)}")


def _suggestion(key: str, inner: str) -> str:
    """The nearest key to what was written, with or without its group."""
    # Imported here, as above: only a mistake has to wait for it.
    import difflib

    spellings = [spelling.lower().replace("_", "-") for spelling in (key, inner) if spelling]
    nearest = [near for spelling in spellings for near in difflib.get_close_matches(spelling, TABLE, n=1, cutoff=0.5)]
    if not nearest:
        return ""
    best = max(nearest, key=lambda near: max(difflib.SequenceMatcher(None, near, one).ratio() for one in spellings))
    return f": did you mean {best!r}?"
