import threading

import pytest

from sage_local import ConfigError, LocalEnvironment, NotBuiltError, PlanError, SourceError, TypeMismatchError
from sage_local.api.overrides import Overrides, Planned, no_further, overriding
from sage_local.config import BUFFER_TIMEOUT_MS, LOG_LEVEL, METRICS_INTERVAL_MS, PARALLELISM, LogLevel, parse_layer


@pytest.fixture
def env():
    return LocalEnvironment("job", {"parallelism": 2})


class TestWhatRuns:
    def test_submit_runs_every_sink_declared_so_far(self, env, launcher):
        env.from_collection([1]).print(name="first")
        env.from_collection([2]).print(name="second")
        result = env.submit()
        assert result.name == "job"
        assert {"first", "second"} < set(launcher.names())

    def test_the_environment_can_be_used_again(self, env, launcher):
        env.from_collection([1]).print(name="first")
        env.submit()
        env.from_collection([2]).print(name="second")
        env.submit()
        assert "second" not in launcher.names(0)
        assert {"first", "second"} < set(launcher.names(1))

    def test_a_program_runs_twice_alike(self, env, launcher):
        env.from_collection(iter([1, 2])).print()
        env.submit()
        env.submit()
        assert launcher.plans[0].chains == launcher.plans[1].chains

    def test_with_a_sink_only_its_pipeline_runs(self, env, launcher):
        source = env.from_collection([1])
        source.print(name="first")
        env.submit(source.print(name="second"))
        assert "first" not in launcher.names()
        assert "second" in launcher.names()

    def test_with_a_stream_all_sinks_behind_it_run(self, env, launcher):
        source = env.from_collection([1])
        source.print(name="first")
        mapped = source.map(str)
        mapped.print(name="second")
        mapped.filter(str.isdigit).print(name="third")
        env.submit(mapped)
        assert {"second", "third"} < set(launcher.names())
        assert "first" not in launcher.names()

    def test_nothing_to_run_is_an_error_that_says_what_is_missing(self, env, launcher):
        with pytest.raises(PlanError, match="'job' has nothing to run: no sink is declared"):
            env.submit()
        with pytest.raises(PlanError, match="nothing to run"):
            env.submit(env.from_collection([1]))

    def test_a_pipeline_of_another_environment_is_refused(self, env):
        other = LocalEnvironment("other").from_collection([1]).print()
        with pytest.raises(PlanError, match="expected a stream of environment 'job', found one of another"):
            env.submit(other)

    def test_a_pipeline_is_a_stream(self, env):
        with pytest.raises(PlanError, match="pipeline: expected a stream of this environment, found 5"):
            env.submit(5)

    def test_threads_may_declare_and_submit_at_once(self, env, launcher):
        def declare_and_submit(number):
            env.submit(env.from_collection([number]).map(str).print(name=f"print-{number}"))

        threads = [threading.Thread(target=declare_and_submit, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(launcher.names(index)[-1] for index in range(8)) == [f"print-{number}" for number in range(8)]


class TestCollect:
    def test_collect_returns_what_the_job_gathers(self, env, launcher):
        launcher.collects = ["1", "2"]
        assert env.from_collection([1, 2]).map(str).collect() == ["1", "2"]

    def test_collect_runs_its_own_stream_alone_and_leaves_nothing_behind(self, env, launcher):
        source = env.from_collection([1])
        source.print()
        source.map(str).collect()
        assert launcher.names() == ["from_collection", "str", "collect"]
        env.submit()
        assert launcher.names() == ["from_collection", "print"]

    def test_collect_of_a_keyed_stream_and_of_a_source(self, env, launcher):
        env.from_collection([1]).collect()
        env.from_collection([1]).key_by(str).collect(name="results")
        assert launcher.names() == ["from_collection", "results"]


class TestHowItRuns:
    def test_a_job_is_attached_to_its_caller_unless_detached(self, env, launcher):
        env.from_collection([1]).print()
        env.submit()
        handle = env.submit(detach=True)
        assert launcher.attached == [True, False]
        assert handle.job_id == "fake"

    def test_inline_runs_in_the_callers_process(self, launcher):
        env = LocalEnvironment(config={"execution.engine": "inline"})
        env.from_collection([1]).print()
        env.submit()
        assert len(launcher.inline) == 1
        assert launcher.attached == []

    def test_inline_can_not_be_detached(self, launcher):
        env = LocalEnvironment(config={"execution.engine": "inline"})
        env.from_collection([1]).print()
        with pytest.raises(ConfigError, match="inline runs in the calling process"):
            env.submit(detach=True)

    def test_settings_of_the_environment_variables_win_over_config(self, env, launcher, monkeypatch):
        monkeypatch.setenv("SAGE_PARALLELISM", "3")
        env.from_collection([1]).print()
        env.submit()
        assert launcher.plans[0].settings[PARALLELISM] == 3

    def test_configure_debug_is_a_way_to_write_settings(self, env, launcher):
        env.configure_debug(metrics_interval="10s", log_level="DEBUG")
        env.from_collection([1]).print()
        env.submit()
        settings = launcher.plans[0].settings
        assert settings[METRICS_INTERVAL_MS] == 10_000
        assert settings[LOG_LEVEL] is LogLevel.DEBUG

    def test_configure_debug_names_what_is_wrong(self, env):
        with pytest.raises(ConfigError, match=r"log.level: expected one of .*, found 'LOUD' \(configure_debug\)"):
            env.configure_debug(log_level="LOUD")


class TestRefusals:
    def test_a_guarantee_that_is_not_built_is_refused_before_anything_starts(self, launcher):
        env = LocalEnvironment(config={"state.backend": "rocksdb"})
        env.from_collection([1]).print()
        with pytest.raises(NotBuiltError, match="the RocksDB state backend"):
            env.submit()
        assert launcher.plans == []

    def test_a_missing_file_is_refused_before_anything_starts(self, env, launcher, tmp_path):
        env.from_text(tmp_path / "missing").print()
        with pytest.raises(SourceError, match="missing"):
            env.submit()
        assert launcher.plans == []

    def test_annotations_that_do_not_fit_are_refused_before_anything_starts(self, env, launcher):
        def to_text(value: int) -> str:
            return str(value)

        def is_even(value: int) -> bool:
            return value % 2 == 0

        env.from_collection([1]).map(to_text).filter(is_even).print()
        with pytest.raises(TypeMismatchError, match="'to_text' returns str, but operator 'is_even'"):
            env.submit()
        assert launcher.plans == []


class TestOverrides:
    def test_the_command_line_wins_over_everything(self, env, launcher, monkeypatch):
        monkeypatch.setenv("SAGE_PARALLELISM", "3")
        env.from_collection([1]).print()
        layers = (
            parse_layer({"buffer.timeout": "1s", "parallelism": 5}, "file"),
            parse_layer({"parallelism": 4}, "--set"),
        )
        with overriding(Overrides(layers=layers)):
            env.submit()
        env.submit()
        assert [plan.settings[PARALLELISM] for plan in launcher.plans] == [4, 3]
        assert launcher.plans[0].settings[BUFFER_TIMEOUT_MS] == 1000

    def test_it_reaches_every_thread_of_the_program(self, env, launcher):
        env.from_collection([1]).print()
        with overriding(Overrides(layers=(parse_layer({"parallelism": 4}, "--set"),))):
            thread = threading.Thread(target=env.submit)
            thread.start()
            thread.join()
        assert launcher.plans[0].settings[PARALLELISM] == 4

    def test_in_plan_mode_submit_ends_the_program_with_its_plan(self, env, launcher):
        env.from_collection([1]).print()
        with overriding(Overrides(on_planned=no_further)), pytest.raises(Planned) as raised:
            env.submit()
        assert raised.value.plan.job_name == "job"
        assert launcher.plans == []

    def test_in_plan_mode_collect_does_too(self, env):
        with overriding(Overrides(on_planned=no_further)), pytest.raises(Planned):
            env.from_collection([1]).collect()

    def test_progress_goes_to_the_command_line(self, env, launcher):
        env.from_collection([1]).print()
        with overriding(Overrides(on_progress=print)):
            env.submit()
        assert launcher.progress == [print]


class TestExplain:
    @pytest.fixture(autouse=True)
    def program(self, env):
        env.from_collection(["a"]).key_by(str.upper).count().print()

    def test_the_text_names_chains_rings_and_cpus(self, env):
        text = env.explain()
        assert "Job 'job'" in text
        assert "rings of" in text or "ring of" in text
        assert "cpu " in text

    def test_the_diagram_is_mermaid(self, env):
        assert env.explain(syntax="mermaid").startswith("flowchart")

    def test_a_part_of_the_program_can_be_explained(self, env):
        other = env.from_collection([1]).print(name="other")
        assert "count" not in env.explain(other)

    def test_nothing_starts(self, env, launcher):
        env.explain()
        assert launcher.plans == []
