"""Whether a server's answers are those of the OpenAPI document that it serves."""
import re

try:
    import jsonschema
except ImportError:
    jsonschema = None  # bodies are then not compared with their schemas

# Of HTTP itself; the document describes the others.
HTTP_HEADERS = {"connection", "content-length", "content-type", "date", "keep-alive", "server", "transfer-encoding"}
# Of requests, which every client sends, or has in the document as its security or media types.
CLIENT_HEADERS = HTTP_HEADERS | {"accept", "accept-encoding", "authorization", "cookie", "expect", "forwarded", "host", "origin",
                                 "sec-fetch-site", "tocsin-console", "user-agent", "x-forwarded-for", "x-forwarded-groups",
                                 "x-forwarded-proto", "x-forwarded-user"}

# What is said of a target that is no operation, before there is one.
NO_OPERATION = {400, 401, 404, 405, 413, 414, 431, 501, 505}


def close(schema):
    """Lets an object have only the members that are described: a client may be told more, a test may not."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


class Document:
    def __init__(self, document):
        self.document = document
        for schema in document["components"]["schemas"].values():
            close(schema)
        self.validators = {}
        self.paths = [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$"), path, operations)
                      for path, operations in document["paths"].items()]
        self.paths.sort(key=lambda entry: entry[1].count("{"))  # the most precise first

    def check(self, method, target, answer):
        """Fails where an answer's status, media type or body is not in the document."""
        found = self.find(method, target)
        if found is None:
            assert answer.status in NO_OPERATION, f"the document has no operation {method} {target}: {answer}"
            return
        where = f"{method} {found[0]} {answer.status}"
        response = found[1]["responses"].get(str(answer.status))
        assert response is not None, f"{where}: the document has no such status: {answer}"
        response = self.resolve(response)
        self.check_headers(where, response.get("headers", {}), answer.headers, HTTP_HEADERS)
        media = answer.headers.get("Content-Type")
        content = response.get("content", {})
        if media is None:
            assert not answer.text and (not content or answer.status == 304), f"{where}: the body lacks its type: {answer}"
            return
        schema = content.get(media, content.get(media.split(";")[0]))
        assert schema is not None, f"{where}: {media} is none of {list(content)}"
        if jsonschema is not None and answer.json is not None:
            self.check_body(where, schema.get("schema", {}), answer.json)

    def check_headers(self, where, described, headers, others):
        names = {name.lower() for name in described}
        for name in headers:
            is_attribute = name.lower().startswith("ce-")  # of an event: CloudEvents names its own
            assert is_attribute or name.lower() in names | others, f"{where}: the document has no header {name}"

    def check_request(self, method, target, headers):
        """Fails where a request that is answered well has a header that is not in the document."""
        operation = self.find(method, target)[1]
        described = [self.resolve(parameter) for parameter in operation.get("parameters", ())]
        self.check_headers(f"{method} {target}", {one["name"] for one in described if one["in"] == "header"}, headers, CLIENT_HEADERS)

    def find(self, method, target):
        path, method = target.split("?")[0], method.lower()
        return next(((name, operations[method]) for pattern, name, operations in self.paths
                     if pattern.match(path) and method in operations), None)

    def check_body(self, where, schema, body):
        validator = self.validators.get(str(schema))
        if validator is None:
            whole = dict(schema, components=self.document["components"])
            jsonschema.Draft202012Validator.check_schema(whole)
            validator = self.validators[str(schema)] = jsonschema.Draft202012Validator(whole)
        for error in validator.iter_errors(body):
            raise AssertionError(f"{where}: {error.json_path}: {error.message}")

    def resolve(self, node):
        if "$ref" in node:
            place = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                place = place[part]
            return place
        return node
