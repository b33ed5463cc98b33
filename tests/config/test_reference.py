import pytest

from sage_local.config import TABLE, settings_reference


def test_the_reference_has_a_row_for_every_key():
    rows = settings_reference().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(TABLE)


@pytest.mark.parametrize(
    "row",
    [
        "| `buffer.timeout` | duration | `100ms` | `SAGE_BUFFER_TIMEOUT` | The longest",
        "| `ring.max-size` | size | `4mb` | `SAGE_RING_MAX_SIZE` | The largest ring",
        "| `execution.engine` | processes \\| inline | `processes` | `SAGE_EXECUTION_ENGINE` | Where operators run",
        "| `parallelism` | integer | the CPUs this process may use | `SAGE_PARALLELISM` |",
        "| `object.reuse` | boolean | `false` |",
        "| `checkpoint.timeout` | duration | `10m` |",
    ],
)
def test_a_row_gives_type_default_variable_and_meaning(row):
    assert row in settings_reference()


def test_what_is_not_built_says_so():
    row = next(line for line in settings_reference().splitlines() if line.startswith("| `state.backend`"))
    assert row.endswith("Not built yet: the RocksDB state backend. |")


def test_every_setting_of_the_table_parses_its_own_default():
    for setting in TABLE.values():
        default = setting.resolve_default()
        if default is not None:
            assert setting.parse(default, "test") == default
