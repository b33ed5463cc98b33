"""Sums that could be more than their type holds: Arrow's own would wrap around without a word."""

from decimal import Context, Decimal
from typing import Any, Final

_EXACT: Final = Context(prec=200)


def is_summed_exactly(values: Any) -> bool:
    """Whether the sum of some of ``values`` could be out of range, by the largest of them and their number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if not (pa.types.is_integer(kind) or pa.types.is_decimal(kind)) or not len(values):
        return False
    if pa.types.is_integer(kind) and kind.bit_width <= 32:
        # Less than 2**31 of them in a batch.
        return False
    extremes = pc.min_max(values)
    least, most = extremes["min"].as_py(), extremes["max"].as_py()
    if least is None:
        return False
    largest = max(abs(least), abs(most)) * len(values)
    if pa.types.is_decimal(kind):
        return bool(largest.scaleb(kind.scale, _EXACT) >= Decimal(10) ** (38 if kind.bit_width <= 128 else 76))
    return bool(largest > (2**64 - 1 if pa.types.is_unsigned_integer(kind) else 2**63 - 1))


def sums(values: Any, rows: Any, part: str) -> Any:
    """The sum of each group by Python's own numbers; ``rows`` lists the rows of each.

    ``OverflowError`` names the column of a sum that does not fit: ``part`` is the name of the part.
    """
    import pyarrow as pa

    kind = values.type
    zero: Any
    if pa.types.is_decimal(kind):
        target, zero = (pa.decimal128(38, kind.scale) if kind.bit_width <= 128 else kind), Decimal(0)
    else:
        target, zero = (pa.uint64() if pa.types.is_unsigned_integer(kind) else pa.int64()), 0
    column = part.rpartition("\0")[2]
    results: list[Any] = []
    for group in rows:
        present = [value for value in values.take(group.values).to_pylist() if value is not None]
        total = zero
        for value in present:
            total = _EXACT.add(total, value) if isinstance(value, Decimal) else total + value
        results.append(total if present else None)
    try:
        return pa.array(results, target)
    except (OverflowError, pa.ArrowInvalid) as error:
        raise OverflowError(
            f"the sum of column {column!r} is more than type {target} holds: cast the column to float64 or to a decimal"
            " before"
        ) from error
