"""Questions to all workers at once, and the answers made of theirs."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable, Mapping

from sage_local.core.ids import ChainId, WorkerId
from sage_local.plan.physical import Plan
from sage_local.runtime.coordinator.client import Client
from sage_local.runtime.protocol.client_messages import AskWindows, WindowReport
from sage_local.runtime.protocol.explanations import WindowExplanation
from sage_local.runtime.protocol.messages import ExplainWindows, WindowsExplained

PATIENCE_S = 2.0
"""A worker answers between two batches; one that does not by then is in a long call of user code."""
_WITH_WINDOWS = ("Window", "CountWindow", "WindowColumns")


class _Open:
    """A question that not all have answered."""

    def __init__(self, client: Client, asked: AskWindows, workers: Iterable[WorkerId], patience: TimerHandle) -> None:
        self.client = client
        self.asked = asked
        self.missing = set(workers)
        self.patience = patience
        self.answers: list[WindowsExplained] = []


class Explanations:
    """Questions of one execution. ``kinds`` says what each operator is; ``say`` describes a worker that is silent."""

    def __init__(
        self, loop: AbstractEventLoop, plan: Plan, kinds: Mapping[str, str], say: Callable[[WorkerId], str]
    ) -> None:
        self._loop = loop
        self._plan = plan
        self._kinds = kinds
        self._say = say
        self._open: dict[int, _Open] = {}
        self._asked = 0

    def ask(self, client: Client, asked: AskWindows, workers: Iterable[WorkerId]) -> ExplainWindows | None:
        """What to tell ``workers``; ``None`` when ``client`` has its answer already."""
        problem = self._problem(asked.operator)
        if problem is not None:
            client.send(WindowReport(asked.question, None, problem))
            return None
        self._asked += 1
        patience = self._loop.call_later(PATIENCE_S, self._conclude, self._asked)
        self._open[self._asked] = _Open(client, asked, workers, patience)
        return ExplainWindows(self._asked, asked.operator, asked.keys)

    def take(self, answer: WindowsExplained) -> None:
        """One worker's."""
        question = self._open.get(answer.question)
        if question is not None:
            question.answers.append(answer)
            question.missing.discard(answer.worker)
            if not question.missing:
                self._conclude(answer.question)

    def end(self) -> None:
        """No worker is left to answer."""
        for number in tuple(self._open):
            self._conclude(number)

    def _problem(self, operator: str) -> str | None:
        kind = self._kinds.get(operator)
        if kind in _WITH_WINDOWS:
            return None
        able = [name for name, each in self._kinds.items() if each in _WITH_WINDOWS]
        those = f"those with windows are {', '.join(map(repr, able))}" if able else "none here has windows"
        return f"operator {operator!r} {'is not in this job' if kind is None else f'is of kind {kind}'}; {those}"

    def _conclude(self, number: int) -> None:
        question = self._open.pop(number)
        question.patience.cancel()
        asked, answers = question.asked, question.answers
        problem = next((each.problem for each in answers if each.problem is not None), None)
        if problem is not None:
            question.client.send(WindowReport(asked.question, None, problem))
            return
        upstream = _upstream(self._plan, asked.operator)
        windows = [each for answer in answers for each in answer.subtasks]
        origins = [each for answer in answers for each in answer.origins if each.operator in upstream]
        explanation = WindowExplanation(
            asked.operator,
            tuple(sorted(windows, key=lambda each: each.subtask)),
            tuple(sorted(origins, key=lambda each: (each.operator, each.subtask))),
            tuple(self._say(worker) for worker in sorted(question.missing)),
            asked.key,
        )
        question.client.send(WindowReport(asked.question, explanation))


def _upstream(plan: Plan, operator: str) -> set[str]:
    """The names of the operators that records come by on their way to ``operator``."""
    names: set[str] = set()
    chains: list[ChainId] = []
    for chain in plan.chains:
        own = [each.name for each in chain.operators]
        if operator in own:
            names.update(own[: own.index(operator)])
            chains.append(chain.id)
    seen = set(chains)
    while chains:
        target = chains.pop()
        for edge in plan.edges:
            if edge.target == target and edge.source not in seen:
                seen.add(edge.source)
                chains.append(edge.source)
                names.update(each.name for each in plan.chains[edge.source].operators)
    return names
