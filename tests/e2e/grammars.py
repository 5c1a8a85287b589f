"""The grammars in editors/: made of the tables of the language."""
import subprocess
import sys

from harness import ROOT, case, run_cases


@case
def _():
    """the grammars are what the tables of the language give"""
    done = subprocess.run([sys.executable, ROOT / "editors/grammars.py", "--check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout


run_cases()
