"""`./do`: what its verbs install, configure and build. The tools that would do it are stand-ins that note their arguments.

Run as do_verbs.py TOCSIN_BINARY [TEXT], as the other end-to-end scripts; the binary is not used.
"""
import os
import pathlib
import shutil
import subprocess

from harness import ROOT, case, read, run_cases, write

STAND_INS = {
    # Knows the packages that the file `installed` names.
    "dpkg-query": """while read -r package; do echo "$package installed"; done <"$STAGE/installed"\n""",
    "dpkg": "echo amd64\n",
    "sudo": """exec "$@"\n""",
    "apt-get": """echo "apt-get $*" >>"$STAGE/log"
[ ! -e "$STAGE/offline" ] || exit 100
while [ $# -gt 0 ] && [ "$1" != install ]; do [ "$1" != download ] || exit 1; shift; done
for package in "$@"; do case "$package" in install | -*) ;; *) echo "$package" >>"$STAGE/installed" ;; esac; done\n""",
    "cmake": """echo "cmake $*" >>"$STAGE/log"\n""",
    # Finds doctest unless the case says that it is not there.
    "c++": """[ ! -e "$STAGE/no-doctest" ]\n""",
}
SYSTEMS = {"debian-12": ("debian", "12"), "debian-13": ("debian", "13"), "ubuntu-24.04": ("ubuntu", "24.04")}


class Stage:
    """A machine as far as `./do` sees it, in the case's folder."""

    def __init__(self, installed=(), system="debian-12"):
        for name, text in STAND_INS.items():
            os.chmod(write(f"bin/{name}", "#!/bin/bash\n" + text), 0o755)
        write("installed", "".join(f"{package}\n" for package in installed))
        write("log", "")
        name, version = SYSTEMS.get(system, (system, "1"))
        write("os-release", f"ID={name}\nVERSION_ID={version}\n")

    def do(self, *arguments, code=0):
        """Runs a verb; returns what it printed."""
        here = pathlib.Path.cwd()
        environment = dict(os.environ, STAGE=str(here), PATH=f"{here}/bin:{os.environ['PATH']}", CXX="c++",
                           TOCSIN_BUILD_ROOT=str(here / "build"), TOCSIN_OS_RELEASE=str(here / "os-release"))
        done = subprocess.run([str(ROOT / "do"), *arguments], env=environment, stdin=subprocess.DEVNULL, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert code is None or done.returncode == code, f"./do {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def log(self):
        return read("log").splitlines()


@case
def the_demo_builds_the_program():
    """./do demo configures without tests where doctest is not installed, and builds the program alone"""
    stage = Stage()
    write("no-doctest", "")
    stage.do("demo", code=None)  # there is no program to show
    configured = [line for line in stage.log() if "--preset" in line]
    assert len(configured) == 1 and configured[0].endswith("-DTOCSIN_TESTS=OFF"), stage.log()
    assert [line.split("--target ")[1] for line in stage.log() if "--build" in line] == ["tocsin"], stage.log()


@case
def tests_come_with_doctest():
    """where doctest is installed the demo configures with tests, and ./do build always does"""
    stage = Stage()
    stage.do("demo", code=None)
    stage.do("build")
    configured = [line for line in stage.log() if "--preset" in line]
    assert len(configured) == 2 and all(line.endswith("-DTOCSIN_TESTS=ON") for line in configured), stage.log()


@case
def a_build_without_tests():
    """CMake needs no doctest for the program; the same folder, configured with tests, has them"""
    if not shutil.which("cmake") or not shutil.which("ninja"):
        print("left out: cmake or ninja is not installed")
        return

    def targets(*options):
        command = ["cmake", "-S", str(ROOT), "-B", "build", "-G", "Ninja", *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout
        listing = subprocess.run(["ninja", "-C", "build", "-t", "targets", "all"], stdout=subprocess.PIPE, text=True, check=True).stdout
        return {line.split(":")[0] for line in listing.splitlines()}

    without = targets("-DTOCSIN_TESTS=OFF", "-DCMAKE_DISABLE_FIND_PACKAGE_doctest=ON")
    assert "tocsin" in without and not {"cep_tests", "conformance", "bench_payments"} & without, sorted(without)
    again = targets("-DTOCSIN_TESTS=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_doctest=OFF")
    assert {"tocsin", "cep_tests", "conformance", "bench_payments"} <= again, sorted(again)


run_cases()
