import pytest

from sage_local.cli import findings
from sage_local.cli.check_env import report
from sage_local.cli.findings import Finding, Verdict
from sage_local.runtime.memory import segment


@pytest.mark.parametrize(
    ("implementation", "version", "has_gil", "verdict"),
    [
        ("CPython", (3, 11), True, Verdict.OK),
        ("CPython", (3, 14), True, Verdict.OK),
        ("CPython", (3, 10), True, Verdict.MISSING),
        ("CPython", (3, 15), True, Verdict.MISSING),
        ("CPython", (3, 13), False, Verdict.MISSING),
        ("PyPy", (3, 11), True, Verdict.MISSING),
    ],
)
def test_the_interpreter_must_be_cpython_311_to_314_with_the_gil(
    implementation: str, version: tuple[int, int], has_gil: bool, verdict: Verdict
) -> None:
    assert findings.interpreter(implementation, version, has_gil=has_gil).verdict is verdict


@pytest.mark.parametrize(
    ("name", "machine", "verdict"),
    [
        ("Linux", "x86_64", Verdict.OK),
        ("Linux", "aarch64", Verdict.OK),
        ("Linux", "riscv64", Verdict.MISSING),
        ("Darwin", "arm64", Verdict.MISSING),
    ],
)
def test_the_system_must_be_linux_on_a_known_processor(name: str, machine: str, verdict: Verdict) -> None:
    assert findings.system(name, machine).verdict is verdict


def test_a_refused_mbind_is_noted_and_not_missing() -> None:
    refused = findings.mbind(1)
    assert (refused.verdict, refused.text.split(":")[0]) == (Verdict.NOTE, "refused (EPERM)")
    assert findings.mbind(0).verdict is Verdict.OK


def test_an_absent_optional_package_comes_with_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "OPTIONAL", {"no-such-distribution": "nothing"})
    assert list(findings.optional_packages()) == [
        Finding("no-such-distribution", Verdict.OPTIONAL, "for nothing: pip install no-such-distribution")
    ]


def test_an_absent_required_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings.metadata, "requires", lambda _: ["no-such-thing>=1", "click>=8.1", "x; extra == 'a'"])
    assert list(findings.packages()) == [
        Finding("packages", Verdict.MISSING, "not installed: pip install no-such-thing")
    ]


def test_a_broken_segment_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(segment, "create", refuse)
    assert [finding.verdict for finding in findings.extension()] == [Verdict.OK, Verdict.MISSING]


def test_every_finding_is_one_line_of_the_report() -> None:
    found = list(findings.findings())
    lines = report(found).splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == [finding.verdict.value for finding in found]
    assert {"interpreter", "C extension", "CPUs", "NUMA nodes", "memory", "memfd", "mbind", "PyYAML"} <= {
        finding.subject for finding in found
    }
