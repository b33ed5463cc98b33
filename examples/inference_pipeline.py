"""The shape of an inference service: questions come in from a topic, answers go out to another.

The topics are in memory here; a source and a sink for a message broker go in their places. Records of a session stay in
order, because they share a key, while sessions are worked on in parallel.
"""

from dataclasses import dataclass
from typing import Any

from sage_local import (
    FilterFunction,
    FunctionContext,
    LocalEnvironment,
    MapFunction,
    SinkFunction,
    SourceContext,
    SourceFunction,
)

Record = dict[str, Any]

QUESTIONS = [
    "s1|What is a watermark?",
    "s2|What is a barrier?",
    "s1|",
    "s2|What is a key group?",
    "s1|What is a checkpoint?",
]
PASSAGES = {
    "watermark": "A watermark says that no earlier event is still to come.",
    "barrier": "A barrier separates the records of two checkpoints.",
    "checkpoint": "A checkpoint is a consistent picture of all state.",
    "key": "A key group is the smallest unit in which keyed state moves.",
}


@dataclass
class TopicSource(SourceFunction[str]):
    """Emits the messages of a topic."""

    messages: list[str]

    def run(self, ctx: SourceContext[str]) -> None:
        for message in self.messages:
            if not ctx.is_running:
                return
            ctx.collect(message)


class TopicSink(SinkFunction[str]):
    """Publishes to a topic, which here is the terminal."""

    def __init__(self, topic: str) -> None:
        self.topic = topic

    def write(self, value: str, /) -> None:
        print(f"{self.topic}: {value}")


class InputParser(MapFunction[str, Record]):
    def map(self, value: str, /) -> Record:
        session, _, question = value.partition("|")
        return {"session_id": session, "question": question}


class QualityFilter(FilterFunction[Record]):
    def filter(self, value: Record, /) -> bool:
        return bool(value["question"])


class EmbeddingGenerator(MapFunction[Record, Record]):
    """``open`` is where a model would be loaded: once per subtask, in its worker."""

    def open(self, context: FunctionContext, /) -> None:
        self.words = frozenset(PASSAGES)

    def map(self, value: Record, /) -> Record:
        words = value["question"].lower().rstrip("?").split()
        return value | {"embedding": frozenset(words) & self.words}


class ContextRetriever(MapFunction[Record, Record]):
    def map(self, value: Record, /) -> Record:
        return value | {"context": [PASSAGES[word] for word in sorted(value["embedding"])]}


class AnswerWriter(MapFunction[Record, Record]):
    def map(self, value: Record, /) -> Record:
        return value | {"answer": " ".join(value["context"]) or "I do not know."}


class OutputFormatter(MapFunction[Record, str]):
    def map(self, value: Record, /) -> str:
        return f"[{value['session_id']}] {value['question']} {value['answer']}"


def main() -> None:
    env = LocalEnvironment("inference-pipeline", config={"parallelism": 2, "buffer.timeout": 100, "object.reuse": True})
    pipeline = (
        env.from_source(TopicSource(QUESTIONS))
        .map(InputParser(), name="input-parser")
        .filter(QualityFilter(), name="quality-filter")
        .key_by(lambda record: record["session_id"])
        .map(EmbeddingGenerator(), name="embedding-generator")
        .map(ContextRetriever(), name="context-retriever")
        .map(AnswerWriter(), name="answer-writer")
        .map(OutputFormatter(), name="output-formatter")
        .sink(TopicSink("answers"))
    )
    env.submit(pipeline)


if __name__ == "__main__":
    main()
