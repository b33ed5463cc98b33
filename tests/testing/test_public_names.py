"""What the kit loads. Its names are tested with the package's own: ``tests/test_exported_members.py``."""

import subprocess
import sys


def test_the_kit_needs_no_column_library():
    check = "import sys; print(sorted({'numpy', 'pyarrow', 'loguru', 'asyncio'} & sys.modules.keys()))"
    program = "from sage_local.testing import OperatorHarness, ScriptedSource, check_equivalent, leak_check"
    done = subprocess.run([sys.executable, "-c", f"{program}\n{check}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
