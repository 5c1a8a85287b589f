"""`./do`: what its verbs install, configure and build. The tools that would do it are stand-ins that note their arguments.

Run as do_verbs.py TOCSIN_BINARY [TEXT], as the other end-to-end scripts; the binary is not used.
"""
import json
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
    parts = {"tests": {"doctest-dev", "jq", "curl", "git", "openssl"}, "bench": {"valgrind"}, "lint": {"clang-format", "clang-tidy", "git"},
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


class Repository:
    """A small repository in the case's folder with the lint's scripts, a build's records and a clang-tidy that finds no fault."""

    FILES = {
        "cep/one.h": "int one();\n",
        "cep/one.cpp": '#include "cep/one.h"\nint one() { return 1; }\n',
        "cep/two.cpp": '#include "cep/one.h"\n#include "cep/word.h"\nint two() { return one() + 1; }\n',
        "cep/three.cpp": '#include "cep/word.h"\nint three() { return 3; }\n',
        "cep/four.cpp": '#include "cep/near.h"\nint four() { return 4; }\n',
        "cep/word.h": "struct Word {};\n",
        "cep/far.h": "struct Far {};\n",
        "cep/near.h": '#include "cep/far.h"\n',
        ".clang-tidy": "Checks: '*'\n",
    }

    def __init__(self):
        self.root = pathlib.Path("repository").resolve()
        for name, text in {**self.FILES, ".gitignore": "/build/\n__pycache__/\n"}.items():
            self.write(name, text)
        for name in ("clang_tidy.py", "changed_sources.py", "headers_alone.py"):
            self.write(f"scripts/{name}", read(ROOT / "scripts" / name))
        for folder in ("rules", "runtime", "api", "bench", "tests"):
            self.write(f"{folder}/README.md", "")
        os.chmod(write("bin/clang-tidy", """#!/bin/bash\n[ "$1" = --version ] || echo "${@: -1}" >>build/read\n"""), 0o755)
        self.git("init", "-q")
        self.commit()
        self.linted = self.git("rev-parse", "HEAD").strip()

    def write(self, name, text):
        write(self.root / name, text)

    def git(self, *arguments):
        names = {f"GIT_{who}_{what}": "someone@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return subprocess.run(["git", *arguments], cwd=self.root, env={**os.environ, **names}, stdout=subprocess.PIPE, text=True, check=True).stdout

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-qm", "state")

    def lint(self, commit=None, options=(), unbuilt=(), left_out=(), code=0):
        """Returns the sources that clang-tidy was given, and what was printed. Sources `unbuilt` are not part of the build,
        which says so of those `left_out`."""
        entries = [{"file": str(path), "directory": str(self.root), "command": f"c++ -o {path.stem}.o {path}"}
                   for path in sorted(self.root.glob("**/*.cpp")) if path.name not in unbuilt]
        self.write("build/compile_commands.json", json.dumps(entries))
        self.write("build/left_out.txt", "".join(f"{self.root / name}\n" for name in left_out))
        self.write("build/read", "")
        self.write("build/linted", self.linted if commit is None else commit)
        shutil.rmtree(self.root / "build/cache", ignore_errors=True)
        done = subprocess.run(["python3", "scripts/clang_tidy.py", "--build", "build", "--cache", "build/cache", "--since", "build/linted", *options],
                              cwd=self.root, env={**os.environ, "PATH": f"{os.getcwd()}/bin:{os.environ['PATH']}"},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout
        return sorted(pathlib.Path(line).name for line in read(self.root / "build/read").split()), done.stdout

    def compile_headers(self, code=0):
        """Returns what was printed when headers were compiled alone."""
        entries = []
        for path in sorted(self.root.glob("cep/*.h")):
            name = path.relative_to(self.root)
            alone = self.root / f"build/one_verify_interface_header_sets/{name}.cxx"
            self.write(alone, f'#include "{name}"\n')
            entries.append({"file": str(alone), "directory": str(self.root), "command": f"c++ -I{self.root} -o {name}.o -c {alone}"})
        self.write("build/compile_commands.json", json.dumps(entries))
        self.write("build/linted", self.linted)
        done = subprocess.run(["python3", "scripts/headers_alone.py", "--build", "build", "--since", "build/linted"],
                              cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout
        return done.stdout


@case
def headers_stand_alone():
    """a header is compiled alone where it changed, or one that it includes did; one that does not stand alone is named"""
    repository = Repository()
    assert "headers: 0 of 4 to compile alone" in repository.compile_headers()
    repository.write("cep/far.h", "// Far away.\nstruct Far {};\n")
    assert "headers: 0 of 4 to compile alone" in repository.compile_headers()
    repository.write("cep/far.h", "struct Far { int miles; };\n")
    assert "headers: 2 of 4 to compile alone" in repository.compile_headers()
    repository.write("cep/word.h", "struct Word { Letter first; };\n")
    said = repository.compile_headers(code=1)
    assert "headers: cep/word.h does not stand alone" in said and "Letter" in said and "3 of 4" in said, said


@case
def the_lint_ends_in_time():
    """with --minutes, sources that are not read in time are counted and left to the next run"""
    repository = Repository()
    repository.write("cep/three.cpp", "int three() { return 4; }\n")
    read_now, said = repository.lint(options=("--minutes", "0.0000001"))
    assert read_now == [] and "1 of 1 sources were not read" in said, said
    assert repository.lint(options=("--minutes", "1"))[0] == ["three.cpp"]


@case
def the_lint_knows_what_is_left_out():
    """a source that is not part of the build is a finding, unless the build says that it leaves it out"""
    repository = Repository()
    said = repository.lint(unbuilt=["three.cpp", "four.cpp"], left_out=["cep/four.cpp"], code=1)[1]
    assert "not part of the build: cep/three.cpp" in said and "cep/four.cpp" not in said, said
    assert repository.lint(unbuilt=["four.cpp"], left_out=["cep/four.cpp"])[0] == []


ALL_SOURCES = ["four.cpp", "one.cpp", "three.cpp", "two.cpp"]


@case
def the_lint_reads_what_changed():
    """a source that changed is read, committed or not; for a header its own source, else the first that includes it"""
    repository = Repository()
    assert repository.lint()[0] == []
    two = read(repository.root / "cep/two.cpp")
    repository.write("cep/two.cpp", "// What it is for.\n" + two)  # a comment says nothing to the lint
    assert repository.lint()[0] == []
    repository.write("cep/two.cpp", "// NOLINTBEGIN\n" + two)
    assert repository.lint()[0] == ["two.cpp"]
    repository.write("cep/two.cpp", two)
    repository.write("cep/three.cpp", '#include "cep/word.h"\nint three() { return 4; }\n')
    assert repository.lint()[0] == ["three.cpp"]
    repository.commit()
    assert repository.lint()[0] == ["three.cpp"]
    repository.write("cep/word.h", "struct Word { int letters; };\n")  # its reader is one that is read anyway
    assert repository.lint()[0] == ["three.cpp"]
    repository.write("cep/five.cpp", "int five() { return 5; }\n")  # not tracked yet
    repository.write("cep/one.h", "int one();\nint another();\n")
    assert repository.lint()[0] == ["five.cpp", "one.cpp", "three.cpp"]
    repository.git("checkout", "-q", "cep/one.h")
    repository.git("reset", "-q", "--hard", repository.linted)
    repository.write("cep/word.h", "struct Word { int letters; };\n")
    repository.write("cep/far.h", "struct Far { int miles; };\n")
    assert repository.lint()[0] == ["five.cpp", "four.cpp", "three.cpp"]


@case
def the_lint_passes_over_moves():
    """a file that was moved within its top folder, and #include lines that follow, count as unchanged; a move with a change does not"""
    repository = Repository()
    (repository.root / "cep/base").mkdir()
    repository.git("mv", "cep/one.h", "cep/base/one.h")
    repository.git("mv", "cep/one.cpp", "cep/base/one.cpp")
    for name in ("cep/base/one.cpp", "cep/two.cpp"):
        repository.write(name, read(repository.root / name).replace("cep/one.h", "cep/base/one.h"))
    repository.commit()
    assert repository.lint()[0] == []
    repository.write("cep/base/one.cpp", '#include "cep/base/one.h"\nint one() { return 2; }\n')
    assert repository.lint()[0] == ["one.cpp"]
    repository.git("reset", "-q", "--hard")
    repository.git("mv", "cep/four.cpp", "runtime/four.cpp")  # other settings may hold there
    assert repository.lint()[0] == ["four.cpp"]


@case
def the_lint_reads_everything():
    """where the commit is not in the history, or settings changed, every source is read, and the lint says why"""
    repository = Repository()
    sources, said = repository.lint(commit="0" * 40)
    assert sources == ALL_SOURCES and "the history does not have the commit 0000" in said, (sources, said)
    repository.write(".clang-tidy", "Checks: '-*'\n")
    sources, said = repository.lint()
    assert sources == ALL_SOURCES and "a .clang-tidy changed; reading every source" in said, (sources, said)
    repository.commit()
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.root}", "../shallow")
    linted, repository.root = repository.linted, pathlib.Path("shallow").resolve()
    sources, said = repository.lint(commit=linted)
    assert sources == ALL_SOURCES and "the history is shallow and does not have" in said, (sources, said)
    shutil.rmtree(repository.root / ".git")
    sources, said = repository.lint()
    assert sources == ALL_SOURCES and "not a git repository" in said, (sources, said)


@case
def the_lint_finds_unused_includes():
    """an #include of which a source uses nothing is named, with its line; comments and literals do not count, and doubt spares it"""
    repository = Repository()
    repository.write("scripts/unused_includes.py", read(ROOT / "scripts/unused_includes.py"))

    def unused(text, header="struct Word { int letters; };\nint spell(Word);\nconstexpr int kWordsMax = 2;\n"):
        repository.write("cep/word.h", header)
        repository.write("cep/five.cpp", text)
        done = subprocess.run(["python3", "scripts/unused_includes.py", "cep/five.cpp"], cwd=repository.root,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == (1 if done.stdout else 0), done
        return done.stdout.splitlines()

    ours = '#include "cep/word.h"\n'
    assert unused(ours + "int five() { return 5; }\n") == ['cep/five.cpp:1: nothing of "cep/word.h" is used: remove the line']
    for use in ("Word w;", "int i = kWordsMax;", "auto i = spell({});", "auto n = other().letters;"):
        assert unused(ours + use + "\n") == [], use
    for none in ("// Word", "/* Word\nWord */", 'auto s = "Word";', 'auto s = R"x(Word)x";', "int Words;", "int i = 1'000; // Word's"):
        assert len(unused(ours + none + "\n")) == 1, none
    assert unused(ours.rstrip() + "  // IWYU pragma: keep\nint five;\n") == []
    assert unused('#include "cep/five.h"\n#include "cep/gone.h"\n') == []  # its own header, and one that is not there
    # Without a name of its own: an operator and a specialisation belong to the types that they mention.
    assert unused(ours + "Far far;\n", header="bool operator==(const Far&, const Far&);\n") == []
    repository.write("cep/rows.def", "ROW(rose)\n")
    assert unused(ours + "int i = kRose + rose;\n", header='enum E {\n#include "cep/rows.def"\n};\n') == []
    assert unused("#include <vector>\n\n#include <string>\nstd::string s;\n") == ["cep/five.cpp:1: nothing of <vector> is used: remove the line"]
    assert unused("#include <algorithm>\n#include <cstdint>\n#include <nowhere.h>\nstd::uint8_t b = std::ranges::max(a);\n") == []


def groups_of(sources, size=12):
    """What cmake/unity_groups.py makes of the sources of a target: the names of each group."""
    for name, text in sources.items():
        write(f"tree/{name}", text)
    paths = sorted(str(pathlib.Path("tree", name).resolve()) for name in sources if name.endswith(".cpp"))
    done = subprocess.run(["python3", str(ROOT / "cmake/unity_groups.py"), str(pathlib.Path("tree").resolve()), str(size)],
                          input=";".join(["target", *paths]) + "\n", stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return [[pathlib.Path(path).stem for path in re.findall(r'"(.*)"', group)]
            for group in done.stdout.split("set_source_files_properties")[1:]]


@case
def groups_of_sources():
    """sources of a sanitizer build share a file unless a name that one keeps to itself means something in the other"""
    unnamed = "namespace tocsin {{\nnamespace {{\n{}\n}}\n{}\n}}\n".format
    plain = {f"plain{number}.cpp": unnamed(f"int helper{number}() {{ return 1; }}", f"int plain{number}() {{ return helper{number}(); }}")
             for number in range(3)}
    assert groups_of(plain) == [["plain0", "plain1", "plain2"]] and groups_of(plain, size=2) == [["plain0", "plain1"]]
    rivals = {
        "the same function": unnamed("int helper0(int) { return 2; }", ""), "a call of another function": unnamed("", "int other() { return helper0(3); }"),
        "the same type": unnamed("struct Row {};", "Row row;"), "a constant": unnamed("constexpr int kMost = 3;", ""),
        "an enumerator": unnamed("enum Kind { kFirst, kMost };", ""), "a macro": "#define Row int\n",
    }
    one = {"one.cpp": unnamed("struct Row { int rows; };\nconstexpr int kMost = 2;\nint helper0() { return kMost; }", "int one(Row) { return helper0(); }")}
    assert [what for what, text in rivals.items() if groups_of({**one, "rival.cpp": text})] == []
    # A `using` that both write alike, or that the other has no use for; and one that means something else there.
    using = unnamed("using far::Shown;\nusing Json = far::Json;", "Json using_it(Shown);")
    for text, groups in {using: [["one", "other"]], unnamed("", "far::Json other();"): [["one", "other"]],
                         using.replace("far", "near"): [], unnamed("struct Shown {};", ""): []}.items():
        assert groups_of({"one.cpp": using, "other.cpp": text.replace("using_it", "other")}) == groups, text
    assert groups_of({"one.cpp": using, "other.cpp": '#include "shown.h"\n' + unnamed("", "Shown other();"),
                      "shown.h": "namespace tocsin {\nclass Shown;\n}\n"}) == []
    # A call that finds a function of its own header, and by its arguments one of a header that the other alone includes.
    shown = {"near.h": "namespace tocsin::tests {\nType type_of(Kind kind);\n}\n", "far.h": "namespace tocsin::cep {\nType type_of(Kind kind);\n}\n",
             "one.cpp": '#include "far.h"\n'}
    for call, groups in {"type_of(kind)": [], "tests::type_of(kind)": [["caller", "one"]], "kind.type_of()": [["caller", "one"]]}.items():
        assert groups_of({**shown, "caller.cpp": '#include "near.h"\n' + unnamed("", f"Type caller(Kind kind) {{ return {call}; }}")}) == groups, call
    # A namespace that one opens, with a name that the other has from elsewhere, or from there.
    opened = {"kit.h": "namespace tocsin::kit {\ninline constexpr int kSecond = 1;\n}\n", "one.cpp": '#include "kit.h"\n' + unnamed("using namespace kit;", "int one() { return kSecond; }"),
              "two.h": "namespace tocsin {\ninline constexpr char kSecond = 2;\n}\n"}
    for header, groups in {"two.h": [], "kit.h": [["one", "other"]]}.items():
        assert groups_of({**opened, "other.cpp": f'#include "{header}"\n' + unnamed("", "int other() { return kSecond; }")}) == groups, header
    # A name that a header brings, a setting of a library, and words that mean nothing to the other.
    assert groups_of({**one, "rival.cpp": '#include "row.h"\n', "row.h": "namespace tocsin {\nclass Row;\n}\n"}) == [] \
        and groups_of({**one, "setting.cpp": "#define LIBRARY_WITH_TLS\n#include <vector>\n"}) == []
    harmless = unnamed("", 'int rival(Order o) { const int helper0 = o.kMost; return helper0; }  // Row\nconst char* text = "Row";\nauto raw = R"x(Row "{ )x";')
    assert groups_of({**one, "rival.cpp": harmless}) == [["one", "rival"]]


run_cases()
