"""Options that are numbers: what is wrong says what was expected and what was found."""

from typing import Any

import click


class WholeNumber(click.IntRange):
    """``WholeNumber(min=1)``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises ``click.BadParameter``."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"expected a whole number of at least {self.min}, found {value!r}", param, ctx)


class Number(click.FloatRange):
    """``Number(min=1)``, or ``Number(min=0, min_open=True)``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Raises ``click.BadParameter``."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            bound = "above" if self.min_open else "of at least"
            self.fail(f"expected a number {bound} {self.min}, found {value!r}", param, ctx)
