"""What a type checker must refuse: each line names a rule of mypy and one of pyright that does."""

from sage_local import FilterFunction, LocalEnvironment, MapFunction, SinkFunction


class Length(MapFunction[str, int]):
    def map(self, value: str) -> int:
        return len(value)


class Blank(FilterFunction[str]):
    def filter(self, value: str) -> bool:
        return not value.strip()


class Texts(SinkFunction[str]):
    def write(self, value: str) -> None:
        print(value)


def add_one(number: int) -> int:
    return number + 1


def longer(first: str, second: str) -> str:
    return max(first, second, key=len)


env = LocalEnvironment()
texts = env.from_collection(["a", "b"])

texts.map(add_one)  # mypy: arg-type  pyright: reportCallIssue
texts.map(Length()).map(Length())  # mypy: arg-type  pyright: reportCallIssue
texts.map(Length()).filter(Blank())  # mypy: arg-type  pyright: reportArgumentType
texts.map(Length()).sink(Texts())  # mypy: arg-type  pyright: reportArgumentType
texts.flat_map(Length())  # mypy: call-overload  pyright: reportCallIssue
texts.map(Blank())  # mypy: call-overload  pyright: reportCallIssue
texts.map(Length)  # mypy: arg-type  pyright: reportCallIssue
texts.map(lambda text: text.amount)  # mypy: attr-defined  pyright: reportAttributeAccessIssue
texts.count()  # mypy: attr-defined  pyright: reportAttributeAccessIssue
texts.key_by(len).map(Length()).reduce(longer)  # mypy: arg-type  pyright: reportArgumentType
texts.map(str.upper, "upper")  # mypy: call-overload  pyright: reportCallIssue
env.submit(detach="yes")  # mypy: call-overload  pyright: reportCallIssue
env.from_source([1])  # mypy: arg-type  pyright: reportArgumentType
