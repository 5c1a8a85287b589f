#!/usr/bin/env python3
"""The Debian package of the program where systemd runs it: installed, served, killed, reconfigured, upgraded and removed.

    boot.py ROOT PACKAGE

ROOT is a root of the package's release with systemd, python3, curl and what the package depends on; it is changed. Its systemd
becomes process 1 of new namespaces, without a network but its own loopback. Needs root. Last line: N passed, N failed.
"""
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
START_S = 60  # of systemd, and of one step
TESTS = []
RULES = """event payment { ts: time, id: int id, card: string, amount: decimal(2) }
rule large "Large" { by card when payment where amount > 100 alert "{amount}" }
"""
EVENT = {"type": "payment", "ts": "2026-03-02T12:00:00Z", "id": 1, "card": "c", "amount": 250}
# What an earlier run may have left.
CLEAR = """dpkg -P tocsin 2>/dev/null || true
rm -rf /var/lib/tocsin /etc/tocsin /etc/systemd/system/tocsin.service.d /etc/tocsin.key
"""

# What stands where in the namespaces: nothing of this machine's but its devices without state.
MOUNTS = r"""set -euo pipefail
root="$1"
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
cd "$root"
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
exec env -i container=tocsin PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --show-status=false
"""


def case(function):
    TESTS.append(function)
    return function


class System:
    """A root whose systemd runs."""

    def __init__(self, root):
        self.home = root / "root"
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net", "--cgroup", "bash", "-c", MOUNTS, "boot",
             root], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.until(lambda: self.first() and self.state() in ("running", "degraded"), "systemd runs")

    def first(self):
        """Its process 1, by its number here; None before it is systemd."""
        assert self.process.poll() is None, self.process.stderr.read()
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8").split()
        if not children or pathlib.Path(f"/proc/{children[0]}/comm").read_text(encoding="utf-8") != "systemd\n":
            return None
        return children[0]

    def state(self):
        return self.run("systemctl is-system-running", code=None).strip()

    def run(self, script, code=0):
        done = subprocess.run(["nsenter", "--target", self.first(), "--all", "bash", "-c", f"set -eu\ncd /root\n{script}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
                              check=False, env=ENVIRONMENT)
        assert code is None or done.returncode == code, (script, done.returncode, done.stdout[-3000:], self.log())
        return done.stdout

    def log(self):
        return self.run("journalctl -b -u tocsin --no-pager -n 20", code=None)

    def until(self, holds, what):
        end = time.monotonic() + START_S
        while not holds():
            assert time.monotonic() < end, (what, self.log() if self.first() else "")
            time.sleep(0.1)

    def main_pid(self):
        return self.run("systemctl show --property MainPID --value tocsin").strip()

    def until_ready(self):
        self.until(lambda: self.run("curl -fs http://127.0.0.1:8627/readyz", code=None) == "ready\n", "the server is ready")

    def ask(self, path, *arguments):
        return self.run(f"curl -sS --fail-with-body -H \"Authorization: Bearer $(cat /var/lib/tocsin/admin-token)\" {' '.join(arguments)} "
                        f"http://127.0.0.1:8627{path}")

    def close(self):
        self.process.kill()
        self.process.wait()


@case
def installed(system):
    """the server starts with the installation, as its own user, and answers"""
    system.run("dpkg -i tocsin.deb")
    system.until_ready()
    assert system.run("systemctl is-enabled tocsin").strip() == "enabled"
    assert "alerts" in system.ask("/v1/alerts")
    assert system.run(f"stat -c %U /proc/{system.main_pid()}").strip() == "tocsin"
    assert system.run("stat -c '%a %U' /var/lib/tocsin").split() == ["700", "tocsin"]


@case
def confined(system):
    """the unit leaves it no capability, no new privilege, and no folder to write but its own"""
    status = system.run(f"cat /proc/{system.main_pid()}/status")
    assert re.search(r"^CapBnd:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M), status
    assert re.search(r"^Seccomp:\s+2$", status, re.M), status
    into = f"nsenter --target {system.main_pid()} --mount"
    system.run(f"{into} touch /var/lib/tocsin/written && rm /var/lib/tocsin/written")
    for folder in ("/usr", "/etc/tocsin", "/root"):
        assert system.run(f"{into} touch {folder}/written || echo refused").strip().endswith("refused"), folder


@case
def events_and_a_kill(system):
    """an event that was acknowledged is there after kill -9: systemd starts the server again"""
    (system.home / "pack.json").write_text(json.dumps({"files": {"rules.tocsin": RULES}}), encoding="utf-8")
    version = re.search(r"^etag: (\S+)", system.ask("/v1/pack", "-D", "-", "-o", "/dev/null"), re.M | re.I)[1]
    system.ask("/v1/pack", "-X", "PUT", "--data-binary", "@pack.json", "-H", "'Content-Type: application/json'", "-H",
               f"'If-Match: {version}'")
    (system.home / "events.ndjson").write_text(json.dumps(EVENT) + "\n", encoding="utf-8")
    system.ask("/v1/events", "--data-binary", "@events.ndjson", "-H", "'Content-Type: application/x-ndjson'")
    system.until(lambda: "large" in system.ask("/v1/alerts"), "the alert is there")
    before = system.main_pid()
    system.run(f"kill -9 {before}")
    system.until(lambda: system.main_pid() not in ("0", before), "systemd starts it again")
    system.until_ready()
    assert system.ask("/v1/alerts").count("\"large\"") == 1


@case
def wrong_settings(system):
    """settings that are wrong are said in the journal, and not tried for ever; put right, the server goes on"""
    system.run("cp -p /etc/tocsin/tocsin.toml kept.toml; echo 'http = 5' >> /etc/tocsin/tocsin.toml")
    system.run("systemctl restart tocsin", code=None)
    system.until(lambda: system.run("systemctl is-failed tocsin", code=None).strip() == "failed", "it has failed")
    assert "tocsin.toml" in system.log()
    time.sleep(3)  # longer than RestartSec
    assert system.run("systemctl is-failed tocsin").strip() == "failed"
    system.run("cp -p kept.toml /etc/tocsin/tocsin.toml; systemctl restart tocsin")
    system.until_ready()


@case
def a_key_from_systemd(system):
    """a key of systemd's credentials encrypts secrets, and signs the audit log"""
    system.run("tocsin secrets key /etc/tocsin.key; mkdir -p /etc/systemd/system/tocsin.service.d; printf '[Service]\\nLoadCredential="
               "tocsin-secrets-key:/etc/tocsin.key\\n' > /etc/systemd/system/tocsin.service.d/key.conf; systemctl daemon-reload; "
               "systemctl restart tocsin")
    system.until_ready()
    assert "signAudit" in system.ask("/v1/audit")
    system.run("systemctl stop tocsin; tocsin audit verify /var/lib/tocsin --key-file /etc/tocsin.key; systemctl start tocsin")
    system.until_ready()


@case
def upgraded(system):
    """an upgrade ends the server, keeps settings that were edited and data, and starts the new program"""
    system.run("echo '# edited here' >> /etc/tocsin/tocsin.toml")
    before, started = system.main_pid(), system.run("systemctl show --property NRestarts --value tocsin")
    system.run("dpkg -i --force-confold later.deb")
    system.until_ready()
    assert system.main_pid() != before and system.run("systemctl show --property NRestarts --value tocsin") <= started
    assert system.run("tail -n 1 /etc/tocsin/tocsin.toml").strip() == "# edited here"
    assert "large" in system.ask("/v1/alerts")


@case
def removed(system):
    """removed, the server ends in order, and events, alerts and settings stay; purged, the data does"""
    system.run("dpkg -r tocsin")
    assert system.run("systemctl is-active tocsin", code=None).strip() in ("inactive", "unknown")
    assert "tocsin" not in system.run("cat /proc/[0-9]*/comm", code=None).split()
    assert system.run("journalctl -b -u tocsin --no-pager -o cat | grep -v systemd | tail -n 5").splitlines().count("stopped") == 1
    system.run("test ! -e /usr/bin/tocsin; test -e /etc/tocsin/tocsin.toml; test -e /var/lib/tocsin/admin-token")
    assert "are kept" in system.run("dpkg -P tocsin")
    system.run("test ! -e /etc/tocsin; test -e /var/lib/tocsin/admin-token; getent passwd tocsin")


def main(root, package):
    root = pathlib.Path(root)
    home = root / "root"
    subprocess.run(["chroot", root, "bash", "-c", CLEAR], check=True, stdout=subprocess.DEVNULL)
    (home / "tocsin.deb").write_bytes(pathlib.Path(package).read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        # The same under a later version.
        later = pathlib.Path(folder) / "later"
        subprocess.run(["dpkg-deb", "-R", package, later], check=True)
        control = later / "DEBIAN" / "control"
        control.write_text(re.sub(r"^(Version: .*)$", r"\1+later", control.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", later, home / "later.deb"], check=True, stdout=subprocess.DEVNULL)
    passed = failed = 0
    with contextlib.closing(System(root)) as system:
        # Each goes on from what the one before left.
        for check in TESTS:
            try:
                check(system)
            except (AssertionError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAIL {check.__doc__}\n{error}")
                break
            passed += 1
            print(f"ok   {check.__doc__}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(1 if main(*sys.argv[1:]) else 0)
