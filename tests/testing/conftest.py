from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGE_RUN_DIR", str(tmp_path / "run"))
