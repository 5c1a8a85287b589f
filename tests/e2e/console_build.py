#!/usr/bin/env python3
"""How the web console becomes part of the program, with and without node: cmake/console.cmake in a small project of its own.

    console_build.py TOCSIN_BINARY [TEXT]     with TEXT only the cases whose names have it; the binary is asked what it has
"""
import gzip
import os
import pathlib
import re
import shutil
import subprocess

from harness import ROOT, case, has, run_cases, tocsin, write

PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES CXX)
include(cmake/console.cmake)
set(CMAKE_CXX_STANDARD 20)
add_library(small STATIC small.cpp)
tocsin_console(small state)
file(WRITE "${CMAKE_BINARY_DIR}/state.txt" "${state}")
add_executable(shown shown.cpp)
target_include_directories(shown PRIVATE "${CMAKE_SOURCE_DIR}")
target_link_libraries(shown PRIVATE small)
"""
SHOWN = """\
#include <iostream>
#include "api/console/console_assets.h"
int main() {
  for (const auto& one : tocsin::api::console_assets())
    std::cout << one.path << '|' << one.content_type << '|' << one.packed.size() << '|' << one.is_immutable << '\\n';
}
"""


def build(*options, code=0):
    """State, output, and the files in the program: path to (media type, bytes, whether it never changes)."""
    if not os.path.exists("CMakeLists.txt"):
        write("CMakeLists.txt", PROJECT)
        write("small.cpp", "int small;\n")
        write("shown.cpp", SHOWN)
        os.mkdir("api")
        for name in ("cmake", "console", "api/console"):
            os.symlink(ROOT / name, name)
    shutil.rmtree("build", ignore_errors=True)
    said = ""
    for command in (["-S", ".", "-B", "build", "-G", "Ninja", *options], ["--build", "build"]):
        done = subprocess.run(["cmake", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        said += done.stdout
        if done.returncode != 0:
            break
    assert (done.returncode != 0) == (code != 0), said
    if code:
        return None, said, {}
    shown = subprocess.run(["build/shown"], stdout=subprocess.PIPE, text=True, check=True).stdout
    files = {path: (media, int(size), fixed == "1") for path, media, size, fixed in (line.split("|") for line in shown.splitlines())}
    return pathlib.Path("build/state.txt").read_text(encoding="utf-8"), said, files


@case
def without_node():
    """without node there is one page, which says so; where the console was asked for, the build fails and says what to do"""
    state, _, files = build("-DTOCSIN_CONSOLE=OFF")
    assert state == "not built: TOCSIN_CONSOLE is OFF" and set(files) == {"/console/index.html"}, (state, files)
    page = (ROOT / "console/not_built.html").read_text(encoding="utf-8")
    has(page, "no web console", "./do setup console", "TOCSIN_CONSOLE_DIST")
    assert len(page) < 2500 and not re.search(r"<script|<style|style=", page)
    state, said, files = build("-DTOCSIN_NODE=/bin/false")
    assert state == "not built: /bin/false does not say its version" and len(files) == 1, state
    has(said, "the web console is not built: /bin/false")
    _, said, _ = build("-DTOCSIN_CONSOLE=ON", "-DTOCSIN_NODE=/bin/false", code=1)
    has(said, "TOCSIN_CONSOLE=ON: /bin/false does not say its version", "./do setup console")


@case
def built_elsewhere():
    """a folder that was built elsewhere needs no node; its files are in the program, each with its media type"""
    for name in ("index.html", "assets/app-ABCD2345.js", "assets/style-ABCD2345.css", "assets/icon-ABCD2345.svg", "assets/licences.txt"):
        write(f"dist/{name}.gz", gzip.compress(name.encode()))
    state, _, files = build(f"-DTOCSIN_CONSOLE_DIST={os.getcwd()}/dist", "-DTOCSIN_NODE=/bin/false")
    assert state == "built in", state
    assert {path: (media, fixed) for path, (media, _, fixed) in files.items()} == {
        "/console/index.html": ("text/html; charset=utf-8", False),
        "/console/assets/app-ABCD2345.js": ("text/javascript; charset=utf-8", True),
        "/console/assets/style-ABCD2345.css": ("text/css; charset=utf-8", True),
        "/console/assets/icon-ABCD2345.svg": ("image/svg+xml", True),
        "/console/assets/licences.txt": ("text/plain; charset=utf-8", False)}, files
    assert files["/console/index.html"][1] == os.path.getsize("dist/index.html.gz")
    assert gzip.decompress(pathlib.Path("build/console/licences.txt.gz").read_bytes()) == b"assets/licences.txt"
    os.remove("dist/index.html.gz")
    _, said, _ = build(f"-DTOCSIN_CONSOLE_DIST={os.getcwd()}/dist", code=1)
    has(said, "has no index.html.gz")


@case
def the_program_says_so():
    """`tocsin --version` says whether the console is in it, and if not why"""
    assert re.search(r"^  console        (built in|not built: .+)$", tocsin("--version").out, re.M)


run_cases()
