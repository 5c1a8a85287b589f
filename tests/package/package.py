#!/usr/bin/env python3
"""The Debian package of the program: what is in it, how it was linked, and how it installs, starts, upgrades and goes.

    package.py TOCSIN_BINARY [TEXT]

Installing needs root: it happens in a copy of this system's root that is thrown away (an overlay). Without that, or without what
makes packages, cases are skipped, with the reason. Last line: N passed, N failed.
"""
import contextlib
import gzip
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from harness import BINARY, case, has, run_cases

DOCKERFILES = (ROOT / "deploy" / "Dockerfile", ROOT / "deploy" / "flink" / "Dockerfile")
BUILD = pathlib.Path(BINARY).parent
EPOCH = 1_700_000_000  # 2023-11-14
package = None


def run(*command, code=0, **more):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=120, **more)
    assert code is None or done.returncode == code, (command, done.returncode, done.stdout[-3000:])
    return done.stdout


def make_package(folder):
    environment = {**os.environ, "TOCSIN_ROOT": str(ROOT), "TOCSIN_BUILD_DIR": str(BUILD), "TOCSIN_PACKAGE_DIR": str(folder),
                   "SOURCE_DATE_EPOCH": str(EPOCH)}
    made = run("bash", ROOT / "scripts" / "package.sh", env=environment).split()
    assert len(made) == 1, made
    return pathlib.Path(made[0])


def reason_for_none():
    """Why no package can be made here; None where one can."""
    if BUILD.name != "release":
        return "packages are made of the release build"
    missing = [tool for tool in ("cpack", "dpkg-deb", "dpkg-shlibdeps", "readelf", "strip") if shutil.which(tool) is None]
    return f"without {', '.join(missing)}; ./do setup package installs what it needs" if missing else None


def contents(archive):
    """The files of a package: mode, owner and path."""
    return [(line.split()[0], line.split()[1], line.split()[5]) for line in run("dpkg-deb", "-c", archive).splitlines()]


def field(archive, name):
    return run("dpkg-deb", "-f", archive, name).strip()


@case
def what_is_in_it():
    """the package has the program, the unit, settings, manual pages of every command, completions, licences and libraries"""
    files = contents(package)
    assert all(owner == "root/root" for _, owner, _ in files), files
    paths = {path.lstrip("."): mode for mode, _, path in files}
    for path in ("/usr/bin/tocsin", "/lib/systemd/system/tocsin.service", "/etc/tocsin/tocsin.toml", "/usr/share/man/man1/tocsin.1",
                 "/usr/share/man/man1/tocsin-serve.1", "/usr/share/man/man1/tocsin-savepoint-make.1",
                 "/usr/share/bash-completion/completions/tocsin", "/usr/share/zsh/vendor-completions/_tocsin",
                 "/usr/share/fish/vendor_completions.d/tocsin.fish", "/usr/share/doc/tocsin/copyright",
                 "/usr/share/doc/tocsin/tocsin.cdx.json", "/usr/share/doc/tocsin/changelog.gz",
                 "/usr/share/doc/tocsin/errors/E0202.md", "/usr/share/doc/tocsin/errors/no_key.md",
                 "/usr/share/doc/tocsin/examples/payments/cards.tocsin"):
        assert path in paths, (path, sorted(paths))
        assert paths[path] in ("-rw-r--r--", "-rwxr-xr-x"), (path, paths[path])
    assert paths["/usr/bin/tocsin"] == "-rwxr-xr-x"
    assert field(package, "Package") == "tocsin" and field(package, "Version") in run(BINARY, "--version")
    has(field(package, "Depends"), "librocksdb", "libc6", "libstdc++6", "adduser")
    run("dpkg-deb", "-R", package, "unpacked")
    assert pathlib.Path("unpacked/DEBIAN/conffiles").read_text(encoding="utf-8") == "/etc/tocsin/tocsin.toml\n"
    for name in ("postinst", "prerm", "postrm"):
        assert os.access(f"unpacked/DEBIAN/{name}", os.X_OK), name
    changelog = gzip.decompress(pathlib.Path("unpacked/usr/share/doc/tocsin/changelog.gz").read_bytes())
    assert changelog == (ROOT / "CHANGELOG.md").read_bytes()
    program = pathlib.Path("unpacked/usr/bin/tocsin")
    run(program, "--version")
    # What is said of the program is said of this one.
    assert program.read_bytes() == pathlib.Path(BINARY).read_bytes()
    libraries = json.loads(pathlib.Path("unpacked/usr/share/doc/tocsin/tocsin.cdx.json").read_text(encoding="utf-8"))
    assert libraries["bomFormat"] == "CycloneDX" and libraries["specVersion"] == "1.5"
    assert libraries["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(pathlib.Path(BINARY).read_bytes()).hexdigest()
    names = {one["name"]: one for one in libraries["components"]}
    assert {"nlohmann-json3-dev", "libcli11-dev", "libc6"} <= set(names), names
    assert any(name.startswith("librocksdb") for name in names) and all("purl" in one for one in names.values())
    licences = pathlib.Path("unpacked/usr/share/doc/tocsin/copyright").read_text(encoding="utf-8")
    has(licences, "Apache License", "nlohmann-json3-dev", "libcli11-dev", "libexpected-dev")
    if "console        built in" in run(BINARY, "--version"):
        assert names["preact"]["purl"].startswith("pkg:npm/preact@") and "@preact/signals" in names, names
        has(licences, "preact 1", "@preact/signals-core", "Jason Miller")
    completion = pathlib.Path("unpacked/usr/share/bash-completion/completions/tocsin").read_text(encoding="utf-8")
    assert completion == run(BINARY, "completion", "bash")


@case
def manual_pages():
    """a manual page has what --help says: each command has one, and each option of it is there"""
    run("dpkg-deb", "-x", package, "unpacked")
    folder = pathlib.Path("unpacked/usr/share/man/man1")
    waiting, seen = [[]], 0
    while waiting:
        words = waiting.pop()
        text = run(BINARY, *words, "--help")
        page = (folder / f"{'-'.join(['tocsin', *words])}.1").read_text(encoding="utf-8").replace("\\-", "-").replace("\\&", "")
        for option in re.findall(r"^  (-\S.*?)(?:  |$)", text, re.M):
            assert f"\\fB{option}\\fR" in page, (words, option)
            seen += 1
        for heading in re.findall(r"^([A-Z][a-z]+(?: [a-z]+)?):$", text, re.M):
            assert f".SH {heading.upper()}" in page, (words, heading)
        commands = text.partition("\nCommands:\n")[2].partition("\n\n")[0]
        waiting += [[*words, name] for name in re.findall(r"^  ([a-z]+)", commands, re.M)]
    assert seen > 300 and len(list(folder.iterdir())) > 35, seen
    if shutil.which("man"):
        for name in ("tocsin.1", "tocsin-serve.1", "tocsin-run.1", "tocsin-receive.1"):
            warnings = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", folder / name], capture_output=True,
                                      text=True, check=True, env={**os.environ, "MANROFFSEQ": ""})
            assert not warnings.stderr, warnings.stderr


@case
def hardening():
    """the program is code for any address, with guards; all that the loader fills in is read-only, and no stack or writable page
    is run"""
    symbols = run("readelf", "-sW", "--dyn-syms", BINARY)
    assert "__stack_chk_fail" in symbols and re.search(r" __(memcpy|snprintf|read|recv)_chk", symbols), symbols[:2000]
    header = run("readelf", "-hW", BINARY)
    assert re.search(r"Type:\s+DYN", header), header
    dynamic = run("readelf", "-dW", BINARY)
    assert "BIND_NOW" in dynamic or re.search(r"FLAGS_1.*NOW", dynamic), dynamic
    assert not re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic), dynamic
    segments = run("readelf", "-lW", BINARY)
    assert "GNU_RELRO" in segments, segments
    stack = re.search(r"GNU_STACK.*? (R\w*) +0x", segments)
    assert stack and "E" not in stack[1], segments
    assert not re.search(r"LOAD .* RWE ", segments), segments


def beginnings(symbols, length):
    """The first bytes of the program's own functions that other files call, by name."""
    loads = [[int(number, 16) for number in row] for row in
             re.findall(r"LOAD +0x(\w+) 0x(\w+) 0x\w+ 0x(\w+)", run("readelf", "-lW", BINARY))]
    program = pathlib.Path(BINARY).read_bytes()
    found = {}
    for address, name in re.findall(r"^ *\d+: (\w{16}) +\d+ FUNC +\w+ +HIDDEN +\d+ (_ZN\w*6tocsin\w*)$", symbols, re.MULTILINE):
        at = int(address, 16)
        offset = next(at - begin + where for where, begin, size in loads if begin <= at < begin + size)
        found[name] = program[offset:offset + length]
    return found


@case
def control_flow():
    """functions begin where an indirect call may land, and the program says so wherever the C runtime does"""
    marks = {"x86_64": (["f30f1efa"], "IBT"), "aarch64": (["5f2403d5", "3f2303d5"], "BTI")}
    if platform.machine() not in marks:
        return
    begins, feature = marks[platform.machine()]
    found = beginnings(run("readelf", "-sW", BINARY), 4)
    assert len(found) > 1000, len(found)
    others = {name: begin.hex() for name, begin in found.items() if begin.hex() not in begins}
    assert not others, (len(others), len(found), list(others.items())[:5])
    runtime = run("g++", "-print-file-name=Scrt1.o").strip()
    if feature in run("readelf", "-nW", runtime):
        assert feature in run("readelf", "-nW", BINARY), run("readelf", "-nW", BINARY)


@case
def names_no_folder():
    """the program and the library name no folder of the machine that built them"""
    # Not the repository's folder itself: such a short one as /tocsin is also a part of other texts.
    folders = b"|".join(re.escape(str(path).encode()) for path in [BUILD, *ROOT.iterdir()] if path.is_dir())
    for built in (pathlib.Path(BINARY), *BUILD.rglob("libtocsin.so*")):
        found = re.findall(rb"[^\0]{0,80}(?:" + folders + rb")/[^\0]{0,80}", built.read_bytes())
        assert not found, (built, found[:5])


@case
def same_bytes():
    """two packagings of one program are the same bytes, and the time in them is what SOURCE_DATE_EPOCH says"""
    folder = pathlib.Path("again")
    folder.mkdir()
    made = make_package(folder.resolve())
    assert made.read_bytes() == package.read_bytes()
    has(run("dpkg-deb", "-c", made), "2023-11-14")


@case
def container():
    """the container file names what there is, and runs as a user of its own with a health check"""
    text = DOCKERFILES[0].read_text(encoding="utf-8")
    has(text, "USER tocsin\n", "HEALTHCHECK ", "/livez", "VOLUME /var/lib/tocsin\n", "./do package")
    assert text.index("USER tocsin") > text.rindex("FROM ") and "--config" in text
    assert "/livez" in (ROOT / "docs" / "api.md").read_text(encoding="utf-8") + (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    entry = json.loads(re.search(r"^ENTRYPOINT (\[.*\])$", text, re.M)[1])
    unit = pathlib.Path(BUILD / "package" / "tocsin.service").read_text(encoding="utf-8")
    assert entry[:6] == re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()[:6], entry
    paths = {path.lstrip(".") for _, _, path in contents(package)}
    assert entry[0] in paths and entry[3] in paths, entry
    # The server takes these words: without those of CMD it refuses to speak to other machines without TLS.
    command = json.loads(re.search(r"^CMD (\[.*\])$", text, re.M)[1])
    words = [BINARY, *entry[1:], *command, "--check-config"]
    words[words.index("--config") + 1] = ROOT / "deploy" / "package" / "tocsin.toml"
    words[words.index("--data") + 1] = "data"
    run(*words)
    has(run(*(word for word in words if word not in command), code=2), "--insecure-public")
    assert "tocsin_*.deb" in text and package.name.startswith("tocsin_")


def reason_for_no_root():
    if os.geteuid() != 0:
        return "installing needs root"
    if shutil.which("unshare") is None:
        return "there is no unshare"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["unshare", "--mount", "bash", "-c", OVERLAY + "true", "overlay", folder], capture_output=True, text=True,
                              check=False)
        return f"no overlay can be made: {done.stderr.strip()[-200:]}" if done.returncode else None


# A root of its own over this one, at $1/copy: what is written there is gone with the process.
OVERLAY = """set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/copy"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/copy"
mount -t proc proc "$1/copy/proc"
mount --bind /dev "$1/copy/dev"
mkdir -p "$1/copy/mnt"
"""

LIFE = r"""set -eu
export DEBIAN_FRONTEND=noninteractive
say() { echo "== $*"; }
# Dependencies are there: it was built here. What is recommended by name alone may have other names.
dpkg --force-depends -i "$1/tocsin.deb" >/dev/null 2>"$1/errors" || { cat "$1/errors"; exit 1; }
say installed
getent passwd tocsin | cut -d: -f6
stat -c '%a %U %G' /var/lib/tocsin
stat -c '%a %U %G' /etc/tocsin/tocsin.toml
ls -l /var/lib/tocsin | wc -l
command="$(sed -n 's/^ExecStart=//p' /lib/systemd/system/tocsin.service)"
serve() {
  (umask 077; exec setpriv --reuid tocsin --regid tocsin --clear-groups --no-new-privs $command --listen 127.0.0.1:0 \
    --http-port-file /var/lib/tocsin/port >"$1/server.log" 2>&1) & server=$!
  for _ in $(seq 200); do [ ! -s /var/lib/tocsin/port ] || break; sleep 0.05; done
  port="$(cat /var/lib/tocsin/port)"; rm /var/lib/tocsin/port
  for _ in $(seq 200); do curl -fs -o /dev/null "http://127.0.0.1:$port/readyz" && break; sleep 0.05; done
}
ask() { curl -fsS -H "Authorization: Bearer $(cat /var/lib/tocsin/admin-token)" "$@"; }
serve "$1"
ask -o /dev/null "http://127.0.0.1:$port/v1/alerts" && say served
ask "http://127.0.0.1:$port/v1/config" >/dev/null 2>&1 || true
kill "$server"; wait "$server" && say stopped
# Settings that were edited stay in an upgrade, and so does the data.
echo '# edited here' >>/etc/tocsin/tocsin.toml
before="$(sha256sum </var/lib/tocsin/admin-token)"
dpkg --force-depends --force-confold -i "$1/later.deb" >/dev/null 2>"$1/errors" || { cat "$1/errors"; exit 1; }
say upgraded "$(dpkg-query -W -f='${Version}' tocsin)"
tail -n 1 /etc/tocsin/tocsin.toml
[ "$before" = "$(sha256sum </var/lib/tocsin/admin-token)" ] && say data-kept
serve "$1"
ask -o /dev/null "http://127.0.0.1:$port/v1/alerts" && say served-again
kill "$server"; wait "$server"
dpkg -r tocsin >/dev/null 2>&1
[ ! -e /usr/bin/tocsin ] && [ -e /etc/tocsin/tocsin.toml ] && [ -e /var/lib/tocsin/admin-token ] && say removed
dpkg -P tocsin 2>/dev/null | grep -o 'are kept' || true
[ ! -e /etc/tocsin ] && [ -e /var/lib/tocsin/admin-token ] && getent passwd tocsin >/dev/null && say purged
"""


@case
def life():
    """installed, started as the unit starts it, upgraded, removed and purged: settings that were edited and data stay"""
    reason = reason_for_no_root()
    if reason:
        print(f"skipped: {reason}")
        return
    # The same under a later version.
    run("dpkg-deb", "-R", package, "later")
    control = pathlib.Path("later/DEBIAN/control")
    version = field(package, "Version")
    control.write_text(control.read_text(encoding="utf-8").replace(f"Version: {version}\n", f"Version: {version}+later\n"), encoding="utf-8")
    run("dpkg-deb", "--root-owner-group", "-Znone", "-b", "later", "later.deb")
    shutil.copy(package, "tocsin.deb")
    pathlib.Path("life.sh").write_text(LIFE, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        script = OVERLAY + 'cp "$2"/*.deb "$2/life.sh" "$1/copy/mnt/"\nchroot "$1/copy" bash /mnt/life.sh /mnt\n'
        said = run("unshare", "--mount", "bash", "-c", script, "overlay", folder, os.getcwd())
    lines = said.splitlines()
    assert lines[:6] == ["== installed", "/var/lib/tocsin", "700 tocsin tocsin", "640 root tocsin", "1", "== served"], said
    assert lines[6:] == ["== stopped", f"== upgraded {version}+later", "# edited here", "== data-kept", "== served-again", "== removed",
                         "are kept", "== purged"], said


@case
def a_fresh_root():
    """./do package --fresh needs a release that it knows, and makes no root before it has one"""
    has(run(ROOT / "do", "package", "--fresh", code=2), "takes a release of Debian or Ubuntu: bookworm, trixie, noble")
    has(run(ROOT / "do", "package", "--fresh", "jessie", code=2), "--fresh knows bookworm, trixie and noble, not jessie")
    assert not (BUILD.parent / "roots" / "jessie").exists()


def main():
    global package
    reason = reason_for_none()
    if reason:
        print(f"skipped: {reason}\n0 passed, 0 failed")
        return
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin_package_")))
        package = make_package(folder)
        run_cases()


main()
