from hypothesis import given
from hypothesis import strategies as st

from sage_local.core.ids import WorkerId
from sage_local.runtime.protocol.placement import Core, NumaNode, Seat, Topology, place

LAPTOP = Topology((NumaNode(0, (Core((0, 4)), Core((1, 5)), Core((2, 6)), Core((3, 7)))),))
SERVER = Topology(
    (
        NumaNode(0, tuple(Core((cpu, cpu + 8)) for cpu in range(4))),
        NumaNode(1, tuple(Core((cpu, cpu + 8)) for cpu in range(4, 8))),
    )
)


def cpus(seats: dict[WorkerId, Seat]) -> list[int]:
    return [min(seat.cpus) for _, seat in sorted(seats.items())]


def test_every_physical_core_is_taken_before_a_second_hyper_thread() -> None:
    assert cpus(place(LAPTOP, 6)) == [0, 1, 2, 3, 4, 5]


def test_workers_stay_on_one_node_while_they_fit_on_its_cores() -> None:
    assert {seat.numa_node for seat in place(SERVER, 4).values()} == {0}
    assert cpus(place(SERVER, 5)) == [0, 1, 2, 3, 4]


def test_the_node_with_the_tightest_fit_is_chosen() -> None:
    """A large node is left to a job that needs it."""
    uneven = Topology((NumaNode(0, tuple(Core((cpu,)) for cpu in range(6))), NumaNode(1, (Core((6,)), Core((7,))))))
    assert cpus(place(uneven, 2)) == [6, 7]


def test_cpus_of_other_jobs_come_last() -> None:
    assert cpus(place(LAPTOP, 2, claims={0: 1, 1: 1})) == [2, 3]


def test_a_job_goes_to_the_node_that_other_jobs_left_free() -> None:
    assert cpus(place(SERVER, 4, claims={0: 1})) == [4, 5, 6, 7]


def test_workers_that_take_all_cpus_keep_to_their_node_only() -> None:
    """Threads of sources, the coordinator and the kernel have to run somewhere, and not in the way of the same one."""
    seats = place(SERVER, 16).values()
    assert {seat.cpus for seat in seats} == {
        frozenset({0, 1, 2, 3, 8, 9, 10, 11}),
        frozenset({4, 5, 6, 7, 12, 13, 14, 15}),
    }
    assert all(seat.may_spin for seat in seats)


def test_one_cpu_left_free_is_enough_for_the_rest() -> None:
    assert all(len(seat.cpus) == 1 for seat in place(LAPTOP, 7).values())
    assert all(len(seat.cpus) == 1 for seat in place(LAPTOP, 2, most_cpus=2).values())


def test_more_workers_than_cpus_share_all_of_them_and_never_spin() -> None:
    everything = Seat(LAPTOP.cpus, 0, may_spin=False)
    assert set(place(LAPTOP, 9).values()) == {everything}


def test_workers_that_share_the_cpus_of_two_nodes_have_no_node() -> None:
    assert place(SERVER, 17)[WorkerId(0)].numa_node is None


def test_metered_time_is_not_spent_on_spinning() -> None:
    assert not place(Topology(LAPTOP.nodes, quota=1.5), 2)[WorkerId(0)].may_spin
    assert place(Topology(LAPTOP.nodes, quota=2.0), 2)[WorkerId(0)].may_spin


def test_a_cpu_with_another_jobs_worker_is_no_place_to_spin() -> None:
    assert not place(Topology((NumaNode(0, (Core((0,)),)),)), 1, claims={0: 1})[WorkerId(0)].may_spin


def test_no_more_cpus_are_used_than_were_asked_for() -> None:
    assert {cpu for seat in place(LAPTOP, 3, most_cpus=2).values() for cpu in seat.cpus} == {0, 1}


@given(st.integers(1, 40), st.sampled_from([LAPTOP, SERVER]), st.dictionaries(st.integers(0, 15), st.integers(0, 3)))
def test_every_worker_has_a_seat_on_an_allowed_cpu_and_none_is_given_twice_while_there_are_more(
    workers: int, topology: Topology, claims: dict[int, int]
) -> None:
    seats = place(topology, workers, claims=claims)
    assert set(seats) == {WorkerId(worker) for worker in range(workers)}
    assert all(seat.cpus and seat.cpus <= topology.cpus for seat in seats.values())
    if workers < len(topology.cpus):
        assert len({cpu for seat in seats.values() for cpu in seat.cpus}) == workers
