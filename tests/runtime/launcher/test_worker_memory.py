"""What a worker process does with memory that is free again."""

import resource

from sage_local import LocalEnvironment
from tests.job_site import JobSite

BUFFERS, BUFFER_BYTES = 4, 1 << 20


def faults_of_a_round(number: int) -> int:
    """How many pages the process was given while it wrote to buffers, which it then lets go of."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    buffers = [bytearray(b"x") * BUFFER_BYTES for _ in range(BUFFERS)]
    assert len(buffers) == BUFFERS
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_buffers_of_a_batch_are_not_mapped_again_for_the_next(site: JobSite) -> None:
    env = LocalEnvironment("test-job", config={"parallelism": 1})
    faults = env.from_collection(range(20)).map(faults_of_a_round).collect()
    pages = BUFFERS * BUFFER_BYTES // resource.getpagesize()
    assert sum(faults[10:]) < pages
