"""``sage bench list``: the workloads there are."""

import click

from sage_local.bench.catalog import built_in
from sage_local.bench.workload import Figure, Workload
from sage_local.cli.list import table

_HEAD = ("WORKLOAD", "RECORDS", "CONTESTANTS", "TITLE")


@click.command("list")
def command() -> None:
    """Show the workloads with their contestants, titles and goals."""
    workloads = [found.workload for found in built_in()]
    click.echo(table([_HEAD, *map(_row, workloads)]), nl=False)
    click.echo("\nGoals:")
    for workload in workloads:
        for figure in workload.figures:
            if figure.goal is not None:
                click.echo(f"  {workload.name}: {_goal(figure)}")


def _row(workload: Workload) -> tuple[str, ...]:
    names = [f"{name} (not installed)" if each.missing() else name for name, each in workload.contestants.items()]
    return workload.name, f"{workload.records:,}", ", ".join(names), workload.title


def _goal(figure: Figure) -> str:
    return f"{figure.name} {'≤' if figure.at_most else '≥'} {figure.goal:g}"
