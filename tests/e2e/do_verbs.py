"""`./do`: what its verbs install, configure and build. The tools that would do it are stand-ins that note their arguments.

Run as do_verbs.py TOCSIN_BINARY [TEXT], as the other end-to-end scripts; the binary is not used.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

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
    "mvn": "exit 1\n", "npm": "exit 1\n", "cargo": "exit 1\n",  # there is no network
    "python3": f"""case "$*" in *venv*) exit 1 ;; esac\nexec '{sys.executable}' "$@"\n""",
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

    def do(self, *arguments, code=0, **more):
        """Runs a verb, with more in its environment; returns what it printed."""
        here = pathlib.Path.cwd()
        environment = dict(os.environ, STAGE=str(here), PATH=f"{here}/bin:{os.environ['PATH']}", CXX="c++",
                           TOCSIN_BUILD_ROOT=str(here / "build"), TOCSIN_OS_RELEASE=str(here / "os-release"),
                           TOCSIN_NODE="no-node", TOCSIN_BROWSER="no-browser")  # whatever this machine has
        environment.pop("TOCSIN_UNITY", None)
        environment.update(more)
        done = subprocess.run([str(ROOT / "do"), *arguments], env=environment, stdin=subprocess.DEVNULL, timeout=300,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert code is None or done.returncode == code, f"./do {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def log(self):
        return read("log").splitlines()

    def installed(self):
        return set(read("installed").split())


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
def the_size_of_groups():
    """TOCSIN_UNITY=N in the environment of ./do is how many sources compile as one file; the lint reads each alone"""
    stage = Stage()
    stage.do("build", "tocsin", code=None, TOCSIN_UNITY="10")
    stage.do("build", "tocsin", code=None)
    stage.do("lint", code=None, TOCSIN_UNITY="10")
    configured = [line for line in stage.log() if "--preset" in line]
    assert ["-DTOCSIN_UNITY=10" in line for line in configured] == [True, False, False], configured
    assert "--preset lint" in configured[2], configured


@case
def the_demo_installs_the_program_s_part():
    """./do demo and ./do build tocsin install what the program needs, and nothing of the suites, the lint or fuzzing"""
    for verb in (["demo"], ["build", "tocsin"], ["setup"], ["setup", "program"]):
        stage = Stage()
        stage.do(*verb, code=None)
        assert {"g++", "cmake", "ninja-build", "libboost1.81-dev", "tzdata", "python3"} <= stage.installed(), stage.installed()
        assert not {"doctest-dev", "jq", "curl", "git", "clang", "clang-format", "clang-tidy"} & stage.installed(), verb


@case
def setup_by_parts():
    """./do setup installs the parts named, each once; `all` installs every one; a part that is unknown is refused"""
    parts = {"tests": {"doctest-dev", "jq", "curl", "git", "openssl"}, "bench": {"valgrind"}, "lint": {"clang-format", "clang-tidy", "git", "pyflakes3"},
             "python": {"python3", "python3-dev", "python3-venv"}, "flink": {"openjdk-17-jdk-headless", "maven"},
             "package": {"dpkg-dev", "binutils", "file"}, "console": {"nodejs", "npm"}, "editors": {"neovim", "nodejs", "npm", "python3", "python3-venv"},
             "browser": {"chromium", "fonts-dejavu-core"}, "kafka": {"librdkafka-dev", "libprotobuf-dev", "libprotoc-dev", "maven"}}
    for part, packages in parts.items():
        stage = Stage()
        stage.do("setup", part)
        assert stage.installed() == packages, (part, stage.installed())
        before = len(stage.log())
        assert "everything is installed" in stage.do("setup", part) and not [line for line in stage.log()[before:] if " install " in line]
    for system, runtime in (("debian-12", "14"), ("debian-13", "19"), ("ubuntu-24.04", "18")):
        stage = Stage(system=system)
        stage.do("setup", "all")
        assert {"g++", "doctest-dev", "clang-tidy", "clang", "librdkafka-dev", f"libclang-rt-{runtime}-dev"} <= stage.installed(), stage.installed()
    for system, options, has_it in (("debian-13", ["all"], True), ("debian-13", ["all", "--without-browser"], False),
                                    ("ubuntu-24.04", ["browser", "tests"], False)):
        stage = Stage(system=system)
        stage.do("setup", *options)
        assert ("chromium" in stage.installed()) == has_it and "jq" in stage.installed(), (options, stage.installed())
    assert "setup has no part named: cobol" in Stage().do("setup", "cobol", code=2)
    assert "setup knows Debian 12" in Stage(system="plan9").do("setup", code=1)


@case
def verbs_install_their_parts():
    """./do test installs its part, the lint and the fuzzers theirs"""
    for verb, wanted, not_wanted in ((["test", "samples"], "doctest-dev", "clang-tidy"), (["lint"], "clang-tidy", "clang"),
                                     (["format", str(ROOT / "api/main.cpp")], "clang-format", "g++"),
                                     (["fuzz", "lexer"], "clang", "clang-tidy"), (["bench", "keys"], "doctest-dev", "valgrind"),
                                     (["bench", "--instructions"], "valgrind", "clang-tidy"), (["test", "instructions"], "valgrind", "clang-tidy")):
        stage = Stage()
        write("bin/clang-format", "#!/bin/bash\n")
        os.chmod("bin/clang-format", 0o755)
        if verb[0] == "lint":
            write("offline", "")  # what it would install is in the log; the lint itself is not run here
        elif os.path.exists("offline"):
            os.remove("offline")
        stage.do(*verb, code=None)
        log = " ".join(line for line in stage.log() if " install " in line).split()
        assert wanted in log and not_wanted not in log, (verb, log)


@case
def suites_without_their_part():
    """a suite whose part is not installed and cannot be says that it is skipped; those of the program alone run"""
    stage = Stage()
    stage.do("setup", "program")
    write("offline", "")
    write("no-doctest", "")
    said = stage.do("test", "cep", "conformance", "samples", code=1)  # the stand-in of cmake builds no program
    for suite in ("cep", "conformance"):
        assert f"{suite:14} skipped: ./do setup tests installs what it needs\n" in said, said
    assert "the part tests is not installed" in said and "still missing after the installation: curl" in said, said
    assert "\nsamples " in said and "0 passed, 1 failed" in said, said
    assert [line.split("--target ")[1] for line in stage.log() if "--build" in line] == ["tocsin"], stage.log()
    assert "-DTOCSIN_TESTS=OFF" in " ".join(stage.log()), stage.log()


@case
def instructions_without_valgrind():
    """where valgrind cannot be installed, the suite that counts instructions says that it is skipped"""
    stage = Stage()
    stage.do("setup", "program", "tests")
    write("offline", "")
    said = stage.do("test", "instructions", "samples", code=1)  # the stand-in of cmake builds no program
    assert f"{'instructions':14} skipped: ./do setup bench installs what it needs\n" in said, said


@case
def cases_that_the_environment_says():
    """TOCSIN_CASES_SUITE=N in the environment is how many cases a suite plays; all others are those of tests/budgets.txt"""
    stage = Stage()
    stage.do("setup", "program", "tests")
    write("build/release/tests/cep_tests", """#!/bin/bash
echo "$TOCSIN_CASES_STAGES $TOCSIN_CASES_LINE_JOBS" >"$STAGE/cases"
echo "[doctest] test cases: 1 | 1 passed | 0 failed | 0 skipped"\n""")
    os.chmod("build/release/tests/cep_tests", 0o755)
    budgets = {words[0]: words[1:] for words in map(str.split, read(ROOT / "tests/budgets.txt").splitlines()) if len(words) == 3}
    plain = {name: "" for name in os.environ if name.startswith("TOCSIN_CASES_")}  # this suite was given its own
    for quick, options in ((0, []), (1, ["--quick"])):
        stage.do("test", "cep", *options, **plain)
        assert read("cases").split() == [budgets["stages"][quick], budgets["line_jobs"][quick]], read("cases")
        stage.do("test", "cep", *options, **{**plain, "TOCSIN_CASES_STAGES": "7"})
        assert read("cases").split() == ["7", budgets["line_jobs"][quick]], read("cases")
    said = stage.do("test", "cep", code=1, **{**plain, "TOCSIN_CASES_STAGES": "many"})
    assert "TOCSIN_CASES_STAGES in the environment is a number of cases, not many" in said, said


@case
def suites_that_are_left_out():
    """./do test --minutes N begins no suite when they are over, and names those; a sanitizer build leaves out those of the build release"""
    stage = Stage()
    stage.do("setup", "program", "tests")
    said = stage.do("test", "samples", "language", "--minutes", "0")
    assert said.endswith("left out, as the 0 minutes were over: samples language\n0 passed, 0 failed\n"), said
    said = stage.do("test", "samples", "--minutes", "9", code=1)
    assert re.search(r"^samples +\d+\.\d s +0 passed, 1 failed", said, re.M) and "left out" not in said, said
    said = stage.do("test", "docs", "samples", "--asan", code=1)
    assert re.search(r"^docs +skipped: it is tried with the build release$", said, re.M), said
    assert re.search(r"^samples +\d+\.\d s +0 passed, 1 failed", said, re.M), said
    stage.do("test", "a name of a case", "--asan", code=None)  # of any unit suite that this build has
    built = [line for line in stage.log() if "--target" in line][-1]
    assert "cep_tests" in built and "house_tests" not in built, built
    assert "--minutes takes a number" in stage.do("test", "--minutes", "few", code=2)


@case
def builds_that_take_too_long():
    """./do test --minutes N builds the engine's suites first; where there is no time for the rest, those run, and the others are named"""
    stage = Stage()
    stage.do("setup", "program", "tests")
    # A stopped build ends with 124, as `timeout` does.
    os.chmod(write("bin/cmake", STAND_INS["cmake"] + """case "$*" in
  *--build*cep_tests*) [ ! -e "$STAGE/stopped" ] || exit 124 ;;
  *--build*) [ ! -e "$STAGE/broken" ] || exit 1; exit 124 ;;
esac\n"""), 0o755)
    for suite in ("cep", "rules", "property", "library"):
        os.chmod(write(f"build/release/tests/{suite}_tests", """#!/bin/bash
echo "[doctest] test cases: 1 | 1 passed | 0 failed | 0 skipped"\n"""), 0o755)
    said = stage.do("test", "--minutes", "9")
    built = [line.partition("--target ")[2] for line in stage.log() if "--build" in line]
    assert built == ["cep_tests rules_tests property_tests", ""], built
    assert re.search(r"^left out, as the 9 minutes were over: house .*\blibrary stages\b", said, re.M), said
    for suite in ("cep", "rules", "property"):
        assert re.search(rf"^{suite} +\d+\.\d s +1 passed, 0 failed$", said, re.M), said
    assert said.endswith("\n3 passed, 0 failed\n"), said
    write("stopped", "")
    said = stage.do("test", "--minutes", "9")
    assert said.endswith("\n0 passed, 0 failed\n") and "cep rules" in said, said
    os.remove("stopped")
    write("broken", "")
    assert stage.do("test", "--minutes", "9", code=1).endswith("the build failed\n0 passed, 1 failed\n")


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


@case
def where_the_minutes_went():
    """./do time gives the steps, builds and suites of a log; the last step of this one was cut short"""
    log = str(ROOT / "tests/golden/ci_run.txt")
    assert Stage().do("time", log) == read(ROOT / "tests/golden/ci_time.txt")
    write("build/ci.log", read(log))
    assert Stage().do("time") == read(ROOT / "tests/golden/ci_time.txt")
    assert "has no line ==== STEP" in Stage().do("time", str(ROOT / "README.md"), code=1)
    assert "no such log" in Stage().do("time", "nowhere", code=1)


@case
def durations_are_said():
    """the lines that ./do time reads are those that a build, a suite and the steps of .ci/run print; the run is kept"""
    stage = Stage()
    said = stage.do("test", "samples", code=None)
    assert re.search(r"^build release all: took \d+\.\d s$", said, re.M), said
    assert re.search(r"^samples +\d+\.\d s +0 passed, 1 failed", said, re.M), said
    write("repository/do", "#!/bin/bash\necho \"build $1: took 2.5 s\"\necho '3 passed, 0 failed'\n")
    write("repository/.ci/run", read(ROOT / ".ci/run"))
    for name in ("do", ".ci/run"):
        os.chmod(f"repository/{name}", 0o755)
    environment = {name: value for name, value in os.environ.items() if name != "TOCSIN_BUILD_ROOT"}
    done = subprocess.run(["repository/.ci/run"], env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "8 passed, 0 failed" and read("repository/build/ci.log") == done.stdout, done.stdout
    table = stage.do("time", "repository/build/ci.log").splitlines()
    assert [line.split("  ")[0] for line in table if line[0] != " "] == ["setup", "test", "lint", "test --asan --quick", "all"], table
    write("repository/do", "#!/bin/bash\necho '3 passed, 1 failed'\nexit 1\n")
    done = subprocess.run(["repository/.ci/run"], env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stdout.endswith("\n6 passed, 4 failed\n"), done


@case
def help_of_a_verb():
    """./do VERB --help and ./do help VERB say what a verb and its script take, and build nothing"""
    stage = Stage()
    verbs = re.findall(r"^  (\w+) ", stage.do("help"), re.M)
    assert {"demo", "test", "bench", "fuzz", "soak", "help"} <= set(verbs), verbs
    for verb in verbs:
        said = stage.do(verb, "--help")
        assert said.startswith(f"usage: ./do {verb}") and "#!" not in said and said == stage.do("help", verb), said
    assert "\n`./do fuzz [TARGET…] [--time 60s]`: libFuzzer on each target" in stage.do("fuzz", "oracle", "-h")
    assert stage.log() == [], stage.log()
    assert "no such verb: dance" in stage.do("dance", "--help", code=2)
    assert "no such verb: dance" in stage.do("help", "dance", code=2)


run_cases()
