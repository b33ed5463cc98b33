"""What a function can know about the place it runs in."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionContext:
    """Given to ``open``. ``subtask_index`` counts from 0 to ``parallelism - 1``."""

    job_name: str
    operator_name: str
    subtask_index: int
    parallelism: int

    @property
    def logger(self) -> Any:
        """A loguru logger bound to this job, operator and subtask."""
        # Imported here: a pipeline that logs nothing should not pay for it at every worker's start.
        from loguru import logger

        return logger.bind(job=self.job_name, operator=self.operator_name, subtask=self.subtask_index)
