"""The job as it crosses processes."""

from dataclasses import dataclass, field

from sage_local.plan.physical import Plan


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a worker needs to run its part. ``main_classes``: classes of the caller's ``__main__`` by qualified name; the
    worker places them in its own ``__main__`` so that their instances pickle by reference in every process of the job."""

    plan: Plan
    main_classes: dict[str, type] = field(default_factory=dict)
