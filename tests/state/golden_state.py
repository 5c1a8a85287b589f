#!/usr/bin/env python3
"""Data directories that were written once are opened, continued and written again by every version of the program.

    golden_state.py TOCSIN_BINARY [TEXT]
    golden_state.py TOCSIN_BINARY --update   keep directories of this program, where one is missing

tests/golden/state_data/NUMBER/NAME.tar.xz is a data directory of format NUMBER (the number of checkpoints, which is raised
with every format of stored state), with its inputs, and `expected.json`: what is told of it (tests/state/golden_lives.py).
One that is kept is never written again. Last line: N passed, N failed.
"""
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from golden_lives import LIVES, checkpoints, state_tool  # noqa: E402
from harness import ROOT, case, run_cases, tocsin  # noqa: E402

GOLDEN = ROOT / "tests/golden/state_data"
REMEDY = """\
A directory that an earlier program wrote must be read as it was meant. A format that changes takes the next number
(runtime/checkpoint/checkpoint.h, kCheckpointFormat; cep/record/state_layout.h, kStateFormat), what was written before stays
readable, and tests/state/golden_state.py TOCSIN_BINARY --update keeps directories of the new number: CONTRIBUTING.md, Golden
files. If no format was meant to change, the change is wrong."""


def numbers_of(text):
    """Format and semantics number."""
    told = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    return int(told["format"]), int(told["semantics"])


OWN = numbers_of(state_tool("numbers"))
# Nothing here is about what is on disk, and on a busy disk the program would wait for it most of the time.
if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"


def kept():
    """(number, name, archive) of all, the oldest first."""
    found = []
    for folder in sorted(GOLDEN.iterdir(), key=lambda folder: [int(part) for part in folder.name.split("_")]):
        number = int(folder.name.split("_")[0])
        found += [(number, archive.name.removesuffix(".tar.xz"), archive) for archive in sorted(folder.glob("*.tar.xz"))]
    return found


def unpack(archive):
    """Into the current folder."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            assert member.isreg() or member.isdir() or member.islnk(), member.name
        # Later versions of Python want to be told that the archive is not trusted.
        tar.extractall(".", **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    for path in (pathlib.Path("data"), *pathlib.Path("data").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def entries(text):
    """A dump by key: what is of no key by its name."""
    return dict(line.split(" ", 1) for line in text.splitlines() if not line.startswith(("format ", "semantics ")))


def check_written_again(number):
    """What this program writes of the state that it has read."""
    for checkpoint in checkpoints():
        was, now = entries(state_tool("dump", str(checkpoint))), entries(state_tool("rewrite", str(checkpoint)))
        assert list(was) == list(now), f"{checkpoint}: other entries than the golden ones"
        if number != OWN[0]:
            continue  # it is written under this program's number
        for key, value in was.items():
            assert now[key] == value, f"{checkpoint}: written otherwise than it was: {key}\n  {value}\n  {now[key]}"


def comparable(name, text, number):
    """Of a format before: the keys alone, since what was written anew has this program's number."""
    if name != "written anew" or number == OWN[0]:
        return text
    return "\n".join(entries(text))


def text_difference(was, now):
    """Of the first lines that differ; nothing where all are equal."""
    pairs = zip(was + ["(no more)"] * len(now), now + ["(no more)"] * len(was))
    return next((f"\n  wanted: {a}\n  found:  {b}" for a, b in pairs if a != b), "")


def difference(was, now, place):
    """The first place where something that was told is not; members that came since are no difference."""
    if isinstance(was, dict) and isinstance(now, dict):
        found = (difference(was[name], now.get(name), f"{place}.{name}") for name in was)
        return next((one for one in found if one), "")
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        found = (difference(a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(was, now)))
        return next((one for one in found if one), "")
    return "" if was == now else f" at {place}:\n  wanted: {was}\n  found:  {now}"


def without_clock(name, value):
    """A delivery backs off until a moment of the clock, which passes while the directory lies in the repository: from then
    on it is tried when the server starts, and given up, which makes another notice of the same kind."""
    if name == "withheld":
        return [[state for state in states if state not in ("backing_off", "sending")] for states in value]
    return sorted(set(value)) if name == "notices" else value


def check_told(told, wanted, number):
    told = json.loads(json.dumps(told))
    assert told.keys() == wanted.keys(), (told.keys(), wanted.keys())
    for name, was in wanted.items():
        if isinstance(was, str):
            found = text_difference(*(comparable(name, text, number).splitlines() for text in (was, told[name])))
        else:
            found = difference(without_clock(name, was), without_clock(name, told[name]), "")
        assert not found, f"{name} is not what it was{found}"


def add_case(number, name, archive):
    def opened():
        unpack(archive)
        written = numbers_of(state_tool("digests", str(checkpoints()[-1])))
        assert written[0] == number, written
        if written[1] != OWN[1]:
            done = tocsin("inspect", "data", code=5)
            assert "semantics" in done.err and "--replay-as-new" in done.err, done
            return
        try:
            check_written_again(number)
            check_told(LIVES[name][1](), json.loads(pathlib.Path("expected.json").read_text(encoding="utf-8")), number)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{REMEDY}") from failure
    opened.__doc__ = f"{archive.parent.name}/{name} is opened, continued and written again"
    case(opened)


def missing_kinds(folders):
    counts = (line.split(" ", 1) for line in state_tool("kinds", *map(str, folders)).splitlines())
    return [kind for count, kind in counts if count == "0"]


def own_folders():
    """The data directories of this program's numbers, unpacked."""
    folders = []
    for number, name, archive in kept():
        if number != OWN[0]:
            continue
        folder = pathlib.Path(f"{archive.parent.name}_{name}")
        folder.mkdir()
        home = os.getcwd()
        os.chdir(folder)
        unpack(archive)
        os.chdir(home)
        if numbers_of(state_tool("digests", str(checkpoints(folder / "data")[-1]))) == OWN:
            folders.append(folder / "data")
    return folders


@case
def every_kind():
    """every kind of state is in a directory of the program's own numbers"""
    missing = missing_kinds(own_folders())
    assert not missing, "in none of tests/golden/state_data: " + ", ".join(missing) + """
A kind of state that is new: let a rule or a life in tests/state have it, then tests/state/golden_state.py TOCSIN_BINARY
--update keeps further directories, beside those that are there."""


@case
def newer_is_refused():
    """a directory of a newer format is refused by name, with the remedy"""
    unpack(kept()[-1][2])
    segment = min(path.name for path in pathlib.Path("data/journal").glob("segment-*"))
    for path, at, what in (("FORMAT", None, "FORMAT says that"), (f"journal/{segment}", 8, "journal format")):
        shutil.rmtree("other", ignore_errors=True)
        shutil.copytree("data", "other")
        file = pathlib.Path("other", path)
        if at is None:
            file.write_text("tocsin data 9\n")
        else:
            file.write_bytes(with_number(file.read_bytes(), at))
        done = tocsin("inspect", "other", code=5)
        assert what in done.err and "other/" in done.err and "version" in done.err, done


def with_number(block, at):
    """A header of a journal's segment under another number, with its checksum."""
    head = bytearray(block[:4096])
    head[at] = 9
    head[12:16] = crc32c(bytes(head[:12]) + bytes(head[16:])).to_bytes(4, "little")
    return bytes(head) + block[4096:]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# ---- keeping new ones

def remove_what_is_made_again():
    """Locks, notes of RocksDB, the working copy of the state, and checkpoints but the newest."""
    newest = checkpoints()[-1]
    for path in (pathlib.Path("data/state"), pathlib.Path("data/cache"), *checkpoints()):
        if path != newest:
            shutil.rmtree(path, ignore_errors=True)
    for path in list(pathlib.Path("data").rglob("*")):
        if path.name in ("LOCK", "lock", "LOG"):
            path.unlink()


def pack(archive, told):
    """The current folder, always in the same bytes."""
    pathlib.Path("expected.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    first_names = {}
    with tarfile.open(archive, "w:xz", preset=9, format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(pathlib.Path(".").rglob("*")):
            path = path.relative_to(".")
            if path.is_dir():
                continue
            member = tarfile.TarInfo(str(path))
            inode = path.stat().st_ino
            if inode in first_names:
                member.type, member.linkname = tarfile.LNKTYPE, first_names[inode]
                tar.addfile(member)
                continue
            if path.stat().st_nlink > 1:
                first_names[inode] = str(path)
            contents = path.read_bytes()
            member.size = len(contents)
            tar.addfile(member, io.BytesIO(contents))


def told_of_copy(name):
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(".", f"{folder}/copy", symlinks=True)
        os.chdir(f"{folder}/copy")
        try:
            return LIVES[name][1]()
        finally:
            os.chdir(home)


def write_directory(name, folder):
    """Writes one and looks at it twice: what is told must not depend on when it is asked."""
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        LIVES[name][0]()
        remove_what_is_made_again()
        told, again = told_of_copy(name), told_of_copy(name)
        for part, text in told.items():
            assert text == again[part], f"{name}: {part} is told otherwise the second time: {text} {again[part]}"
        folder.mkdir(parents=True, exist_ok=True)
        pack(folder / f"{name}.tar.xz", told)
        os.chdir(home)
    print(f"{folder.name}/{name}: {(folder / f'{name}.tar.xz').stat().st_size} bytes")


def missing_here():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        missing = missing_kinds(own_folders())
        os.chdir(ROOT)
    return missing


def update(names):
    GOLDEN.mkdir(exist_ok=True)
    if not missing_here():
        print(f"every kind of state is in a directory of format {OWN[0]} and semantics {OWN[1]}: there is nothing to keep")
        return
    folder, again = GOLDEN / str(OWN[0]), 1
    while folder.exists():
        again += 1
        folder = GOLDEN / f"{OWN[0]}_{again}"
    for name in names or LIVES:
        write_directory(name, folder)
    missing = missing_here()
    print("still in none: " + ", ".join(missing) if missing else "every kind of state is in one")


if __name__ == "__main__":
    if "--update" in sys.argv[2:]:
        update(sys.argv[sys.argv.index("--update") + 1:])
    else:
        for kept_one in kept():
            add_case(*kept_one)
        run_cases()
