"""The examples of the OpenAPI document (api/examples/examples.json): what a walk over a server sent and was answered (walk.py), made
short, with values that stay; and whether a document has all that it should have.

    examples.py OPENAPI_JSON     says what is missing or wrong in a document; it needs jsonschema
"""
import datetime
import json
import pathlib
import re
import sys

FILE = pathlib.Path(__file__).resolve().parents[2] / "api/examples/examples.json"
COMMAND = "UPDATE_GOLDEN=1 python3 tests/contract/contract.py build/release/tocsin examples"
# Answers that need no example: a page for browsers shows nothing as text.
NOT_SHOWN = {"text/html; charset=utf-8"}
# What only an answer gives; an example of it would be refused.
GIVEN_BY_ANSWERS = {"cursor"}
# Answers that several operations give alike: each has the example of one that was given it.
SHARED = {"Proposal": ("createSilence", "202"), "DeployWaits": ("patchPack", "202"), "Backtest": ("startBacktest", "202"),
          "Backup": ("startBackup", "202")}
TEXT_LINES, TEXT_CHARACTERS = 12, 800  # of an answer in text
ENTRIES = 2  # of a list
NOW = datetime.datetime(2026, 3, 2, 13, tzinfo=datetime.timezone.utc)
SAMPLE_TIMES = re.compile(r"^(2026-03-0[123]|2036-01-01)T")  # of the walk's own events and settings
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
RANDOM_ID = re.compile(r"\b(sub|sil|pro|msg|msg_test)_([0-9a-f]{24,32})\b")
FIXED = [(re.compile(r"\btocsin_[A-Za-z0-9_-]{43}"), "tocsin_" + "x" * 43), (re.compile(r"\bwhsec_[A-Za-z0-9+/]{43}="), "whsec_" + "A" * 43 + "="),
         (re.compile(r"\b\d{8}T\d{9}Z\b"), "20260302T130000000Z"),
         (re.compile(r"http://127\.0\.0\.1:\d+/alerts\b"), "https://hooks.example.com/alerts")]


class Fixed:
    """Puts values that stay in place of those that another walk has otherwise."""

    def __init__(self, began):
        self.began, self.ids = began, {}

    def time(self, match):
        if SAMPLE_TIMES.match(match[0]):
            return match[0]
        time = datetime.datetime.fromisoformat(match[0].replace("Z", "+00:00"))
        hours = round((time - self.began).total_seconds() / 3600)
        return (NOW + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def random_id(self, match):
        number = self.ids.setdefault(match[0], 1 + sum(name.startswith(match[1] + "_") for name in self.ids))
        return f"{match[1]}_{number:0{len(match[2])}x}"

    def text(self, text):
        for pattern, value in FIXED:
            text = pattern.sub(value, text)
        return RANDOM_ID.sub(self.random_id, TIME.sub(self.time, text))

    def value(self, value):
        if isinstance(value, dict):
            return {self.text(name): self.value(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self.value(one) for one in value]
        return self.text(value) if isinstance(value, str) else value


def short(value):
    """A JSON value whose lists have few entries."""
    if isinstance(value, dict):
        return {name: short(one) for name, one in value.items()}
    if isinstance(value, list):
        return [short(one) for one in value[:1 if value and isinstance(value[0], (dict, list)) else ENTRIES]]
    return value


def short_text(text):
    """The first lines of a text, but one at least."""
    kept, size = [], 0
    for line in text.splitlines(keepends=True)[:TEXT_LINES]:
        size += len(line)
        if kept and size > TEXT_CHARACTERS:
            break
        kept.append(line)
    return "".join(kept)


def schema_name(content):
    return content.get("schema", {}).get("$ref", "").rpartition("/")[2]


def operations_of(document):
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def needs_example(parameter):
    """Whether a parameter's form is not plain from its schema."""
    if parameter.get("in") == "path":
        return True
    is_text = parameter.get("schema", {}).get("type") == "string" and "enum" not in parameter["schema"]
    return parameter.get("in") == "query" and is_text and parameter["name"] not in GIVEN_BY_ANSWERS


def recorded_of(walk, document):
    """What is written down of a walk: the contents of FILE."""
    fixed = Fixed(walk.began)
    sent = {}  # (name, schema): a value of a parameter, for operations to which none was sent
    operations = {}
    for operation_id, operation in operations_of(document).items():
        kept = walk.operations.get(operation_id)
        if kept is None:
            continue
        parameters = fixed.value({name: value for name, value in kept["parameters"].items()})
        answers = {}
        for status, content in kept["answers"].items():
            for media, value in content.items():
                described = operation["responses"][status]["content"]
                media = media if media in described else media.split(";")[0]
                if media not in NOT_SHOWN:
                    value = short_text(value) if isinstance(value, str) else short(value)
                    answers.setdefault(status, {})[media] = fixed.value(value)
        operations[operation_id] = {"parameters": parameters, "body": fixed.value(kept["body"]), "answers": answers}
        for parameter in operation["parameters"]:
            if parameter.get("name") in parameters:
                sent.setdefault((parameter["name"], str(parameter["schema"])), parameters[parameter["name"]])
    for operation_id, kept in operations.items():
        for parameter in operations_of(document)[operation_id]["parameters"]:
            key = (parameter.get("name"), str(parameter.get("schema")))
            if needs_example(parameter) and key in sent:
                kept["parameters"].setdefault(parameter["name"], sent[key])
    shared = {}
    for name, (operation_id, status) in SHARED.items():
        shared[name] = operations[operation_id]["answers"].pop(status)["application/json"]
    return {"problem": fixed.value(walk.problem), "shared": shared, "operations": operations}


def shape(value):
    """The kind of a value and of its members; of a list that of its first entry."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def is_alike(one, other):
    """Whether two shapes are the same where both say something: null says nothing, nor does an empty list, nor a member that only
    one has. A schema says which members there must be, and which there may be."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(is_alike(part, other[name]) for name, part in one.items() if name in other)
    if isinstance(one, list) and isinstance(other, list):
        return not one or not other or is_alike(one[0], other[0])
    return "NoneType" in (one, other) or one == other


def updated(old, new):
    """The new examples; where an answer has the shape that it had, the old one stays, so that the file changes only with the API."""
    for operation_id, kept in new["operations"].items():
        before = old.get("operations", {}).get(operation_id, {}).get("answers", {})
        for status, content in kept["answers"].items():
            for media, value in content.items():
                stays = before.get(status, {}).get(media)
                if stays is not None and shape(stays) == shape(value):
                    content[media] = stays
    for name, value in new["shared"].items():
        stays = old.get("shared", {}).get(name)
        if stays is not None and shape(stays) == shape(value):
            new["shared"][name] = stays
    return new


def differences(old, new):
    """What a walk sent or was answered otherwise than is written down."""
    found = []
    for operation_id, kept in new["operations"].items():
        before = old["operations"].get(operation_id)
        if before is None:
            found.append(f"{operation_id} has no examples")
            continue
        for part in ("parameters", "body"):
            if before.get(part, {}) != kept[part]:
                found.append(f"{operation_id}: its {part} is not what was sent: {json.dumps(kept[part])[:300]}")
        for status, content in kept["answers"].items():
            for media, value in content.items():
                if not is_alike(shape(before.get("answers", {}).get(status, {}).get(media)), shape(value)):
                    found.append(f"{operation_id}: its answer {status} {media} has another shape: {json.dumps(value)[:300]}")
    found += [f"{operation_id} is not in the walk" for operation_id in old["operations"] if operation_id not in new["operations"]]
    found += [f"the shared {name} has another shape" for name, value in new["shared"].items()
              if not is_alike(shape(old["shared"].get(name)), shape(value))]
    return found


def text_of(examples):
    """The file: a line for each example, so that changes can be read."""
    def line(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    lines = []
    for operation_id, kept in examples["operations"].items():
        parts = [f'    "parameters": {line(kept["parameters"])}'] if kept["parameters"] else []
        if kept["body"]:
            parts.append('    "body": {\n' + ",\n".join(f"      {line(media)}: {line(value)}" for media, value in kept["body"].items()) + "\n    }")
        answers = [(status, content) for status, content in kept["answers"].items() if content]
        if answers:
            parts.append('    "answers": {\n' + ",\n".join(
                f'      "{status}": {{\n' + ",\n".join(f"        {line(media)}: {line(value)}" for media, value in content.items()) + "\n      }"
                for status, content in answers) + "\n    }")
        lines.append(f'    "{operation_id}": {{' + ("\n" + ",\n".join("  " + part.replace("\n", "\n  ") for part in parts) + "\n    }" if parts else "}"))
    shared = ",\n".join(f'    "{name}": {line(value)}' for name, value in examples["shared"].items())
    return (f'{{\n  "problem": {line(examples["problem"])},\n  "shared": {{\n{shared}\n  }},\n  "operations": {{\n'
            + ",\n".join(lines) + "\n  }\n}\n")


def gaps(document):
    """What a document lacks: each as `operation: what`."""
    found = []
    for operation_id, operation in operations_of(document).items():
        found += [f"{operation_id}: no example of the parameter {parameter['name']}" for parameter in operation["parameters"]
                  if needs_example(parameter) and "example" not in parameter]
        found += [f"{operation_id}: no example of the body in {media}" for media, content in
                  operation.get("requestBody", {}).get("content", {}).items() if not {"example", "examples"} & set(content)]
        for status, answer in operation["responses"].items():
            found += [f"{operation_id}: no example of the answer {status} in {media}" for media, content in answer.get("content", {}).items()
                      if status < "300" and media not in NOT_SHOWN and not {"example", "examples"} & set(content)]
    problem = document["components"]["responses"]["Problem"]["content"]["application/problem+json"]
    return found + ([] if "example" in problem else ["the response Problem: no example"])


def examples_in(document, content):
    """The values of the examples of a media type."""
    if "example" in content:
        yield content["example"]
    for one in content.get("examples", {}).values():
        yield document["components"]["examples"][one["$ref"].rpartition("/")[2]]["value"]


def faults(document):
    """Examples that are not what their schemas say. An answer's has no member that is not described."""
    import jsonschema

    from openapi_answers import close

    closed = json.loads(json.dumps(document["components"]["schemas"]))
    for schema in closed.values():
        close(schema)
    validators = {}

    def check(where, schema, value, is_answer):
        key = (str(schema), is_answer)
        if key not in validators:
            components = {"schemas": closed if is_answer else document["components"]["schemas"]}
            validators[key] = jsonschema.Draft202012Validator({**schema, "components": components},
                                                              format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
        found.extend(f"{where}: {error.json_path}: {error.message[:300]}" for error in validators[key].iter_errors(value))

    found = []
    for operation_id, operation in operations_of(document).items():
        for parameter in operation["parameters"]:
            if "example" in parameter:
                check(f"{operation_id}: the parameter {parameter['name']}", parameter["schema"], parameter["example"], False)
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            for value in examples_in(document, content):
                check(f"{operation_id}: the body in {media}", content["schema"], value, False)
        for status, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                for value in examples_in(document, content):
                    check(f"{operation_id}: the answer {status} in {media}", content["schema"], value, True)
    content = document["components"]["responses"]["Problem"]["content"]["application/problem+json"]
    for value in examples_in(document, content):
        check("the response Problem", content["schema"], value, True)
    return found


if __name__ == "__main__":
    sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "e2e")]
    read = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    said = gaps(read) + faults(read)
    if said:
        sys.exit("\n".join(said) + "\nwhat a new operation sends is a step in tests/contract/walk.py; then this records the examples, which are "
                 f"built into the program:\n{COMMAND}")
