import os
import pickle
from typing import ClassVar

import pytest

from sage_local.config import (
    BUFFER_TIMEOUT_MS,
    CHECKPOINT_INTERVAL_MS,
    CHECKPOINT_TIMEOUT_MS,
    CHECKPOINTING,
    CPU_CORES,
    ENGINE,
    INCREMENTAL,
    MEMORY_BYTES,
    OBJECT_REUSE,
    PARALLELISM,
    RESTART_ATTEMPTS,
    RESTART_DELAY_MS,
    RESTART_JITTER,
    RESTART_MAX_DELAY_MS,
    RESTART_STRATEGY,
    RING_MAX_BYTES,
    RUNTIME_MODE,
    STATE_BACKEND,
    Checkpointing,
    Engine,
    RestartStrategy,
    RuntimeMode,
    Settings,
    StateBackend,
    checkpoint_directory,
    checkpointing_of,
    load_settings,
    parse_layer,
)
from sage_local.errors import ConfigError, NotBuiltError
from tests.templates import FAULT_TOLERANCE, HIGH_PERFORMANCE


def test_nothing_written_gives_the_defaults():
    settings = Settings()
    assert settings[PARALLELISM] == len(os.sched_getaffinity(0))
    assert settings[BUFFER_TIMEOUT_MS] == 100
    assert settings[ENGINE] is Engine.PROCESSES
    assert settings[RUNTIME_MODE] is RuntimeMode.STREAMING
    assert settings[RING_MAX_BYTES] == 4 * 1024 * 1024
    assert settings[MEMORY_BYTES] is None


def test_the_high_performance_template_is_understood():
    settings = Settings(HIGH_PERFORMANCE)
    assert settings[PARALLELISM] == 16
    assert settings[BUFFER_TIMEOUT_MS] == 50
    assert settings[OBJECT_REUSE] is True
    assert settings[STATE_BACKEND] is StateBackend.ROCKSDB
    assert settings[CHECKPOINT_INTERVAL_MS] == 30_000
    assert settings[INCREMENTAL] is True
    assert settings[MEMORY_BYTES] == 4 * 2**30
    assert settings[CPU_CORES] == 4


def test_the_fault_tolerance_template_is_understood():
    settings = Settings(FAULT_TOLERANCE)
    assert settings[RESTART_STRATEGY] is RestartStrategy.EXPONENTIAL_DELAY
    assert settings[RESTART_ATTEMPTS] == 10
    assert settings[RESTART_DELAY_MS] == 10_000
    assert settings[RESTART_MAX_DELAY_MS] == 300_000
    assert settings[CHECKPOINTING] is Checkpointing.EXACTLY_ONCE
    assert settings[CHECKPOINT_TIMEOUT_MS] == 300_000


@pytest.mark.parametrize(
    "written",
    [
        {"buffer.timeout": 7},
        {"buffer": {"timeout": 7}},
        {"execution": {"buffer.timeout": 7}},
        {"execution": {"buffer": {"timeout": 7}}},
        {"execution.buffer.timeout": 7},
    ],
)
def test_nested_dotted_and_grouped_keys_are_the_same_key(written):
    assert Settings(written)[BUFFER_TIMEOUT_MS] == 7


def test_a_key_written_twice_alike_is_fine():
    assert Settings({"parallelism": 4, "execution": {"parallelism": "4"}})[PARALLELISM] == 4


def test_a_key_written_twice_differently_names_both_places():
    with pytest.raises(ConfigError, match=r"is written twice: 4 \(config\) and 8 \(config: execution → parallelism\)"):
        Settings({"parallelism": 4, "execution": {"parallelism": 8}})


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ({"paralellism": 2}, "parallelism"),
        ({"buffer_timeout": 2}, "buffer.timeout"),
        ({"state": {"bakend": "memory"}}, "state.backend"),
        ({"execution": {"paralelism": 2}}, "parallelism"),
        ({"Parallelism": 2}, "parallelism"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(written, nearest):
    with pytest.raises(ConfigError, match=f"unknown setting .* did you mean '{nearest}'"):
        Settings(written)


def test_an_unknown_key_like_no_other_suggests_nothing():
    with pytest.raises(ConfigError) as raised:
        Settings({"zzz": 1})
    assert str(raised.value) == "unknown setting 'zzz' (config)"


def test_a_key_that_is_not_text_is_refused():
    with pytest.raises(ConfigError, match="expected text as the key of a setting, found 5"):
        Settings({5: 1})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("parallelism", "many", "a whole number of at least 1"),
        ("parallelism", 0, "a whole number of at least 1"),
        ("parallelism", True, "a whole number of at least 1"),
        ("parallelism", 1.5, "a whole number of at least 1"),
        ("parallelism", None, "a whole number of at least 1"),
        ("max-parallelism", 32_769, "a whole number from 1 to 32768"),
        ("object.reuse", "maybe", "true or false"),
        ("buffer.timeout", "10 parsecs", "a duration such as"),
        ("buffer.timeout", -1, "a duration such as"),
        ("buffer.timeout", "0.0001s", "a duration such as"),
        ("taskmanager.memory.process.size", "big", "a size such as"),
        ("execution.engine", "threads", "one of 'processes', 'inline'"),
        ("execution.engine", 1, "one of 'processes', 'inline'"),
    ],
)
def test_an_ill_formed_value_says_what_was_expected_and_found(key, value, expected):
    with pytest.raises(ConfigError) as raised:
        Settings({key: value})
    assert str(raised.value).startswith(f"{key}: expected {expected}")
    assert str(raised.value).endswith(f"found {value!r} (config)")


@pytest.mark.parametrize(
    ("key", "value"),
    [("parallelism", float("inf")), ("buffer.timeout", float("nan")), ("ring.max-size", [1])],
)
def test_a_value_of_a_strange_kind_is_a_config_error_too(key, value):
    with pytest.raises(ConfigError, match=f"{key}: expected"):
        Settings({key: value})


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [(250, 250), ("250", 250), ("250ms", 250), ("30s", 30_000), ("1.5 s", 1500), ("5m", 300_000), ("2h", 7_200_000)],
)
def test_durations_are_milliseconds_or_text_with_a_unit(written, milliseconds):
    assert Settings({"buffer.timeout": written})[BUFFER_TIMEOUT_MS] == milliseconds


@pytest.mark.parametrize(
    ("written", "size"), [(4096, 4096), ("4096", 4096), ("64kb", 65_536), ("4MB", 4_194_304), ("1.5gb", 1_610_612_736)]
)
def test_sizes_are_bytes_or_text_with_a_unit(written, size):
    assert Settings({"taskmanager.memory.process.size": written})[MEMORY_BYTES] == size


@pytest.mark.parametrize("written", [Engine.INLINE, "inline", "INLINE"])
def test_a_choice_is_a_member_or_its_word(written):
    assert Settings({"execution.engine": written})[ENGINE] is Engine.INLINE


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"parallelism": 200}, r"parallelism = 200 \(config\) is more than max-parallelism = 128 \(its default\)"),
        ({"ring.min-size": "8mb"}, r"ring.min-size = 8mb \(config\) is more than ring.max-size = 4mb \(its default\)"),
        (
            {"restart.strategy": "fixed-delay", "restart.delay": "10m", "restart.max_delay": "1m"},
            "restart.delay = 10m .* is more than restart.max_delay = 1m",
        ),
        (
            {"checkpointing": "none", "checkpoint.interval": "30s"},
            "checkpoint.interval = 30s .* has no effect with checkpointing = none",
        ),
        (
            {"restart.strategy": "none", "restart.attempts": 3},
            "restart.attempts = 3 .* has no effect with restart.strategy = none",
        ),
        ({"restart.attempts": 3}, r"restart.attempts = 3 .* no effect with restart.strategy = none \(its default\)"),
    ],
)
def test_settings_that_contradict_each_other_are_both_named(written, told):
    with pytest.raises(ConfigError, match=told):
        Settings(written)


@pytest.mark.parametrize(
    ("written", "missing"),
    [
        (HIGH_PERFORMANCE, "the RocksDB state backend"),
        ({"tracing": True}, "the tracing of records"),
    ],
)
def test_a_guarantee_that_is_not_built_is_refused(written, missing):
    settings = Settings(written)
    with pytest.raises(NotBuiltError, match=f"this version does not have {missing} yet"):
        settings.refuse_unbuilt()


@pytest.mark.parametrize(
    "written",
    [{}, {"state.backend": "memory"}, {"checkpointing": "none"}, {"restart.strategy": "none"}, FAULT_TOLERANCE],
)
def test_what_this_version_does_is_not_refused(written):
    Settings(written).refuse_unbuilt()


def test_settings_survive_pickling_with_the_defaults_of_the_machine_they_were_made_on(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(37)))
    written = pickle.dumps(Settings({"buffer.timeout": 5}))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    settings = pickle.loads(written)
    assert (settings[PARALLELISM], settings[BUFFER_TIMEOUT_MS]) == (37, 5)


def test_a_default_can_be_fixed_for_every_process():
    settings = Settings({"parallelism": 3}).resolved(MEMORY_BYTES, 2**30)
    assert (settings[MEMORY_BYTES], settings[PARALLELISM]) == (2**30, 3)
    assert settings.written(MEMORY_BYTES) is None


def test_equal_settings_are_equal():
    assert Settings({"parallelism": 3}) == Settings({"execution": {"parallelism": "3"}})
    assert Settings({"parallelism": 3}) != Settings({"parallelism": 4})


class TestPrecedence:
    CONFIG: ClassVar = parse_layer({"parallelism": 2, "buffer.timeout": 2, "frame.max-rows": 2}, "config")
    ENVIRON: ClassVar = {"SAGE_PARALLELISM": "3", "SAGE_BUFFER_TIMEOUT": "3ms"}
    FILE: ClassVar = parse_layer({"parallelism": 4}, "production.toml")
    COMMAND_LINE: ClassVar = parse_layer({"parallelism": "5"}, "--set")

    def test_config_is_over_defaults(self):
        assert load_settings(config=self.CONFIG, environ={})[PARALLELISM] == 2

    def test_the_environment_is_over_config(self):
        settings = load_settings(config=self.CONFIG, environ=self.ENVIRON)
        assert (settings[PARALLELISM], settings[BUFFER_TIMEOUT_MS]) == (3, 3)

    def test_the_command_line_is_over_the_environment_and_its_last_layer_over_its_first(self):
        layers = (self.FILE, self.COMMAND_LINE)
        settings = load_settings(config=self.CONFIG, environ=self.ENVIRON, command_line=layers)
        assert (settings[PARALLELISM], settings[BUFFER_TIMEOUT_MS]) == (5, 3)
        assert settings.written(PARALLELISM).origin == "--set"

    def test_an_ill_formed_variable_is_named(self):
        with pytest.raises(ConfigError, match=r"found 'x' \(environment variable SAGE_PARALLELISM\)"):
            load_settings(config={}, environ={"SAGE_PARALLELISM": "x"})

    def test_a_misspelt_variable_names_the_nearest_known_one(self):
        with pytest.raises(ConfigError, match="SAGE_PARALELISM sets nothing: did you mean SAGE_PARALLELISM"):
            load_settings(config={}, environ={"SAGE_PARALELISM": "2"})

    @pytest.mark.parametrize("variable", ["SAGE_ROOT", "SAGE_LOCAL", "SAGE_RUN_DIR", "PARALLELISM"])
    def test_variables_of_others_are_let_be(self, variable):
        assert load_settings(config={}, environ={variable: "x"}) == Settings()

    def test_a_contradiction_across_layers_names_where_each_was_written(self):
        environ = {"SAGE_MAX_PARALLELISM": "1"}
        told = r"parallelism = 2 \(config\) is more than max-parallelism = 1 \(environment variable SAGE_MAX_PARALLELI"
        with pytest.raises(ConfigError, match=told):
            load_settings(config=self.CONFIG, environ=environ)


def test_checkpoints_are_taken_when_anything_asks_for_them():
    assert checkpointing_of(Settings()) is Checkpointing.NONE
    assert checkpointing_of(Settings({"checkpoint.interval": "1s"})) is Checkpointing.EXACTLY_ONCE
    assert checkpointing_of(Settings({"restore": "latest"})) is Checkpointing.EXACTLY_ONCE
    assert checkpointing_of(Settings({"checkpointing": "at_least_once"})) is Checkpointing.AT_LEAST_ONCE


def test_each_job_has_a_checkpoint_directory_of_its_name():
    settings = Settings({"checkpoint.dir": "/var/checkpoints/"})
    assert checkpoint_directory(settings, "llm pipeline/1", {}) == "/var/checkpoints/llm-pipeline-1"
    assert checkpoint_directory(Settings({"checkpoint.dir": "s3://b/c"}), "job", {}) == "s3://b/c/job"
    assert checkpoint_directory(Settings(), "job", {"XDG_STATE_HOME": "/state"}) == "/state/sage/checkpoints/job"


def test_a_fraction_is_a_number_from_0_to_1():
    assert Settings({"restart.strategy": "exponential-delay", "restart.jitter": "0.25"})[RESTART_JITTER] == 0.25
    for wrong in (1.5, -0.1, "much", True):
        with pytest.raises(ConfigError, match="a number from 0 to 1"):
            Settings({"restart.jitter": wrong})
