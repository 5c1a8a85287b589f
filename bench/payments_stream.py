"""The stream of the payments workload as a file, which benchmarks share."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORKLOAD = ROOT / "bench" / "workload"


def stream(events):
    """The payments workload as a file of lines."""
    path = ROOT / "build" / "bench" / f"payments-{events}.ndjson"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        subprocess.run([sys.executable, WORKLOAD / "gen_payments.py", "--events", str(events), "--seed", "1", "--out", part], check=True,
                       stdout=subprocess.DEVNULL)
        part.rename(path)
    return path
