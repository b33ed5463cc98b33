"""The keys of a batch for operators that hand them to user code."""

from typing import Any

from sage_local.core.elements import Rows
from sage_local.functions import Role
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.operators.key_checks import check_keys
from sage_local.runtime.operators.user_function import UserFunction


class KeyReader:
    """The selector of one input of an operator."""

    def __init__(self, operator: str, selector: Any) -> None:
        self.function = UserFunction(operator, selector, Role.KEY)
        self._operator = operator
        self._keying = Keying(operator, self.function.call)

    def keys(self, rows: Rows) -> list[Any]:
        """The key of each record; blames the record of one that has no canonical form."""
        keys = self._keying.keys(rows)
        check_keys(self._operator, keys, rows.values)
        return keys
