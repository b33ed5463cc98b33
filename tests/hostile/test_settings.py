"""Settings that are unknown, misspelt, ill-typed or contradict each other: an error before anything starts."""

import re

import pytest

from sage_local import LocalEnvironment
from sage_local.errors import ConfigError, PlanError


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"paralelism": 3}, "unknown setting 'paralelism' (config): did you mean 'parallelism'?"),
        ({"max_parallelism": 3}, "unknown setting 'max_parallelism' (config): did you mean 'max-parallelism'?"),
        ({"no": {"such": {"thing": 1}}}, "unknown setting 'no.such.thing' (config)"),
        ({"parallelism": 0}, "parallelism: expected a whole number of at least 1, found 0 (config)"),
        ({"parallelism": -1}, "parallelism: expected a whole number of at least 1, found -1 (config)"),
        ({"parallelism": 2.5}, "parallelism: expected a whole number of at least 1, found 2.5 (config)"),
        ({"parallelism": True}, "parallelism: expected a whole number of at least 1, found True (config)"),
        ({"parallelism": float("inf")}, "parallelism: expected a whole number of at least 1, found inf (config)"),
        ({"checkpoint.interval": 0}, '"1h", at least 1 ms, found 0 (config)'),
        ({"buffer.timeout": "soon"}, "buffer.timeout: expected a duration such as"),
        ({"ring.max-size": "8gb"}, "from 4kb to 64mb, found '8gb' (config)"),
        ({"ring.min-size": 1}, "from 4kb to 64mb, found 1 (config)"),
        ({"frame.max-rows": 0}, "frame.max-rows: expected a whole number of at least 1, found 0 (config)"),
        ({"execution.engine": "spark"}, "execution.engine: expected one of 'processes', 'inline', found 'spark'"),
        (
            {"parallelism": 2, "execution": {"parallelism": 3}},
            "parallelism is written twice: 2 (config) and 3 (config: ",
        ),
        ({"execution": 3}, "execution: expected a mapping of settings, found 3 (config)"),
        ([("parallelism", 2)], "config: expected a mapping of settings, found list"),
        ({1: 2}, "expected text as the key of a setting, found 1"),
    ],
)
def test_a_setting_that_can_not_be_meant_is_refused_where_it_is_written(config, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        LocalEnvironment("hostile", config=config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"parallelism": 10_000}, "parallelism = 10000 (config) is more than max-parallelism = 128 (its default)"),
        (
            {"ring.min-size": "1mb", "ring.max-size": "64kb"},
            "ring.min-size = 1mb (config) is more than ring.max-size = 64kb (config)",
        ),
        (
            {"checkpointing": "none", "checkpoint.interval": "3s"},
            "checkpoint.interval = 3s (config) has no effect with checkpointing = none (config)",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_both_named_at_submit(config, message):
    env = LocalEnvironment("hostile", config=config)
    with pytest.raises(ConfigError, match=re.escape(message)):
        env.from_collection([1]).map(abs).collect()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SAGE_PARALELISM", "3", "environment variable SAGE_PARALELISM sets nothing: did you mean SAGE_PARALLELISM?"),
        ("SAGE_PARALLELISM", "many", "found 'many' (environment variable SAGE_PARALLELISM)"),
    ],
)
def test_an_environment_variable_that_can_not_be_meant_is_refused_at_submit(monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=re.escape(message)):
        LocalEnvironment("hostile").from_collection([1]).collect()


@pytest.mark.parametrize("asked", [0, -1, True, "2", 2.0])
def test_an_operators_parallelism_that_is_none_is_refused_where_it_is_given(environment, asked):
    with pytest.raises(PlanError, match="parallelism: expected a whole number of at least 1, found"):
        environment().from_collection([1]).map(abs, parallelism=asked)


def test_an_operators_parallelism_above_the_limit_is_refused_at_submit(environment):
    stream = environment().from_collection([1]).map(abs, parallelism=10_000)
    with pytest.raises(PlanError, match=r"parallelism 10000 of operator 'abs' is more than max-parallelism \(128\)"):
        stream.collect()


def test_a_program_without_a_sink_has_nothing_to_run(environment):
    env = environment()
    env.from_collection([1]).map(abs)
    with pytest.raises(PlanError, match="has nothing to run: no sink is declared for it"):
        env.submit()
