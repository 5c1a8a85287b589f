#!/usr/bin/env python3
"""What a package says of the libraries in it: package_papers.py TOCSIN_BINARY FOLDER.

Writes FOLDER/tocsin.cdx.json, a CycloneDX 1.5 list of what the program was built with, and FOLDER/copyright: the licence of
Tocsin and those of the libraries of which code is compiled into it. Both are made of the packages of this machine and of the
program's own bytes; the time in them is SOURCE_DATE_EPOCH.
"""
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Of these, code of headers is in the program: packages, as scripts/packages.sh names them.
COMPILED_IN = ("libboost1.81-dev", "libboost1.83-dev", "libexpected-dev", "nlohmann-json3-dev", "libcli11-dev", "libxxhash-dev",
               "libfmt-dev", "libsimdjson-dev", "libcpp-httplib-dev", "libtomlplusplus-dev", "librocksdb-dev")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def installed(package):
    """Name, version, architecture and source of an installed package; None where it is not."""
    done = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}|${Package}|${Version}|${Architecture}|${source:Package}\n", package],
                          capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        status, *parts = line.split("|")
        if status == "installed":
            return parts
    return None


def libraries(binary):
    """Packages of the shared libraries that the program names itself."""
    named = set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-dW", binary)))
    packages = set()
    for line in output("ldd", binary).splitlines():
        found = re.match(r"\s*(\S+) => (/\S+)", line)
        if not found or found[1] not in named:
            continue
        # Where folders are merged into /usr the package may know another name.
        paths = {found[2], os.path.realpath(found[2])}
        paths |= {path.removeprefix("/usr") for path in paths if path.startswith("/usr/")}
        done = subprocess.run(["dpkg-query", "-S", *sorted(paths)], capture_output=True, text=True, check=False)
        packages |= {line.split(":")[0] for line in done.stdout.splitlines()}
    return packages


def copyright_of(package):
    return pathlib.Path("/usr/share/doc", package, "copyright")


def licence_of(package):
    """The licence of most of a package's files, as its copyright file names it; None where that is not in Debian's form."""
    path = copyright_of(package)
    if not path.exists():
        return None
    found = re.search(r"^Files: \*\n(?:.+\n)*?License: *(\S+)", path.read_text(encoding="utf-8", errors="replace"), re.M)
    return found[1] if found else None


def component(package, scope, distribution):
    name, version, architecture, source = installed(package)
    entry = {"type": "library", "name": name, "version": version, "scope": "required",
             "purl": f"pkg:deb/{distribution.split('-')[0]}/{name}@{version.replace(':', '%3A')}?arch={architecture}&distro={distribution}",
             "properties": [{"name": "tocsin:linked", "value": scope}, {"name": "tocsin:source", "value": source}]}
    if licence := licence_of(name):
        entry["licenses"] = [{"license": {"name": licence}}]
    return entry


def console_packages(binary):
    """Packages of npm whose code is in the web console of a program: name, version, licence and its text."""
    notices = pathlib.Path(binary).parent / "console" / "licences.txt.gz"
    if "console        built in" not in output(binary, "--version"):
        return []
    text = gzip.decompress(notices.read_bytes()).decode()
    return [re.match(r"(\S+) (\S+) \((.+?)\)\n\n([^\0]*)", part).groups() for part in re.split(r"\n-{80}\n\n", text)]


def npm_component(name, version, licence):
    return {"type": "library", "name": name, "version": version, "scope": "required",
            "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}", "licenses": [{"license": {"id": licence}}],
            "properties": [{"name": "tocsin:linked", "value": "console"}]}


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(pathlib.Path(binary).read_bytes()).hexdigest()
    version = output(binary, "--version").split()[1]
    release = dict(line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line)
    distribution = f"{release['ID']}-{release.get('VERSION_ID', '0')}".replace('"', "")
    compiled = sorted(package for package in COMPILED_IN if installed(package))
    linked = sorted(libraries(binary))
    time = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'tocsin {digest}')}",
        "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
                     "component": {"type": "application", "name": "tocsin", "version": version,
                                   "licenses": [{"license": {"id": "Apache-2.0"}}],
                                   "hashes": [{"alg": "SHA-256", "content": digest}]}},
        "components": [component(package, "headers", distribution) for package in compiled] +
                      [component(package, "shared", distribution) for package in linked] +
                      [npm_component(*parts[:3]) for parts in console_packages(binary)]}
    (folder / "tocsin.cdx.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    texts = ["Tocsin\n\n" + (ROOT / "LICENSE").read_text(encoding="utf-8"),
             "The program has code of the libraries below, as their headers are compiled into it. Libraries that it loads are\n"
             "packages of their own, each with its licence in /usr/share/doc/PACKAGE/copyright.\n"]
    for package in compiled:
        path = copyright_of(package)
        assert path.exists(), f"{package} has no copyright file"
        texts.append(f"{package} {installed(package)[1]}\n\n" + path.read_text(encoding="utf-8", errors="replace"))
    texts += [f"{name} {version}, in the web console\n\n{text}" for name, version, _, text in console_packages(binary)]
    (folder / "copyright").write_text(("\n" + "=" * 100 + "\n\n").join(texts), encoding="utf-8")


if __name__ == "__main__":
    main()
