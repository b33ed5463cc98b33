"""``sage check-env``: whether jobs can run here."""

import click

from sage_local.cli.exits import EXIT_FAILED
from sage_local.cli.findings import Finding, Verdict, findings


@click.command("check-env")
@click.option("--config", "show_settings", is_flag=True, help="Print the table of all settings and nothing else.")
def command(*, show_settings: bool) -> None:
    """Say what this machine and installation offer to a job.

    Ends with exit code 1 when something that every job needs is missing.
    """
    if show_settings:
        from sage_local.config import settings_reference

        click.echo(settings_reference(), nl=False)
        return
    found = list(findings())
    click.echo(report(found), nl=False)
    if any(finding.verdict is Verdict.MISSING for finding in found):
        raise SystemExit(EXIT_FAILED)


def report(found: list[Finding]) -> str:
    """One line per finding."""
    width = max(len(finding.subject) for finding in found)
    return "".join(f"{finding.verdict.value:<8}  {finding.subject:<{width}}  {finding.text}\n" for finding in found)
