"""Steps of a column stream that a source does itself while it reads (see ``plan.pushdown``)."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PushedFilter:
    """A filter that the program calls ``operator``."""

    operator: str
    expression: Any


class PushedFailed(Exception):
    """A step failed. A source raises it, so that not the source is blamed but what the program calls ``operator``."""

    def __init__(self, operator: str, error: BaseException) -> None:
        super().__init__(operator, error)
        self.operator = operator
        self.error = error
