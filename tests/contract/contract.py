"""The server against its own OpenAPI document: no random request finds a difference, and clients made from the document do the
tour of docs/api.md.

    contract.py TOCSIN_BINARY [TEXT] [--time SECONDS]

It runs in the environment of python/environment.lock. Schemathesis sends single requests, and
sequences of them that use what answers gave. With --time it looks for so long, with a new seed, and at every part of the
document; without it a short look has a fixed seed.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests/e2e")]

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("text", nargs="?", default="")
parser.add_argument("--time", type=int, default=0)
given = parser.parse_args()
sys.argv[1:] = [given.binary, given.text]

import examples  # noqa: E402
import harness  # noqa: E402  it reads the arguments
from server_process import Server  # noqa: E402
from walk import walked  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TOCSIN_BUILD_DIR") or pathlib.Path(given.binary).resolve().parent)
SEQUENCES = 40  # of requests, of which each takes what the answers before it gave
TOUR_LIST = """
list blocked: string = []
rule of_blocked "A payment with a blocked card" { by card when payment where card in blocked alert "on card {card}" }
"""
NODE_MODULES = ROOT / "console/node_modules"
TOOLS = BUILD.parent / "tools/python/bin"


def run(*command, limit_s=120, **environment):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s,
                          env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", NO_COLOR="1", **environment))
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fast_server(**options):
    """One whose limits of rate nobody reaches."""
    harness.write("serve.toml", "[http]\nrequests_per_second = 100000\nrequests_burst = 100000\n")
    return Server("--config", "serve.toml", **options)


@harness.case
def whole_document():
    """the OpenAPI document names every operation, and each problem that there is; all pages go on alike"""
    with Server() as server:
        document = server.ask("GET", "/openapi.json").json
        assert document["openapi"] == "3.1.0" and document["info"]["version"] == server.ask("GET", "/v1/version").json["tocsin"]
        ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
        assert len(ids) == len(set(ids)) and "postEvents" in ids, ids
        for name in re.findall(r'"#/components/(\w+/[\w-]+)"', json.dumps(document)):
            kind, what = name.split("/")
            assert what in document["components"][kind], name
        # Every body of JSON is described; events are as the rules declare them.
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                bodies = [(status, answer.get("content", {})) for status, answer in operation["responses"].items()]
                if operation["operationId"] != "postEvents":
                    bodies.append(("request", operation.get("requestBody", {}).get("content", {})))
                for where, content in bodies:
                    for media, body in content.items():
                        assert body["schema"], (method, path, where, media)
        # There is one way of paging.
        schemas = document["components"]["schemas"]
        paged = {name for name, schema in schemas.items() if "next" in schema.get("properties", {})}
        assert {"AlertPage", "LatePage", "ProducerPage"} <= paged and not any("next" in schemas[name]["required"] for name in paged), paged
        for path, operations in document["paths"].items():
            for operation in operations.values():
                answer = json.dumps(operation["responses"].get("200", {}))
                if any(f'schemas/{name}"' in answer for name in paged):
                    assert {"limit", "cursor"} <= {parameter.get("name") for parameter in operation["parameters"]}, path


@harness.case
def whole_examples():
    """examples: every parameter, body and answer that needs one has one, which is as its schema says"""
    with Server() as server:
        harness.write("openapi.json", server.ask("GET", "/openapi.json").text)
        run(TOOLS / "python", HERE / "examples.py", "openapi.json")


@harness.case
def true_examples():
    """examples: a server takes what was recorded, and answers alike (with UPDATE_GOLDEN=1: they are recorded again)"""
    walk = walked()
    with Server(data="other") as server:
        new = examples.recorded_of(walk, server.ask("GET", "/openapi.json").json)
    old = json.loads(examples.FILE.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_GOLDEN") == "1":
        examples.FILE.write_text(examples.text_of(examples.updated(old, new)), encoding="utf-8")
        print(f"written: {examples.FILE}; a new build of the program has it")
        return
    found = examples.differences(old, new)
    assert not found, "\n".join(found) + f"\nwhere that is meant, this records it:\n{examples.COMMAND}"


@harness.case
def schemathesis_finds_nothing():
    """Schemathesis: no answer differs from the OpenAPI document"""
    seed = random.randrange(1 << 32) if given.time else 1
    phases = "examples,coverage,stateful" + (",fuzzing" if given.time else "")
    limits = ["--max-time", given.time] if given.time else ["--max-examples", SEQUENCES]
    with fast_server() as server:
        said = run(TOOLS / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run", f"http://127.0.0.1:{server.port}/openapi.json",
                   "-H", f"Authorization: Bearer {server.token}", "--phases", phases, "--seed", seed,
                   "--exclude-path", "/v1/alerts/stream", "--exclude-path", "/v1/stream", *limits, limit_s=given.time + 300,
                   SCHEMATHESIS_HOOKS="hooks", PYTHONPATH=str(HERE), TOCSIN_CONTRACT_WHOLE="1" if given.time else "")
        print(said[said.rindex("Test cases:"):])
        assert server.ask("GET", "/readyz").status == 200, "the server does not take events any more"
        server.end()


@contextlib.contextmanager
def tour_server():
    """One with the rules of docs/api.md, whose events are in events.ndjson and whose document in openapi.json."""
    page = (ROOT / "docs/api.md").read_text()
    rules = re.search(r"```tocsin file payments.tocsin\n(.*?)```", page, re.S).group(1) + TOUR_LIST
    harness.write("events.ndjson", re.search(r"```text events.ndjson\n(.*?)```", page, re.S).group(1))
    with fast_server(rules=rules) as server:
        harness.write("openapi.json", json.dumps(server.ask("GET", "/openapi.json").json))
        yield server
        server.end()


@harness.case
def a_generated_client_does_the_tour():
    """openapi-python-client: a client made from the document does the tour of docs/api.md"""
    with tour_server() as server:
        harness.write("client.yml", "project_name_override: tocsin-client\npackage_name_override: tocsin_client\npost_hooks: []\n")
        said = run(TOOLS / "openapi-python-client", "generate", "--path", "openapi.json", "--config", "client.yml", "--meta", "none",
                   "--output-path", "tocsin_client", PATH=f"{TOOLS}:{os.environ['PATH']}")
        # What it has no words for are bodies of text alone; no schema is beyond it.
        assert "Unable to process" not in said and "Could not find" not in said, said
        run(TOOLS / "python", HERE / "tour.py", f"http://127.0.0.1:{server.port}", server.token, PYTHONPATH=os.getcwd())


def a_typed_client_does_the_tour():
    """openapi-typescript: a client with the types of the document compiles, and does the tour"""
    with tour_server() as server:
        shutil.copy(HERE / "tour.ts", "tour.ts")
        os.symlink(NODE_MODULES, "node_modules")
        run("node", NODE_MODULES / "openapi-typescript/bin/cli.js", "openapi.json", "-o", "schema.d.ts")
        harness.write("tsconfig.json", json.dumps({"files": ["tour.ts"], "compilerOptions": {
            "strict": True, "noUncheckedIndexedAccess": True, "target": "es2022", "module": "esnext", "moduleResolution": "bundler",
            "skipLibCheck": True, "noEmit": True, "types": ["node"], "lib": ["es2022", "dom", "dom.iterable"]}}))
        run("node", NODE_MODULES / "typescript/bin/tsc", "-p", ".")
        run(NODE_MODULES / "esbuild/bin/esbuild", "tour.ts", "--bundle", "--platform=node", "--format=esm", "--outfile=tour.mjs")
        run("node", "tour.mjs", f"http://127.0.0.1:{server.port}", server.token)


def the_console_reads_what_there_is():
    """each member of an answer that the web console reads is in the document, as what it reads it"""
    openid = ("--openid-issuer", "https://a.example", "--openid-client", "tocsin", "--openid-server", "https://b.example")
    with fast_server(options=openid) as server:
        harness.write("openapi.json", json.dumps(server.ask("GET", "/openapi.json").json))
        server.end()
    print(run("node", HERE / "console_reads.mjs", ROOT / "console", "openapi.json").strip())
    # It finds a member that is left out, and one that is of another type.
    document = json.loads(pathlib.Path("openapi.json").read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]
    del schemas["Me"]["properties"]["dismiss_reasons"]
    schemas["PartialMatches"]["properties"]["uncounted"] = {"type": "string"}
    harness.write("less.json", json.dumps(document))
    said = subprocess.run(["node", HERE / "console_reads.mjs", ROOT / "console", "less.json"], text=True, capture_output=True, timeout=120,
                          check=False)
    assert said.returncode == 1, said
    found = [line for line in said.stdout.splitlines() if not line.endswith("not in the document")]
    assert {re.sub(r":\d+:", ":", line) for line in found} == {
        "src/api.ts: dismiss_reasons: no answer of its paths has it", "src/rule_screen.tsx: uncounted: read as number, and is string"}, found


if (NODE_MODULES / "openapi-typescript").exists():
    harness.case(a_typed_client_does_the_tour)
    harness.case(the_console_reads_what_there_is)
else:
    print("left out: the client in TypeScript; ./do setup console fetches what it needs")


if not (TOOLS / "schemathesis").exists():
    print("skipped: ./do setup python makes the environment that it needs\n0 passed, 0 failed")
    sys.exit(0)
harness.run_cases()
