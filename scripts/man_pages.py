#!/usr/bin/env python3
"""Manual pages of the program and its commands, made of what --help says: man_pages.py TOCSIN_BINARY FOLDER.

The date of the pages is SOURCE_DATE_EPOCH, so that one program gives one set of bytes.
"""
import datetime
import os
import pathlib
import re
import subprocess
import sys

COLUMN = 2  # where a row of options or commands begins


def help_of(binary, words):
    environment = {**os.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8"}
    return subprocess.run([binary, *words, "--help"], check=True, capture_output=True, text=True, env=environment).stdout


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def sections(text):
    """Pairs of a title, '' for prose between others, and its lines."""
    parts = [("", [])]
    for line in text.splitlines():
        title = re.fullmatch(r"([A-Z][a-z]+(?: [a-z]+)?):", line)
        if title:
            parts.append((title[1], []))
        elif line and not line.startswith(" ") and parts[-1][0] and parts[-1][1][-1:] == [""]:
            parts.append(("", [line]))
        else:
            parts[-1][1].append(line)
    return parts


def rows(lines):
    """Rows of two columns, as pairs; None where the lines are no such rows."""
    found = []
    for line in lines:
        if not line:
            continue
        begin = len(line) - len(line.lstrip(" "))
        if begin == COLUMN:
            name, _, text = line.strip().partition("  ")
            found.append([name, text.strip()])
        elif begin > 10 and found:
            found[-1][1] = f"{found[-1][1]} {line.strip()}".strip()
        else:
            return None
    return found


def as_rows(found):
    return [part for name, text in found for part in (".TP", f"\\fB{escaped(name)}\\fR", escaped(text) or "\\&")]


def as_text(lines):
    return [".nf", *(escaped(line) for line in lines), ".fi"]


def prose(lines):
    """Paragraphs; what is indented stays as it is."""
    out, paragraph = [], []

    def end():
        if paragraph:
            kept = any(line.startswith(" ") for line in paragraph)
            out.extend(as_text(paragraph) if kept else [escaped(line) for line in paragraph])
            out.append(".PP")
            paragraph.clear()
    for line in [*lines, ""]:
        if line:
            paragraph.append(line)
        else:
            end()
    return out[:-1] if out[-1:] == [".PP"] else out


def page(binary, words, date, version):
    text = help_of(binary, words)
    name = "-".join(["tocsin", *words])
    parts = sections(text)
    first = parts[0][1]
    usage = next(place for place, line in enumerate(first) if line.startswith("Usage: "))
    summary = " ".join(line for line in first[:usage] if line)
    out = [f'.TH {name.upper()} 1 "{date}" "tocsin {version}" "Tocsin"', ".SH NAME", f"{escaped(name)} \\- {escaped(summary.rstrip('.'))}",
           ".SH SYNOPSIS", escaped(first[usage].removeprefix("Usage: "))]
    arguments = [line for line in first[usage + 1:] if line]
    if arguments:
        out += [".SH ARGUMENTS", *(as_rows(rows(arguments)) if rows(arguments) else as_text(arguments))]
    commands = []
    for title, lines in parts[1:]:
        while lines and not lines[-1]:
            lines = lines[:-1]
        if not lines:
            continue
        found = rows(lines)
        out.append(f".SH {escaped((title or 'description').upper())}")
        if title == "Commands":
            commands = [row[0] for row in found]
        out += (prose(lines) if not title else as_rows(found) if found and title != "Examples" else as_text(lines))
    others = [] if not words else [f"\\fBtocsin{'-'.join(['', *words[:-1]])}\\fR(1)"]
    others += [f"\\fB{escaped('-'.join([name, command]))}\\fR(1)" for command in commands]
    if others:
        out += [".SH SEE ALSO", ",\n".join(others)]
    return "\n".join(out) + "\n", commands


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    date = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%d")
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
    waiting = [[]]
    while waiting:
        words = waiting.pop()
        text, commands = page(binary, words, date, version)
        (folder / f"{'-'.join(['tocsin', *words])}.1").write_text(text, encoding="utf-8")
        waiting += [[*words, command] for command in commands]


if __name__ == "__main__":
    main()
