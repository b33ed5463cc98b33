"""The settings of one job: what was written, over defaults."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sage_local.config.contradictions import refuse_contradictions
from sage_local.config.kinds import as_written
from sage_local.config.layer import Entry, Layer, environment_layer, parse_layer
from sage_local.config.setting import Setting
from sage_local.config.table import TABLE
from sage_local.errors import NotBuiltError

T = TypeVar("T")


class Settings:
    """Immutable; ``settings[PARALLELISM]`` is the value of a setting. Pickles with its values.

    Defaults that depend on the machine are resolved when the object is made, in the caller's process: a pinned worker
    would see one CPU.
    """

    __slots__ = ("_values", "_written")

    def __init__(self, config: Mapping[str, object] | None = None) -> None:
        self._fill(parse_layer(config or {}, "config"))

    @classmethod
    def layered(cls, *layers: Layer) -> "Settings":
        """The settings of several places; a later one wins over an earlier one."""
        settings = cls.__new__(cls)
        settings._fill({key: entry for layer in layers for key, entry in layer.items()})
        return settings

    def _fill(self, written: Layer) -> None:
        refuse_contradictions(written)
        self._written = written
        self._values: dict[str, Any] = {
            key: written[key].value if key in written else setting.resolve_default() for key, setting in TABLE.items()
        }

    def __getitem__(self, setting: Setting[T]) -> T:
        value: T = self._values[setting.key]
        return value

    def written(self, setting: Setting[Any]) -> Entry | None:
        """What somebody wrote for ``setting`` and where; ``None`` when the default applies."""
        return self._written.get(setting.key)

    def values(self) -> dict[str, Any]:
        """The value of every setting by key."""
        return dict(self._values)

    def resolved(self, setting: Setting[T], value: T) -> "Settings":
        """These settings with ``value`` for ``setting``: what a default turned out to be, fixed for every process."""
        return _restored({**self._values, setting.key: value}, self._written)

    def refuse_unbuilt(self) -> None:
        """Raise ``NotBuiltError`` where a written value promises what this version does not keep."""
        for key, (value, origin) in self._written.items():
            setting = TABLE[key]
            if not setting.is_built(value):
                told = f"{key} = {as_written(setting.kind, value)} ({origin})"
                raise NotBuiltError(f"{told}: this version does not have {setting.unbuilt} yet")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        written = ", ".join(f"{key}={entry.value!r}" for key, entry in self._written.items())
        return f"Settings({written})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._values, self._written)


def _restored(values: dict[str, Any], written: Layer) -> Settings:
    settings = Settings.__new__(Settings)
    settings._values = values
    settings._written = written
    return settings


def load_settings(*, config: Layer, environ: Mapping[str, str], command_line: Sequence[Layer] = ()) -> Settings:
    """Settings in their order of precedence: the command line (its last layer first), the environment, ``config=``."""
    return Settings.layered(config, environment_layer(environ), *command_line)
