"""Sinks that raise, output that nobody can take."""

import pytest

from sage_local import OperatorError, SinkFunction


class Sink(SinkFunction):
    """Raises in each of ``places``."""

    def __init__(self, *places):
        self.places = places

    def open(self, context):
        self._perhaps("open")

    def write(self, value):
        self._perhaps("write")

    def close(self):
        self._perhaps("close")

    def _perhaps(self, place):
        if place in self.places:
            raise OSError(f"broke in {place}")


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (("open",), "failed: OSError: broke in open"),
        (("close",), "failed: OSError: broke in close"),
        (("write", "close"), r"failed on record \d: OSError: broke in write"),
    ],
    ids=["open", "close", "write and close"],
)
def test_a_sink_that_raises_fails_the_job_with_the_first_thing_it_raised(on_both, places, message):
    on_both.from_collection([1, 2]).sink(Sink(*places), name="store")
    with pytest.raises(OperatorError, match=rf"operator 'store' \(subtask \d of 2\) {message}"):
        on_both.submit()


class Nameless:
    def __str__(self):
        raise ValueError("no words")

    def __repr__(self):
        return "<nameless>"


def test_a_record_that_can_not_be_printed_fails_the_job(on_both):
    on_both.from_collection([1]).map(lambda _: Nameless()).print()
    with pytest.raises(OperatorError, match=r"operator 'print' .* failed on record <nameless>: ValueError: no words"):
        on_both.submit()


PRINTS = """
from sage_local import LocalEnvironment
env = LocalEnvironment("hostile", config={"parallelism": 2})
env.from_collection(range(NUMBER)).map(str).print()
env.submit()
"""


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PRINTS.replace("NUMBER", "300_000"))
    return file


def shell(command):
    """What runs ``command`` with the interpreter as its ``$0``."""
    return ["bash", "-o", "pipefail", "-c", command]


@pytest.mark.parametrize("form", ['"$0" -m sage_local run local', '"$0"'])
def test_a_reader_that_leaves_early_ends_the_job(program, file, form):
    """As ``head -1`` does. The command ends in silence like any other; a plain program as Python programs do."""
    done = program("", before=shell(f'{form} "{file}" | head -1'))
    assert done.stdout == "0\n"
    if "sage_local" in form:
        assert (done.returncode, done.stderr) == (141, "")
    else:
        assert done.returncode == 1
        assert "BrokenPipeError" in done.stderr


def test_a_full_device_as_standard_output_fails_the_job(program, file):
    done = program("", before=shell(f'"$0" -m sage_local run local "{file}" > /dev/full'))
    assert done.returncode == 1
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("form", ['"$0" -m sage_local run local', '"$0"'])
def test_a_program_without_standard_output_runs_to_its_end(program, file, form, closed):
    file.write_text(PRINTS.replace("NUMBER", "10"))
    done = program("", before=shell(f'{form} "{file}" {closed}'))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
