"""What Schemathesis leaves out of a run over the server's OpenAPI document. OpenAPI has no words for these."""
import os

import schemathesis

# Values that only an answer gives: what a page calls `next`. Others are refused, as they are meant to be.
GIVEN_BY_ANSWERS = {"cursor"}
# Parameters of which a request has one.
EXCLUSIVE = [{"severity", "least_severity"}]
# Headers that the router reads for every operation in one way: a short run looks at them in one operation.
OF_ALL = {"#/components/parameters/X-Request-Id", "#/components/parameters/traceparent"}
# Operations that are another one with another name: a short run looks at one of them.
TWINS = {"/v1/alerts/export": "/v1/alerts", "/v1/dead": "/v1/late",
         "/v1/tables/{table}": "/v1/lists/{list}", "/v1/tables/{table}/rows": "/v1/lists/{list}/entries"}


# Bodies of lines, which Schemathesis has no words for: examples.py sends them.
LINES = {"application/x-ndjson", "application/ndjson"}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            for media in LINES & set(content):
                del content[media]
    if os.environ.get("TOCSIN_CONTRACT_WHOLE"):
        return
    for twin, path in TWINS.items():
        assert path in raw_schema["paths"]
        del raw_schema["paths"][twin]
    for path, operations in raw_schema["paths"].items():
        for operation in operations.values():
            if path != "/v1/version":
                operation["parameters"] = [one for one in operation["parameters"] if one.get("$ref") not in OF_ALL]


@schemathesis.hook
def filter_case(context, case):
    if not case.meta.generation.mode.is_positive:
        return True
    query = set(case.query or {})
    if query & GIVEN_BY_ANSWERS or any(query >= names for names in EXCLUSIVE):
        return False
    # No text of a path or query holds a NUL.
    if any("\0" in str(value) for value in (*(case.query or {}).values(), *(case.path_parameters or {}).values())):
        return False
    # A body that was not packed is none that can be unpacked.
    if "Content-Encoding" in (case.headers or {}):
        return False
    # A profile takes as long as it says, a second at least.
    return case.operation.path != "/v1/profile"
