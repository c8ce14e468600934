#!/usr/bin/python3
"""serve_openapi.py MAILCHECK FOLDER SCHEMA: the OpenAPI document is one, by the schema of those who
make the standard, and every answer of the service is as the document says."""
import json
import os
import re
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(__file__))
from service import FOLDER, MAILCHECK, Service, drain, end, ok, same  # noqa: E402

import jsonschema  # noqa: E402


def as_json_schema(node):
    """OpenAPI 3.0's own "nullable" in the words of JSON Schema."""
    if isinstance(node, list):
        return [as_json_schema(n) for n in node]
    if not isinstance(node, dict):
        return node
    node = {name: as_json_schema(value) for name, value in node.items()}
    if node.pop("nullable", False):
        node["type"] = [node["type"], "null"]
    return node


class Document:
    def __init__(self, text):
        self.document = as_json_schema(json.loads(text))
        self.seen = {}

    def find(self, node):
        while "$ref" in node:
            target = self.document
            for name in node["$ref"].split("/")[1:]:
                target = target[name]
            node = target
        return node

    def operations(self):
        return {(method.upper(), path): sorted(operation["responses"])
                for path, methods in self.document["paths"].items()
                for method, operation in methods.items()}

    def judge(self, method, path, status, kind, body):
        """An answer: what is wrong with it, or nothing."""
        self.seen.setdefault((method, path), set()).add(str(status))
        operation = self.document["paths"][path][method.lower()]
        if str(status) not in operation["responses"]:
            return "%d is not foreseen" % status
        content = self.find(operation["responses"][str(status)])["content"]
        if kind.split(";")[0] not in content:
            return "nor is " + kind
        schema = {**content[kind.split(";")[0]]["schema"],
                  "components": self.document["components"]}
        errors = jsonschema.Draft4Validator(schema).iter_errors(body)
        return "; ".join(error.message for error in errors)


def ask_all(service, document, cases):
    for method, path, body, headers, status in cases:
        answer = service.ask(method, path, body, headers)
        wrong = document.judge(method, path.split("?")[0], answer[0], answer[1]["Content-Type"],
                               answer[2])
        ok("%s %s %s: %d, as foreseen" % (method, path[:60], (body or "")[:40], status),
           answer[0] == status and not wrong, answer[0], wrong, answer[2])


def ask_while_it_ends(service, document, questions):
    """Requests whose last byte comes when the service has been told to end."""
    waiting = []
    for method, path, body in questions:
        s = service.connect()
        s.sendall(b"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r" % (
            method.encode(), path.encode(), len(body)))
        waiting.append(s)
    service.metric("http_connections")  # by then they have been read
    service.process.terminate()
    while "ending" not in service.said():
        pass
    for s, (method, path, body) in zip(waiting, questions):
        s.sendall(b"\n" + body.encode())
        head, _, text = drain(s).decode().partition("\r\n\r\n")
        wrong = document.judge(method, path.split("?")[0], int(head[9:12]),
                               re.search("Content-Type: (.*)\r", head).group(1), json.loads(text))
        ok("%s %s while it ends: 503, as foreseen" % (method, path),
           head[9:12] == "503" and not wrong, head, wrong, text)


def names_of(source, macro):
    with open(source) as file:
        return re.findall(macro, file.read(), re.M)


def main():
    keys = FOLDER + "/openapi.keys"
    key = subprocess.run([MAILCHECK, "serve", "--keys", keys, "--make-key", "shop"], check=True,
                         capture_output=True, text=True).stdout.strip()
    service = Service("--keys", keys, "--rate", "1", "--trusted-proxy", "127.0.0.1")
    text = service.ask("GET", "/v1/openapi.json")[2]
    text = json.dumps(text)
    with open(sys.argv[3]) as schema:
        errors = jsonschema.Draft4Validator(json.load(schema)).iter_errors(json.loads(text))
    same("it is an OpenAPI 3.0 document", [error.message for error in errors], [])
    document = Document(text)
    verdict = document.document["components"]["schemas"]["verdict"]["properties"]
    same("with all reasons", verdict["reason"]["enum"],
         names_of("src/verdict/verdict.h", r'^ *X\([A-Z0-9_]+, *"([a-z0-9_]+)"'))
    good = {"Authorization": "Bearer " + key}
    stranger = lambda number: {"X-Forwarded-For": "192.0.2.%d" % number}
    wrong = lambda number: {"X-Api-Key": "x", **stranger(number)}
    query = lambda email, **more: "/v1/check?" + urllib.parse.urlencode({"email": email, **more})
    bulk = lambda *emails, **more: json.dumps({"emails": emails, **more})
    ask_all(service, document, [
        ("GET", query("live.one@pipelining.example", deadline="20s"), None, good, 200),
        ("GET", query("any@catchall.example", deadline="20s"), None, good, 200),
        ("GET", query("dead.one@pipelining.example", deadline="20s"), None, good, 200),
        ("GET", query("admin@gmial.com", depth="syntax"), None, good, 200),
        ("GET", query("\xff\0<>\u2028"), None, good, 200),
        ("GET", query(""), None, good, 200),
        ("GET", query("ann@silent-banner.example", deadline="0ms"), None, good, 202),
        ("GET", "/v1/check", None, good, 400),
        ("GET", query("x"), None, wrong(1), 401),
        ("GET", query("x"), None, stranger(2), 200),
        ("GET", query("x"), None, stranger(2), 429),
        ("POST", "/v1/check", '{"email": "live.one@pipelining.example"}', good, 200),
        ("POST", "/v1/check", '{"email": "eve@silent-banner.example", "deadline": "0ms"}', good, 202),
        ("POST", "/v1/check", '{"email": 1}', good, 400),
        ("POST", "/v1/check", '{"email": "x", "depth": "smtp"}', stranger(3), 401),
        ("POST", "/v1/check", " " * 600000, good, 413),
        ("POST", "/v1/check", '{"email": "x"}', wrong(1), 429),
        ("POST", "/v1/bulk", '["x", "live.one@pipelining.example", "\\u0000@\\ud83d\\ude00"]', good, 200),
        ("POST", "/v1/bulk", "[]", good, 200),
        ("POST", "/v1/bulk", bulk("x", "bob@silent-banner.example", deadline="0ms"), good, 202),
        ("POST", "/v1/bulk", bulk(1), good, 400),
        ("POST", "/v1/bulk", bulk("x"), wrong(4), 401),
        ("POST", "/v1/bulk", bulk(*["x"] * 1001), good, 413),
        ("POST", "/v1/bulk", bulk("x"), stranger(4), 429),
        ("GET", "/healthz", None, {}, 200),
        ("GET", "/healthz", None, wrong(5), 401),
        ("GET", "/healthz", None, wrong(5), 429),
        ("GET", "/metrics", None, {}, 200),
        ("GET", "/metrics", None, {"Via": "1.1 proxy"}, 404),
        ("GET", "/metrics", None, wrong(6), 401),
        ("GET", "/metrics", None, wrong(6), 429)])
    service.end()
    service = Service("--keys", keys)
    ask_while_it_ends(service, document, [
        ("GET", query("x@y.example"), ""), ("POST", "/v1/check", '{"email": "x@y.example"}'),
        ("POST", "/v1/bulk", "[]"), ("GET", "/healthz", "")])
    service.process.wait(20)
    same("all that is foreseen was seen, and nothing else",
         {what: sorted(codes) for what, codes in document.seen.items()}, document.operations())
    end()


main()
