"""The program in docs/state.md, run."""

import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs/state.md"


def test_the_program_in_the_document_about_state_runs(tmp_path):
    (text,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    program = tmp_path / "program.py"
    program.write_text(text)
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == [
        "('ann', 35)",
        "('bob', 1500)",
        "failed: ?",
        "large: {'name': 'bob', 'amount': 1500}",
    ]
