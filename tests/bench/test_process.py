import sys

from sage_local.bench.process import run_process

GRANDCHILD = """
import subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
"""


def test_cpu_time_is_that_of_the_whole_tree() -> None:
    assert run_process([sys.executable, "-c", GRANDCHILD]).cpu_s >= 0.3


def test_output_errors_and_exit_code_come_back() -> None:
    run = run_process([sys.executable, "-c", "import sys; print('out'); sys.exit('wrong')"])
    assert (run.exit_code, run.stdout, run.stderr) == (1, "out\n", "wrong\n")


def test_peak_memory_is_seen_while_the_process_lives() -> None:
    code = "held = b'x' * 50_000_000; import time; time.sleep(0.5)"  # a few samples long
    assert run_process([sys.executable, "-c", code]).peak_bytes > 50_000_000


def test_the_environment_is_on_top_of_ours() -> None:
    code = "import os; print(os.environ['SAGE_TEST_WORD'], 'PATH' in os.environ)"
    assert run_process([sys.executable, "-c", code], {"SAGE_TEST_WORD": "word"}).stdout == "word True\n"
