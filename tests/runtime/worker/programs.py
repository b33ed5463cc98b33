"""Plans run inline, and what their functions leave behind to look at."""

from typing import ClassVar

from sage_local import LocalEnvironment
from sage_local.functions import MapFunction, SinkFunction, SourceFunction


def environment(parallelism=1, **config):
    return LocalEnvironment("inline", {"parallelism": parallelism, "execution.engine": "inline", **config})


class Journal:
    """What functions did, in order. Found by name, since functions are copied on their way to a worker."""

    kept: ClassVar[dict[str, list]] = {}

    def __init__(self, name):
        self.name = name
        self.kept[name] = []

    def __reduce__(self):
        return journal, (self.name,)

    def write(self, entry):
        self.kept[self.name].append(entry)

    @property
    def entries(self):
        return self.kept[self.name]


def journal(name):
    found = Journal.__new__(Journal)
    found.name = name
    return found


class Watched(MapFunction):
    """Writes down its life, and fails where it is told to."""

    def __init__(self, journal, name, *, fails_at=None):
        self.journal = journal
        self.name = name
        self.fails_at = fails_at

    def _note(self, what):
        self.journal.write((self.name, what))
        if self.fails_at == what:
            raise ValueError(what)

    def open(self, context):
        self._note("open")

    def map(self, value):
        if self.fails_at == value:
            raise ValueError(value)
        return value

    def close(self):
        self._note("close")


class Writes(SinkFunction):
    def __init__(self, journal):
        self.journal = journal

    def write(self, value):
        self.journal.write(value)


class Reader:
    """Reads numbers; ``[]`` now and then, as a source does that has nothing right now."""

    def __init__(self, numbers):
        self.numbers = list(numbers)
        self.polls = 0
        self.closed = 0

    def poll(self, max_records):
        self.polls += 1
        if self.polls % 3 == 0:
            return []
        if not self.numbers:
            return None
        taken, self.numbers = self.numbers[:max_records], self.numbers[max_records:]
        return taken

    def close(self):
        pass

    def snapshot(self):
        return None


class Splits(SourceFunction):
    """Each split is a range of numbers."""

    def __init__(self, *splits):
        self.given = splits

    def splits(self):
        return self.given

    def open_split(self, split, position=None):
        return Reader(split)


class Pushed(SourceFunction):
    def __init__(self, journal, count, *, endless=False):
        self.journal = journal
        self.count = count
        self.endless = endless

    def run(self, ctx):
        for number in range(self.count):
            ctx.collect(number)

    def close(self):
        self.journal.write("close")
