"""Which sources changed since a commit, for the lint: in the work tree, committed or not."""

import hashlib
import re
import subprocess

SUFFIXES = (".cpp", ".h", ".def")


class Unknown(Exception):
    """What changed cannot be told; says why."""


def git(root, *arguments, **options):
    command = ["git", "-c", f"safe.directory={root}", "-c", "core.quotePath=false", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise Unknown(done.stderr.decode("utf-8", "replace").strip().splitlines()[0])
    return done.stdout


def names(listing):
    return [name for name in listing.decode("utf-8", "surrogateescape").split("\0") if name]


def essence(path, text):
    """What the lint judges of a source: its top folder and its text without #include, blank and comment lines.

    A file that was moved within its top folder, and whose #include lines follow the move, keeps it. A comment that
    tells clang-tidy something counts.
    """
    lines = [line for line in text.splitlines()
             if line.strip() and not re.match(rb"\s*(#\s*include\b|//(?!.*NOLINT))", line)]
    return path.split("/")[0], hashlib.sha256(b"\n".join(lines)).hexdigest()


def lines_of_code(path, text):
    """What decides whether a header stands alone: its path, and its text without blank and comment lines."""
    lines = [line for line in text.splitlines() if line.strip() and not re.match(rb"\s*//", line)]
    return path, hashlib.sha256(b"\n".join(lines)).hexdigest()


def blobs(root, commit, paths):
    """Returns the contents of files of a commit."""
    out = git(root, "cat-file", "--batch", input="".join(f"{commit}:{path}\n" for path in paths).encode())
    contents, at = [], 0
    for path in paths:
        end = out.index(b"\n", at)
        header = out[at:end].split(b" ")
        if header[-1] == b"missing":
            raise Unknown(f"{path} is missing in {commit}")
        size = int(header[-1])
        contents.append(out[end + 1:end + 1 + size])
        at = end + size + 2
    return contents


def changed_since(root, commit, judge=essence):
    """Returns the sources below `root` that changed since `commit`, as paths relative to it, sorted.

    Those of which the commit has a file that is the same to `judge` are not among them: by `essence` a file
    that was only moved, or whose #include and comment lines alone changed. Throws Unknown where this is no
    repository, or its history does not have the commit.
    """
    try:
        git(root, "cat-file", "-e", f"{commit}^{{commit}}")
    except Unknown:
        inside = git(root, "rev-parse", "--is-shallow-repository").strip()
        raise Unknown(f"the history {'is shallow and ' if inside == b'true' else ''}does not have "
                      f"the commit {commit}") from None
    different = names(git(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit))
    if any(name.split("/")[-1] == ".clang-tidy" for name in different):
        raise Unknown("a .clang-tidy changed")
    now = different + names(git(root, "ls-files", "-o", "--exclude-standard", "-z"))
    now = sorted({name for name in now if name.endswith(SUFFIXES) and (root / name).is_file()})
    kept = set(names(git(root, "ls-tree", "-r", "--name-only", "-z", commit)))
    before = [name for name in different if name.endswith(SUFFIXES) and name in kept]
    known = {judge(name, text) for name, text in zip(before, blobs(root, commit, before))} if before else set()
    return [name for name in now if judge(name, (root / name).read_bytes()) not in known]
