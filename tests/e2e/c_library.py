#!/usr/bin/env python3
"""libtocsin.so as a program outside of this repository uses it: what it exports, an installation into an empty folder, the samples in
samples/c compiled against that, and their alerts beside those of `tocsin run`, byte for byte.

    c_library.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it
"""
import json
import os
import pathlib
import re
import subprocess

from harness import BINARY, ROOT, RULES, case, read, run_cases, tocsin, write

BUILD = pathlib.Path(os.environ.get("TOCSIN_BUILD_DIR") or pathlib.Path(BINARY).parent)
HEADER = ROOT / "include" / "tocsin.h"
SAMPLES = ROOT / "samples" / "c"
STRICT = ("-Wall", "-Wextra", "-pedantic", "-Werror")
LIMIT_S = 120
_installed = {}


def run(*command, env=None, code=0):
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False, timeout=LIMIT_S,
                          env=None if env is None else dict(os.environ, **env))
    assert done.returncode == code, (command, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def sanitizers():
    """What a program needs to load a library that was built with sanitizers."""
    cache = (BUILD / "CMakeCache.txt").read_text(encoding="utf-8")
    found = re.search(r"^TOCSIN_SANITIZE:\w+=(.+)$", cache, re.M)
    return [f"-fsanitize={found[1]}"] if found else []


def installed():
    """The library, installed into an empty folder; what pkg-config says of it there."""
    if not _installed:
        prefix = pathlib.Path(run("mktemp", "-d", "-t", "tocsin_install_XXXXXX").stdout.decode().strip())
        run("cmake", "--install", BUILD, "--component", "library", "--prefix", prefix)
        package = next(prefix.rglob("tocsin.pc"))
        flags = run("pkg-config", "--cflags", "--libs", "tocsin", env={"PKG_CONFIG_PATH": str(package.parent)}).stdout.decode().split()
        _installed.update(prefix=prefix, flags=flags, library=next(prefix.rglob("libtocsin.so")).parent, package=package)
    return _installed


def compiled(source, name, *options):
    """A C program, compiled against what is installed."""
    there = installed()
    run("cc", "-std=c99", *STRICT, *sanitizers(), *options, source, "-o", name, *there["flags"], f"-Wl,-rpath,{there['library']}")
    return f"./{name}"


def declared():
    return set(re.findall(r"^TOCSIN_API [^;(]*?(\w+)\(", HEADER.read_text(encoding="utf-8"), re.M))


@case
def exports():
    """the library exports what the header declares and nothing else, and its number is the header's"""
    wanted = declared()
    assert len(wanted) > 20 and all(name.startswith("tocsin_") for name in wanted), wanted
    named = set(re.findall(r"^\s+(\w+);", (ROOT / "library" / "tocsin.map").read_text(encoding="utf-8"), re.M))
    assert named == wanted, named ^ wanted
    library = BUILD / "libtocsin.so"
    lines = run("nm", "-D", "--defined-only", library).stdout.decode().splitlines()
    # The nodes of the map are symbols of a kind of their own.
    symbols = {line.split()[-1].split("@")[0] for line in lines if line.split()[-2] != "A"}
    assert symbols == wanted, symbols ^ wanted
    dynamic = run("readelf", "-d", "-W", library).stdout.decode()
    number = re.search(r"#define TOCSIN_ABI (\d+)", HEADER.read_text(encoding="utf-8"))[1]
    assert f"soname: [libtocsin.so.{number}]" in dynamic, dynamic
    needed = set(re.findall(r"\(NEEDED\).*\[(.+?)\]", dynamic))
    for stranger in ("ssl", "rdkafka", "protobuf"):
        assert not any(stranger in name for name in needed), needed


@case
def headers():
    """the header compiles alone, with all warnings, as C99, C11, C++98 and C++20"""
    there = installed()
    write("c.c", "#include <tocsin.h>\nint main(void) { return tocsin_abi() != TOCSIN_ABI; }\n")
    cflags = [flag for flag in there["flags"] if flag.startswith("-I")]
    for compiler, language, standard in (("cc", "c", "c99"), ("cc", "c", "c11"), ("c++", "c++", "c++98"), ("c++", "c++", "c++20")):
        run(compiler, "-x", language, f"-std={standard}", *STRICT, "-Wshadow", "-Wconversion", "-fsyntax-only", *cflags, "c.c")


@case
def cmake_package():
    """a CMake project finds the installed library and links it"""
    write("CMakeLists.txt", """\
cmake_minimum_required(VERSION 3.25)
project(other LANGUAGES C)
find_package(tocsin 0.1 REQUIRED CONFIG)
add_executable(live live.c)
target_link_libraries(live PRIVATE tocsin::tocsin)
""")
    write("live.c", (SAMPLES / "live.c").read_text(encoding="utf-8"))
    flags = " ".join(sanitizers())
    run("cmake", "-S", ".", "-B", "out", f"-DCMAKE_PREFIX_PATH={installed()['prefix']}", f"-DCMAKE_C_FLAGS={flags}")
    run("cmake", "--build", "out")
    assert b"was not confirmed" in run("out/live").stdout


@case
def live():
    """samples/c/live.c: a deadline that the program lets pass, and a line that is no event"""
    out = run(compiled(SAMPLES / "live.c", "live")).stdout.decode()
    before, at, rejected = out.splitlines()
    assert before == "after the events: none", out
    assert json.loads(at.removeprefix("at 12:06: "))["message"] == "2500.00 on card c2 was not confirmed", out
    assert json.loads(rejected.removeprefix("rejected: "))["line"] == 4, out


def same(program, rules, events, *bound):
    """Alerts, late events and rejected lines of a C program and of the command; gives how many there were."""
    options = ("--out-of-orderness", bound[0]) if bound else ()
    tocsin("run", rules, "--input", events, *options, "--quiet", "--alerts", "run.alerts", "--late", "run.late", "--dead-letter", "run.dead",
           code=None)  # 3 where no line is of a type that the rules know
    done = run(program, rules, events, *bound)
    wanted = pathlib.Path("run.alerts").read_bytes()
    assert done.stdout == wanted, (rules, len(done.stdout), len(wanted))
    side = pathlib.Path("run.late").read_bytes() + pathlib.Path("run.dead").read_bytes()
    assert done.stderr.endswith(side), (rules, done.stderr[-1000:], side[-1000:])
    return wanted.count(b"\n"), side.count(b"\n")


@case
def same_alerts():
    """samples/c/alerts.c gives the bytes of `tocsin run`: all packs of samples/, payments with disorder, bad lines, chunks of any size"""
    plain = compiled(SAMPLES / "alerts.c", "alerts")
    pieces = compiled(SAMPLES / "alerts.c", "pieces", "-DCHUNK_BYTES=4093")
    tocsin("generate", "--events", 20_000, "--seed", 5, "--rate", 1, "--fraud", 5, "--disorder", "5s", "--out", "payments.ndjson")
    lines = pathlib.Path("payments.ndjson").read_bytes().splitlines(keepends=True)
    lines[100:100] = [b"no event\n", b'{"type":"payment"}\n', b"\xff\xfe\n", b"\n", lines[0]]
    pathlib.Path("payments.ndjson").write_bytes(b"".join(lines).rstrip(b"\n"))
    alerts = 0
    for pack in sorted((ROOT / "samples").iterdir()):
        if not list(pack.glob("*.tocsin")):
            continue
        for program in (plain, pieces):
            alerts += same(program, pack, "payments.ndjson", "5s")[0]
        alerts += same(plain, pack, "payments.ndjson", "1s")[0]
    assert alerts > 200, alerts
    _, side = same(plain, ROOT / "samples" / "payments", "payments.ndjson", "1s")
    assert side > 100, side
    data = os.environ.get("TOCSIN_DATA")
    for pack, name in (("server_logins", "auth.ndjson"), ("web_requests", "access.ndjson")):
        if data and (pathlib.Path(data) / name).is_file():
            assert same(pieces, ROOT / "samples" / pack, pathlib.Path(data) / name)[0] > 0, name


@case
def diagnostics():
    """errors and warnings are those of `tocsin check --format json`"""
    program = compiled(SAMPLES / "alerts.c", "alerts")
    write("events.ndjson", "")
    write("right.tocsin", RULES)
    files = sorted((ROOT / "tests" / "golden" / "diagnostics").glob("E0[1-4]0*.tocsin"))[:12]
    assert len(files) == 12, files
    for rules in (*files, pathlib.Path("right.tocsin")):
        is_right = rules.name == "right.tocsin"
        checked = tocsin("check", "--format", "json", rules, code=0 if is_right else 1)
        wanted = [line for line in checked.out.splitlines() if json.loads(line)["code"] != "untested_rule"]
        said = run(program, rules, "events.ndjson", code=0 if is_right else 1).stderr.decode().splitlines()
        assert said[:len(wanted)] == wanted and len(said) == len(wanted) + (not is_right), (rules, said, wanted)


@case
def page():
    """the C programs of docs/c.md compile and print what the page says"""
    text = read(ROOT / "docs" / "c.md")
    programs = re.findall(r"```c\n(.*?)```\n(?:.*?```text\n(.*?)```)?", text, re.S)
    programs = [(code, shown) for code, shown in programs if "int main" in code]
    assert programs, "the page has a program"
    for number, (code, shown) in enumerate(programs):
        write(f"page{number}.c", code)
        out = run(compiled(f"page{number}.c", f"page{number}")).stdout.decode()
        assert out == shown, (out, shown)
    mentioned = set(re.findall(r"`(tocsin_\w+)\(\)`", text))
    assert mentioned <= declared(), mentioned - declared()


if __name__ == "__main__":
    run_cases()
