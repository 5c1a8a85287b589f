"""What the lint reads and which sources compile as one file: on small repositories, with a clang-tidy that finds no fault.

Run as lint_checks.py TOCSIN_BINARY [TEXT], as the other end-to-end scripts; the binary is not used.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

from harness import ROOT, case, read, run_cases, write


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

    def compile_headers(self, code=0, options=()):
        """Returns what was printed when headers were compiled alone."""
        entries = []
        for path in sorted(self.root.glob("cep/*.h")):
            name = path.relative_to(self.root)
            alone = self.root / f"build/one_verify_interface_header_sets/{name}.cxx"
            self.write(alone, f'#include "{name}"\n')
            entries.append({"file": str(alone), "directory": str(self.root), "command": f"c++ -I{self.root} -o {name}.o -c {alone}"})
        self.write("build/compile_commands.json", json.dumps(entries))
        self.write("build/linted", self.linted)
        done = subprocess.run(["python3", "scripts/headers_alone.py", "--build", "build", "--since", "build/linted", *options],
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
    """with --minutes, sources and headers that are not read in time are counted and left to the next run"""
    repository = Repository()
    repository.write("cep/three.cpp", "int three() { return 4; }\n")
    read_now, said = repository.lint(options=("--minutes", "0.0000001"))
    assert read_now == [] and "1 of 1 sources were not read" in said, said
    assert "1 of 1 sources were not read in 0 minutes" in repository.lint(options=("--minutes", "0"))[1]
    assert repository.lint(options=("--minutes", "1"))[0] == ["three.cpp"]
    repository.write("cep/far.h", "struct Far { Letter first; };\n")
    assert "headers: 2 of 2 were not compiled in 0 minutes" in repository.compile_headers(options=("--minutes", "0"))
    assert "far.h does not stand alone" in repository.compile_headers(code=1, options=("--minutes", "1"))


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
