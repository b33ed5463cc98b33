"""The reference of all settings, generated from the table."""

from sage_local.config.kinds import as_written
from sage_local.config.layer import variable_of
from sage_local.config.setting import Setting
from sage_local.config.table import TABLE


def settings_reference() -> str:
    """A Markdown table of every key: type, default, environment variable and meaning."""
    lines = ["| key | type | default | environment | meaning |", "| --- | --- | --- | --- | --- |"]
    lines += [_row(setting) for setting in TABLE.values()]
    return "\n".join(lines) + "\n"


def _row(setting: Setting[object]) -> str:
    kind = setting.kind.name.replace("|", "\\|")
    default = setting.default_text or f"`{as_written(setting.kind, setting.default)}`"
    meaning = setting.meaning + (f" Not built yet: {setting.unbuilt}." if setting.unbuilt else "")
    return f"| `{setting.key}` | {kind} | {default} | `{variable_of(setting.key)}` | {meaning} |"
