"""The keys of a batch for operators that hand them to user code."""

from typing import Any

from sage_local.core.elements import Rows
from sage_local.functions import Role
from sage_local.runtime.channels.keying import Keying
from sage_local.runtime.codec.keys import check_key
from sage_local.runtime.operators.keyed import PLAIN_KEYS
from sage_local.runtime.operators.user_function import UserFunction
from sage_local.runtime.protocol.blame import blame


class KeyReader:
    """The selector of one input of an operator."""

    def __init__(self, operator: str, selector: Any) -> None:
        self.function = UserFunction(operator, selector, Role.KEY)
        self._operator = operator
        self._keying = Keying(operator, self.function.call)

    def keys(self, rows: Rows) -> list[Any]:
        """The key of each record; blames the record of one that has no canonical form."""
        keys = self._keying.keys(rows)
        if not PLAIN_KEYS.issuperset(map(type, keys)):
            for key, record in zip(keys, rows.values, strict=True):
                try:
                    check_key(key)
                except (TypeError, ValueError) as error:
                    blame(self._operator, record, error)
        return keys
