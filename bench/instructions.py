#!/usr/bin/env python3
"""Instructions that an event takes, counted by callgrind: the same in every run, whatever else the machine does.

    instructions.py BUILD_FOLDER [--update]

Counts five sets of the engine (bench/instructions.cpp) and three of reading, decoding and intake (bench/front.cpp), and compares with bench/instructions.txt. Fails if one takes more than 3 % more than is
kept there; says so if it takes more than 3 % less. --update writes the file. The numbers are those of one compiler: with another
one nothing is compared. Last line: N passed, N failed.
"""
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT = ROOT / "bench/instructions.txt"
HEAD = """# Instructions an event: of the engine alone, and of reading, decoding and intake alone. `./do bench --instructions --update` writes this file.
"""
SETS = {"ten": "payments", "fifty": "payments", "thousand": "thousand", "hot_key": "hot_key", "alerts": "alerts",
        "read_none": "front", "read_ten": "front", "read_others": "front"}
FRONT_EVENTS = 40_000
ALLOWED = 0.03


def skip(why):
    print(f"skipped: {why}\n0 passed, 0 failed")
    sys.exit(0)


def compiler(build):
    """The compiler of a build folder, with the processor that it compiles for and this one: "GNU 12.2.0 x86_64 avx2"."""
    for path in sorted(build.glob("CMakeFiles/*/CMakeCXXCompiler.cmake")):
        found = dict(re.findall(r'set\(CMAKE_CXX_COMPILER_(ID|VERSION) "([^"]*)"\)', path.read_text(encoding="utf-8")))
        # Columns are compared by the widest instructions that the processor has, and valgrind runs those up to AVX2.
        wide = " avx2" if re.search(r"^flags\s*:.*\bavx2\b", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M) else ""
        return f"{found['ID']} {found['VERSION']} {platform.machine()}{wide}"
    sys.exit(f"instructions: {build} is no build folder")


def make_rules(name, folder):
    rules = folder / f"{name}.tocsin"
    made = subprocess.run([sys.executable, str(ROOT / "bench/workload/make_rules.py"), name], check=True, stdout=subprocess.PIPE)
    rules.write_bytes(made.stdout)
    return str(rules)


def command_of(build, name, folder):
    if SETS[name] == "front":
        events = folder / "events.ndjson"
        if not events.exists():
            subprocess.run([sys.executable, str(ROOT / "bench/workload/gen_payments.py"), "--events", str(FRONT_EVENTS), "--seed", "1",
                            "--out", str(events)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [str(build / "bench/bench_front"), str(events), make_rules(name.removeprefix("read_"), folder)]
    command = [str(build / "bench/bench_instructions"), SETS[name]]
    return command + [make_rules(name, folder)] if SETS[name] == "payments" else command


def count(build, name, folder):
    """Instructions an event, and the number of alerts."""
    command = command_of(build, name, folder)
    out = folder / f"{name}.callgrind"
    # The C library chooses functions by the processor: the same ones everywhere.
    environment = dict(os.environ, GLIBC_TUNABLES="glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-ERMS,-FSRM")
    done = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=tocsin_counted", f"--callgrind-out-file={out}", *command],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    said = re.fullmatch(r"(\d+) events, (\d+) alerts\n", done.stdout)
    if done.returncode != 0 or not said:
        sys.exit(f"instructions: {name} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    totals = re.search(r"^(?:totals|summary): (\d+)$", out.read_text(encoding="utf-8"), re.M)
    return int(totals.group(1)) / int(said.group(1)), int(said.group(2))


def read_kept():
    """The compiler, and the numbers by set."""
    if not KEPT.exists():
        return None, {}
    lines = [line.split(None, 1) for line in KEPT.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    kept = {name: value.strip() for name, value in lines}
    return kept.pop("compiler", None), {name: int(value) for name, value in kept.items()}


def verdict(name, new, old):
    """What is said of a set, and whether it passes."""
    if old is None:
        return "not kept yet: ./do bench --instructions --update", False
    change = new / old - 1
    text = f"{change:+.1%} of {old}"
    if change > ALLOWED:
        return f"{text}: SLOWER than bench/instructions.txt allows ({ALLOWED:.0%})", False
    if change < -ALLOWED:
        text += ": faster; keep it with ./do bench --instructions --update"
    return text, True


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--update"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    update, build = "--update" in sys.argv, pathlib.Path(arguments[0])
    if build.name != "release":
        skip("instructions are counted in the release build")
    if not shutil.which("valgrind"):
        skip("valgrind is not installed; ./do setup bench installs it")
    own = compiler(build)
    kept_by, kept = read_kept()
    if not update and kept_by not in (None, own):
        skip(f"bench/instructions.txt is of {kept_by}, and this build of {own}")
    numbers, failed = {}, 0
    print(f"{'instructions an event':22} {'now':>8} {'alerts':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            instructions, alerts = count(build, name, pathlib.Path(folder))
            numbers[name] = round(instructions)
            text, passed = ("", True) if update else verdict(name, numbers[name], kept.get(name))
            failed += not passed
            print(f"{name:22} {numbers[name]:8} {alerts:8}   {text}".rstrip(), flush=True)
    if update:
        lines = [f"compiler {own}"] + [f"{name} {number}" for name, number in numbers.items()]
        KEPT.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"wrote {KEPT.relative_to(ROOT)}")
    print(f"{len(numbers) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
