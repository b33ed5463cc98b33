"""The programs of the overview, as written there. What it leaves undefined is supplied above each."""

import os
import subprocess
import sys

import pytest

from sage_local import LocalEnvironment, NotBuiltError
from tests.templates import FAULT_TOLERANCE, HIGH_PERFORMANCE

SIMPLE_PIPELINE = """
# simple_pipeline.py
from sage.core.api import LocalEnvironment

env = LocalEnvironment("hello-sage")

# 创建简单流水线
(env
 .from_collection(["Hello", "World", "SAGE"])
 .map(lambda x: f"Processed: {x}")
 .print()
)

env.submit()
"""

MY_APP = """
from sage.core.api.local_environment import LocalEnvironment

# 创建本地环境
env = LocalEnvironment("my_app")

# 创建数据流管道
stream = env.from_batch([1, 2, 3, 4, 5])
result = stream.map(lambda x: x * 2).sink(print)

# 提交执行
env.submit()
"""

FUNCTION_SAMPLE = """
from typing import Any, Dict

from sage.core.api import LocalEnvironment
from sage.core.api.function import BaseFunction, FunctionContext


class Model:
    def __init__(self, path):
        self.path = path

    def predict(self, value):
        return f"{self.path}:{value}"

    def release(self):
        print("released")


load_model = Model


# 函数开发示例
class CustomProcessingFunction(BaseFunction):
    def __init__(self, config: Dict):
        self.config = config
        self.model = None
        
    def open(self, context: FunctionContext):
        # 初始化资源
        self.model = load_model(self.config['model_path'])
        
    def process(self, value: Any) -> Any:
        # 处理逻辑
        result = self.model.predict(value)
        return {"input": value, "output": result}
        
    def close(self):
        # 清理资源
        self.model.release()


env = LocalEnvironment("function-sample")
print(env.from_collection([1, 2]).map(CustomProcessingFunction({"model_path": "m"}), parallelism=1).collect())
"""  # noqa: W293  # as written

KAFKA_PIPELINE = """
from sage_local import SinkFunction, SourceFunction

MESSAGES = [f"{session} {number}" for number in range(4) for session in ("a", "b", "c", "")]


class Reader:
    def __init__(self, messages):
        self.messages = messages

    def poll(self, max_records):
        polled, self.messages = self.messages[:max_records], self.messages[max_records:]
        return polled or None

    def snapshot(self):
        return len(self.messages)

    def close(self):
        pass


class KafkaSource(SourceFunction):
    def __init__(self, topic):
        self.topic = topic

    def splits(self):
        return [0, 1, 2]

    def open_split(self, split, position=None):
        return Reader(MESSAGES[split::3])


class KafkaSink(SinkFunction):
    def __init__(self, topic):
        self.topic = topic

    def write(self, value):
        print(f"{self.topic} {value}", flush=True)


from sage.core.api import LocalEnvironment
from sage.core.api.function import MapFunction, FilterFunction
from sage.core.api.datastream import DataStream


class InputParser(MapFunction):
    def map(self, value):
        session, question = value.split(" ", 1)
        return {"session_id": session, "question": question}


class QualityFilter(FilterFunction):
    def filter(self, value):
        return bool(value["session_id"])


class EmbeddingGenerator(MapFunction):
    def map(self, value):
        return {**value, "embedding": [len(value["question"])]}


class ContextRetriever(MapFunction):
    def map(self, value):
        return {**value, "context": value["session_id"] * 2}


class LLMInference(MapFunction):
    def open(self, context):
        self.seen = {}

    def map(self, value):
        session = value["session_id"]
        self.seen[session] = self.seen.get(session, 0) + 1
        return {**value, "answer": self.seen[session]}


class OutputFormatter(MapFunction):
    def process(self, value):
        return "{session_id} {question} {answer}".format(**value)


# 创建优化后的数据处理流水线
def create_optimized_pipeline():
    global env  # the overview forgets it
    # 初始化环境
    env = LocalEnvironment(
        name="llm-inference-pipeline",
        config={
            "parallelism": 8,
            "buffer.timeout": 100,
            "object.reuse": True
        }
    )
    
    # 构建数据处理流水线
    pipeline = (env
        .from_source(KafkaSource("input-topic"))
        .map(InputParser(), name="input-parser")
        .filter(QualityFilter(), name="quality-filter")
        .key_by(lambda x: x["session_id"])
        .map(EmbeddingGenerator(), name="embedding-generator")
        .map(ContextRetriever(), name="context-retriever")
        .map(LLMInference(), name="llm-inference")
        .map(OutputFormatter(), name="output-formatter")
        .sink(KafkaSink("output-topic"))
    )
    
    return pipeline

# 提交执行
if __name__ == "__main__":
    pipeline = create_optimized_pipeline()
    env.submit(pipeline)
"""  # noqa: W293  # as written


@pytest.fixture(params=["inline", "processes"])
def run(request, tmp_path):
    """Runs a program as a script, and returns the lines it printed."""

    def run(program: str, *, parallelism: int) -> list[str]:
        script = tmp_path / "program.py"
        script.write_text(program)
        environ = os.environ | {
            "SAGE_EXECUTION_ENGINE": request.param,
            "SAGE_PARALLELISM": str(parallelism),
        }
        command = [sys.executable, str(script)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=50)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


@pytest.mark.parametrize("parallelism", [1, 2, 4])
def test_the_first_pipeline_prints_three_lines_in_order(run, parallelism):
    lines = run(SIMPLE_PIPELINE, parallelism=parallelism)
    assert lines == ["Processed: Hello", "Processed: World", "Processed: SAGE"]


def test_my_app_prints_each_number_doubled(run):
    assert run(MY_APP, parallelism=2) == ["2", "4", "6", "8", "10"]


def test_a_function_opens_processes_and_closes_without_calling_its_base(run):
    lines = run(FUNCTION_SAMPLE, parallelism=2)
    assert sorted(lines) == ["[{'input': 1, 'output': 'm:1'}, {'input': 2, 'output': 'm:2'}]", "released"]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_the_kafka_pipeline_sees_each_session_in_one_place(run, parallelism):
    lines = run(KAFKA_PIPELINE, parallelism=parallelism)
    seen = [line.split() for line in lines]
    assert {topic for topic, *_ in seen} == {"output-topic"}
    for session in "abc":
        answers = [(question, count) for _, who, question, count in seen if who == session]
        assert sorted(question for question, _ in answers) == ["0", "1", "2", "3"]
        assert [count for _, count in answers] == ["1", "2", "3", "4"]


def test_the_performance_template_is_accepted_and_what_is_not_built_is_refused_at_submit():
    env = LocalEnvironment("templates", config=HIGH_PERFORMANCE)
    env.from_collection([1]).print()
    with pytest.raises(NotBuiltError, match="this version does not have"):
        env.submit()


def test_the_fault_tolerance_template_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("SAGE_CHECKPOINT_DIR", str(tmp_path))
    env = LocalEnvironment("templates", config=FAULT_TOLERANCE)
    assert env.from_collection([1]).collect() == [1]


def test_the_debug_configuration_is_accepted_and_tracing_is_refused_at_submit():
    env = LocalEnvironment()
    env.configure_debug(
        enable_tracing=True,
        metrics_interval="10s",
        log_level="DEBUG",
    )
    env.from_collection([1]).print()
    with pytest.raises(NotBuiltError, match="the tracing of records"):
        env.submit()
