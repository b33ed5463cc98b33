"""Why a window has not fired: how far time has come on every way into its operator, and what waits for it."""

from collections.abc import Iterator, Mapping

from sage_local.core.data import data
from sage_local.core.elements import MAX_TIMESTAMP, MIN_TIMESTAMP

MOST_WINDOWS = 20
"""Of each subtask: the first ones to fire. A person who asks wants those, and a job may hold millions."""

MOST_SPLITS = 20


@data
class WaitingWindow:
    """A window with records in it; ``start`` and ``end`` are ``None`` where it is not one of time.

    It fires, or its trigger is asked, when ``clock`` (the watermark, or the machine's clock) has come to ``fires_at``;
    ``None``: no time makes it fire. ``keys``: how many keys have records in it, at least. ``note``: what else there is
    to say.
    """

    start: int | None
    end: int | None
    fires_at: int | None
    clock: str
    keys: int = 1
    note: str = ""


def windows_of_panes(
    panes: Mapping[int, int], *, per_window: int, per_slide: int, open_from: int | None, most: int
) -> list[tuple[int, int]]:
    """The first windows with records in them: number of their first pane, and how many keys they have at least.

    ``panes`` are those with records, in order, each with the number of its keys; a window has at least as many as the
    fullest of its panes. Windows that start before pane ``open_from`` have fired.
    """
    found: list[tuple[int, int]] = []
    for pane in panes:
        earliest = pane - per_window + 1
        first = earliest if open_from is None else max(earliest, open_from)
        for start in range(-(-first // per_slide) * per_slide, pane + 1, per_slide):
            if len(found) == most:
                return found
            found.append((start, max(panes.get(start + number, 0) for number in range(per_window))))
            open_from = start + per_slide
    return found


@data
class InputTime:
    """How far event time has come on one input of a task. ``subtask`` is ``None`` where all subtasks say the same."""

    operator: str
    subtask: int | None
    watermark: int
    is_idle: bool
    holds_back: bool


@data
class SplitReading:
    """How far event time has come in one split, the first being number 1."""

    number: int
    watermark: int
    is_idle: bool
    holds_back: bool


@data
class OriginTime:
    """How far event time has come where it is told: in one subtask of ``assign_timestamps_and_watermarks``.

    ``splits``: how many the source has for it; ``unread`` of them were not begun with, which holds back all.
    ``readings`` are those being read, the slowest first, at most ``MOST_SPLITS``; the others have ended.
    """

    operator: str
    subtask: int
    watermark: int
    is_idle: bool
    splits: int
    unread: int
    readings: tuple[SplitReading, ...]


@data
class SubtaskWindows:
    """One subtask of the window operator. ``has_more``: than ``windows``, which are the first ones to fire.

    ``is_combiner``: of the operator in front of its exchange, which has some of their records still.
    """

    subtask: int
    watermark: int
    now_ms: int
    inputs: tuple[InputTime, ...]
    windows: tuple[WaitingWindow, ...]
    has_more: bool
    records_late: int
    is_combiner: bool = False


@data
class WindowExplanation:
    """The answer of a whole job; its text is for people.

    ``origins`` are those upstream of ``operator``. ``silent`` are workers that did not answer in time, each with what
    is known of it: most often one that is inside a long call of user code.
    """

    operator: str
    subtasks: tuple[SubtaskWindows, ...]
    origins: tuple[OriginTime, ...]
    silent: tuple[str, ...] = ()
    key: str | None = None

    def __str__(self) -> str:
        return text_of(self)


def text_of(explanation: WindowExplanation) -> str:
    """Lines for people."""
    return "\n".join(_lines(explanation))


def _lines(explanation: WindowExplanation) -> Iterator[str]:
    key = explanation.key
    yield f"windows of operator {explanation.operator!r}" + ("" if key is None else f", key {key}")
    # Of a key, the subtask that has it is of interest.
    subtasks = [each for each in explanation.subtasks if not each.is_combiner]
    with_windows = [each for each in subtasks if each.windows]
    for each in with_windows if key is not None and with_windows else subtasks:
        yield from _of_subtask(each)
    combiners = [each for each in explanation.subtasks if each.is_combiner and each.windows]
    for each in combiners:
        yield from _of_subtask(each)
    if not with_windows and not combiners and not explanation.silent:
        yield "no window holds records" + ("" if key is None else f" of key {key}")
    if explanation.origins:
        yield "event time comes from"
    for origin in explanation.origins:
        yield from _of_origin(origin)
    for worker in explanation.silent:
        yield f"no answer from {worker}"


def _of_subtask(subtask: SubtaskWindows) -> Iterator[str]:
    what = "combiner" if subtask.is_combiner else "subtask"
    yield f"{what} {subtask.subtask}: {_watermark(subtask.watermark)}"
    for each in subtask.inputs:
        yield f"  {_input(each)}"
    for window in subtask.windows:
        yield f"  {_window(window, subtask)}"
    if subtask.has_more:
        yield "  and later ones"
    if subtask.records_late:
        yield f"  {subtask.records_late:,} records came too late so far"


def _input(of: InputTime) -> str:
    whose = "" if of.subtask is None else f" (subtask {of.subtask})"
    return f"from {of.operator!r}{whose}: {_time(of.watermark, idle=of.is_idle, holds_back=of.holds_back)}"


def _of_origin(of: OriginTime) -> Iterator[str]:
    yield f"  {of.operator!r} (subtask {of.subtask}): {_time(of.watermark, idle=of.is_idle)}"
    if of.splits == 1:
        return
    for each in of.readings:
        time = _time(each.watermark, idle=each.is_idle, holds_back=each.holds_back)
        yield f"    split {each.number} of {of.splits}: {time}"
    if of.unread:
        yield f"    {of.unread:,} of {of.splits:,} splits still to be read, which holds back the others"


def _time(watermark: int, *, idle: bool, holds_back: bool = False) -> str:
    said = [_watermark(watermark)]
    if idle:
        said.append("idle")
    if holds_back:
        said.append("holds back the others")
    return ", ".join(said)


def _window(window: WaitingWindow, subtask: SubtaskWindows) -> str:
    name = "window" if window.start is None or window.end is None else _span(window.start, window.end)
    keys = "" if window.keys == 1 else f" with {window.keys:,} keys"
    said = [part for part in (_firing(window, subtask), window.note) if part]
    return f"{name}{keys}: {'; '.join(said)}"


def _span(start: int, end: int) -> str:
    return f"[{instant(start)}, {instant(end)})"


def _firing(window: WaitingWindow, subtask: SubtaskWindows) -> str:
    if window.fires_at is None:
        return ""
    reached = subtask.watermark if window.clock == "watermark" else subtask.now_ms
    missing = window.fires_at - reached
    to_go = f" ({missing:,} ms to go)" if reached > MIN_TIMESTAMP and missing > 0 else ""
    return f"fires when the {window.clock} reaches {instant(window.fires_at)}{to_go}"


def _watermark(timestamp: int) -> str:
    if timestamp == MIN_TIMESTAMP:
        return "no watermark yet"
    return f"watermark {instant(timestamp)}"


def instant(timestamp: int) -> str:
    """A time in ms, for people: in UTC as far as the calendar goes."""
    if timestamp >= MAX_TIMESTAMP:
        return "the end of time"
    from datetime import UTC, datetime, timedelta  # every job loads this module, and hardly any asks

    try:
        told = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=timestamp)).isoformat(timespec="milliseconds")
    except OverflowError:
        return f"{timestamp} ms"
    return f"{told.removesuffix('+00:00')}Z"
