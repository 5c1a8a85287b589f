"""A Kafka broker for the cases of tests/kafka, and what they do to its topics."""
import atexit
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "kafka_broker.sh"
TOOLS = ("kafka-topics.sh", "kafka-console-producer.sh", "kafka-console-consumer.sh", "kafka-consumer-groups.sh")
FETCH_LIMIT_S = 100
START_LIMIT_S = 60
PORTS = 3  # of a broker, one after the other: for clients, for itself, for clients with TLS and a password
USER, PASSWORD = "tocsin", "a-secret"
sys.path.insert(0, str(ROOT / "tests" / "e2e"))


def is_free(port):
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_ports():
    """The first of PORTS ports that were free a moment ago, below those that the system gives to others."""
    while True:
        port = random.randrange(15_000, 32_000)
        if all(is_free(port + i) for i in range(PORTS)):
            return port


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def reason_for_none(binary):
    """Why there can be no broker, or no program that reads one; None where both can be."""
    folder = pathlib.Path(binary).resolve().parent
    if folder.name in ("asan", "tsan"):
        return "not under the sanitizers"
    if not (folder / "tests" / "kafka_tool").exists():
        return "built without librdkafka; ./do setup kafka installs what it needs"
    try:
        done = subprocess.run(["bash", SCRIPT, "fetch"], capture_output=True, text=True, check=False, timeout=FETCH_LIMIT_S,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"the broker could not be fetched in {FETCH_LIMIT_S} s; ./do setup kafka tries again"
    if done.returncode == 0:
        return None
    return f"no broker can be had; ./do setup kafka installs what it needs: {' '.join(done.stderr.split())[-200:]}"


class Broker:
    """A broker with its data in a folder of its own. It ends with this process, however that ends."""

    def __init__(self, binary):
        self.tool = pathlib.Path(binary).resolve().parent / "tests" / "kafka_tool"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin_kafka_"))
        self.process = None
        atexit.register(self.remove)
        # So that what is registered is done.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.certificate = self.make_certificate()
        for last in (False, False, True):  # others look for ports too
            self.port = free_ports()
            self.address, self.secure_address = f"127.0.0.1:{self.port}", f"127.0.0.1:{self.port + 2}"
            if self.begin():
                return
            assert not last, self.log()

    def make_certificate(self):
        """A certificate of its own, or None: then there is no port with TLS."""
        if shutil.which("openssl") is None:
            return None
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        (self.folder / "broker.pem").write_bytes(key.read_bytes() + certificate.read_bytes())
        return certificate

    def properties(self):
        # One that was killed may come again once its session is over.
        properties = ["log.segment.delete.delay.ms=100", "message.max.bytes=4000000", "broker.session.timeout.ms=2500",
                      "broker.heartbeat.interval.ms=300"]
        if self.certificate:
            login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
            properties += [
                f"listeners=PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.port + 1},SECURE://{self.secure_address}",
                f"advertised.listeners=PLAINTEXT://{self.address},SECURE://{self.secure_address}",
                "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
                "sasl.enabled.mechanisms=PLAIN",
                f'listener.name.secure.plain.sasl.jaas.config={login} user_{USER}="{PASSWORD}";',
                "listener.name.secure.ssl.keystore.type=PEM",
                f"listener.name.secure.ssl.keystore.location={self.folder}/broker.pem"]
        return properties

    def begin(self):
        """Begins it on its ports; false where it ends by itself."""
        with open(self.folder / "broker.log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "bash", SCRIPT, "run", self.folder, str(self.port), *self.properties()],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + START_LIMIT_S
        while not answers(self.port):
            if self.process.poll() is not None:
                return False
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return True

    def log(self):
        return "the broker did not start:\n" + (self.folder / "broker.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def kill(self):
        """Ends it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def start_again(self):
        assert self.begin(), self.log()

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self):
        """What has Kafka's own tools in its path, and the broker's address for docs_examples.py."""
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        for name in TOOLS:
            (tools / name).write_text(f'#!/bin/bash\nexec bash "{SCRIPT}" tool {name} "$@"\n', encoding="utf-8")
            (tools / name).chmod(0o755)
        return {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "KAFKA_BROKER_HERE": self.address}

    def attempt(self, *arguments, stdin=b""):
        return subprocess.run([self.tool, self.address, *map(str, arguments)], input=stdin, capture_output=True, check=False,
                              timeout=180)

    def tries(self, *arguments):
        """Whether it could be done."""
        return self.attempt(*arguments).returncode == 0

    def do(self, *arguments, stdin=b""):
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "replace")

    def create(self, topic, partitions=1):
        self.do("create", topic, partitions)

    def produce(self, topic, messages, batch=0):
        """Messages are pairs of a partition and a value: text, bytes, or None for a tombstone."""
        text = b"".join(b"%d\t%s\n" % (partition, encode(value)) for partition, value in messages)
        self.do("produce", topic, *([batch] if batch else []), stdin=text)

    def committed(self, group, topic, partitions):
        return [int(line) for line in self.do("committed", group, topic, partitions).split()]


def encode(value):
    if value is None:
        return b"\\N"
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    return encode(value.encode()) if "\n" in value else value.encode()
