"""Values that nobody can change: to share one is no sharing."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

IMMUTABLE: Final = frozenset(
    {int, float, complex, bool, str, bytes, type(None), range, date, datetime, time, timedelta, Decimal}
)
"""By exact type: a subclass may have attributes. A datetime may hold a tzinfo, which nobody changes."""
