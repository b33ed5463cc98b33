import re
from xml.etree import ElementTree

from sage_local.bench.page import results_page, workload_plot
from sage_local.bench.plot import Bar, bars, points
from sage_local.bench.results import ContestantResult, FigureResult, Results, Spread, WorkloadResult
from sage_local.bench.workload import Role

WORKLOAD = WorkloadResult(
    "adding",
    "sums of <numbers> & words",
    100,
    {
        "loop": ContestantResult(Role.FLOOR, {"seconds": Spread((1.0, 3.0, 2.0))}),
        "again": ContestantResult(Role.SAGE, {"seconds": Spread((4.0, 4.0, 4.0))}),
        "absent": ContestantResult(Role.PEER, {}, "not installed: x"),
    },
    (FigureResult("ratio", Spread((0.5,)), 0.4, False), FigureResult("other", None, 1.0, True)),
)
PAGE = results_page(Results({"cpu": "a", "memory_bytes": 1 << 30}, 3, (WORKLOAD,)))


def test_a_page_needs_nothing_from_elsewhere() -> None:
    assert re.findall(r"\b(?:src|href)=|@import|url\(|<script", PAGE) == []
    assert set(re.findall(r"https?://[^\"' ]+", PAGE)) == {"http://www.w3.org/2000/svg"}


def test_a_page_shows_text_as_text() -> None:
    assert "sums of &lt;numbers&gt; &amp; words" in PAGE


def test_a_page_says_who_did_not_take_part_and_which_figure_was_not_measured() -> None:
    assert "not installed: x" in PAGE
    assert "other: not measured" in PAGE


def test_bars_are_as_long_as_their_medians() -> None:
    svg = workload_plot(WORKLOAD)
    assert svg is not None
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="16"', svg)]
    assert widths[1] == 2 * widths[0]


def test_plots_are_well_formed_whatever_the_names() -> None:
    point = Spread((1.0, 2.0))
    ElementTree.fromstring(bars("<&>", [Bar("<&>", point, "#000")], unit="<s>"))
    ElementTree.fromstring(points("<&>", ["<1>", "&"], [point, None], "#000"))


def test_a_plot_of_nothing_but_zero_is_drawn() -> None:
    ElementTree.fromstring(bars("zero", [Bar("a", Spread((0.0,)), "#000")]))
    ElementTree.fromstring(points("zero", ["a", "b"], [Spread((0.0,)), None], "#000"))


def test_the_axis_of_a_plot_has_round_numbers() -> None:
    svg = points("rates", ["a"], [Spread((110_570.0,))], "#000")
    assert re.findall(r">([\d,]+)</text>", svg) == ["0", "50,000", "100,000", "150,000"]
