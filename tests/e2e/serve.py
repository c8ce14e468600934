#!/usr/bin/python3
"""serve.py MAILCHECK FOLDER: what `mailcheck serve` answers, and to whom."""
import concurrent.futures
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from service import FOLDER, MAILCHECK, Service, drain, end, ok, same, settled  # noqa: E402


def test_answers(service):
    status, headers, verdict, _ = settled(service, "live.one@pipelining.example")
    same("a live mailbox", (status, verdict["status"], verdict["reason"], verdict["source"]),
         (200, "deliverable", "accepted", "probe"))
    same("the fields of a verdict", list(verdict), [
        "status", "reason", "score", "email", "suggestion", "role", "disposable", "free",
        "catch_all", "provider", "mx", "smtp", "source", "checked_at"])
    same("its types", (verdict["score"], verdict["role"], verdict["suggestion"]), (95, False, None))
    same("nobody keeps it", headers["Cache-Control"], "no-store")
    same("a dead one", settled(service, "dead.one@pipelining.example")[2]["reason"],
         "no_such_mailbox")
    same("a catch-all", settled(service, "anybody@catchall.example")[2]["reason"], "catch_all")
    same("no address", service.check("no address")[2]["reason"], "invalid_syntax")
    same("a plus is a plus",
         service.ask("GET", "/v1/check?depth=syntax&email=a+b@plain.example")[2]["email"],
         "a+b@plain.example")
    same("a suggestion", service.check("ann@gmial.com", depth="syntax")[2]["suggestion"],
         "ann@gmail.com")
    same("DNS decides at once", service.check("ann@nullmx.example")[2]["reason"], "null_mx")
    same("depth dns", service.check("live.two@plain.example", depth="dns")[2]["reason"],
         "not_probed")
    same("depth dns asks no server", (service.check("nobody@plain.example", depth="dns")[2]["mx"]),
         "mx.plain.example")
    answer = service.ask("POST", "/v1/check", json.dumps({"email": "live.one@plain.example",
                                                          "deadline": "5s"}))
    same("POST /v1/check", (answer[0], answer[2]["reason"]), (200, "accepted"))
    answer = service.ask("HEAD", "/v1/check?email=a@plain.example&depth=syntax")
    same("HEAD", (answer[0], answer[2]), (200, ""))
    emails = ["live.one@pipelining.example", "x", "dead.one@pipelining.example", "ann@nullmx.example"]
    answer = service.ask("POST", "/v1/bulk", json.dumps(emails))
    same("POST /v1/bulk", (answer[0], [v["reason"] for v in answer[2]]),
         (200, ["accepted", "invalid_syntax", "no_such_mailbox", "null_mx"]))
    answer = service.ask("POST", "/v1/bulk", json.dumps({"emails": ["a@b.example"] * 1000,
                                                         "depth": "syntax"}))
    same("1000 addresses", (answer[0], len(answer[2])), (200, 1000))
    same("none", service.ask("POST", "/v1/bulk", "[]")[2], [])


def test_wrong_questions(service):
    for name, method, path, body, wanted in (
            ("no email", "GET", "/v1/check", None, 400),
            ("two emails", "GET", "/v1/check?email=a&email=b", None, 400),
            ("a broken escape", "GET", "/v1/check?email=%zz", None, 400),
            ("a deadline of nothing", "GET", "/v1/check?email=a&deadline=soon", None, 400),
            ("a deadline of an hour", "GET", "/v1/check?email=a&deadline=1h", None, 400),
            ("a depth there is not", "GET", "/v1/check?email=a&depth=deep", None, 400),
            ("no JSON", "POST", "/v1/check", "{", 400),
            ("no body", "POST", "/v1/check", None, 400),
            ("JSON of another kind", "POST", "/v1/check", "[]", 400),
            ("an email that is a number", "POST", "/v1/check", '{"email":1}', 400),
            ("a deadline that is a number", "POST", "/v1/check", '{"email":"a","deadline":1}', 400),
            ("a bulk of numbers", "POST", "/v1/bulk", "[1]", 400),
            ("a bulk of nothing", "POST", "/v1/bulk", "{}", 400),
            ("deep JSON", "POST", "/v1/bulk", "[" * 100000, 400),
            ("1001 addresses", "POST", "/v1/bulk", json.dumps(["a"] * 1001), 413),
            ("elsewhere", "GET", "/v1/nothing", None, 404),
            ("PUT", "PUT", "/v1/check", "", 405),
            ("GET /v1/bulk", "GET", "/v1/bulk", None, 405),
            ("POST /healthz", "POST", "/healthz", "", 405)):
        answer = service.ask(method, path, body)
        ok("%s: %d" % (name, wanted), answer[0] == wanted and "error" in answer[2], answer)


def test_keys():
    keys = os.path.join(FOLDER, "keys")
    make = lambda name: subprocess.run([MAILCHECK, "serve", "--keys", keys, "--make-key", name],
                                       check=True, capture_output=True, text=True).stdout.strip()
    shop, poor = make("shop"), make("poor")
    same("the file of keys is for its owner", os.stat(keys).st_mode & 0o777, 0o600)
    with open(keys) as file:
        lines = file.read()
    ok("and holds no key", shop not in lines and poor not in lines)
    with open(keys, "w") as file:
        file.write("# ours\n" + lines.replace("rate=600 budget=0", "rate=600 budget=5"))
    service = Service("--keys", keys, "--rate", "30", "--cors", "https://shop.example",
                      "--trusted-proxy", "127.0.0.1")
    bearer = lambda key: {"Authorization": "Bearer " + key}
    who = lambda address: {"X-Forwarded-For": "198.51.100.1, " + address}
    email = "live.one@pipelining.example"
    same("with a key: the server is asked",
         service.check(email, bearer(shop), deadline="5s")[2]["reason"], "accepted")
    same("or so", service.check(email, {"X-Api-Key": shop}, deadline="5s")[2]["reason"], "accepted")
    same("without: DNS only", service.check(email, who("192.0.2.1"))[2]["reason"], "not_probed")
    same("and no deeper", service.check(email, who("192.0.2.1"), depth="smtp")[0], 401)
    wrong = {"a wrong key": bearer("mck_" + "x" * 32), "no key at all": bearer("x"),
             "an empty one": {"Authorization": "Bearer "}, "another": {"X-Api-Key": ""},
             "another scheme": {"Authorization": "Basic eDp5"}}
    paths = [("GET", path) for path in (
        "/v1/check?depth=syntax&email=a@b.example", "/v1/check", "/v1/nothing", "/", "/healthz",
        "/metrics", "/v1/openapi.json")] + [("POST", "/v1/bulk"), ("OPTIONS", "/v1/check")]
    for name, headers in wrong.items():
        codes = [service.ask(method, path, headers={**headers, **who("192.0.2.%d" % (100 + i))})[0]
                 for i, (method, path) in enumerate(paths)]
        same("%s: never 200" % name, codes, [401] * len(paths))
    codes = [service.check("a@b.example", {**bearer("x"), **who("192.0.2.2")})[0]
             for _ in range(40)]
    same("who tries keys must wait", (codes[:30], codes[30:]), ([401] * 30, [429] * 10))
    same("a bulk counts as many", service.ask("POST", "/v1/bulk", json.dumps(["a@b.example"] * 4),
                                              bearer(shop))[0], 429)
    same("until the day's budget is spent",
         [service.check("a@b.example", bearer(shop))[0] for _ in range(4)], [200, 200, 200, 429])
    ok("it is a long wait", 0 < int(service.check("a@b.example", bearer(shop))[1]["Retry-After"])
       <= 86400)
    same("another key has its own", service.check("a@b.example", bearer(poor))[0], 200)
    ask = lambda address: service.check("a@b.example", who(address), depth="syntax")
    codes = [ask("192.0.2.3")[0] for _ in range(40)]
    same("a client's rate", (codes[:30], codes[30:]), ([200] * 30, [429] * 10))
    ok("Retry-After", 1 <= int(ask("192.0.2.3")[1]["Retry-After"]) <= 60)
    same("another client has his own", ask("192.0.2.4")[0], 200)
    page = {"Origin": "https://shop.example", **who("192.0.2.5")}
    same("CORS", service.check("a@b.example", page)[1]["Access-Control-Allow-Origin"],
         "https://shop.example")
    answer = service.ask("OPTIONS", "/v1/check", headers={
        **page, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization"})
    same("preflight", (answer[0], answer[1]["Access-Control-Allow-Methods"]), (204, "GET, POST"))
    page["Origin"] = "https://other.example"
    same("not for others", service.check("a@b.example", page)[1]["Access-Control-Allow-Origin"],
         None)
    answer = service.ask("OPTIONS", "/v1/check", headers={
        **page, "Access-Control-Request-Method": "POST"})
    same("nor their preflight", [answer[1]["Access-Control-Allow-" + what]
                                 for what in ("Origin", "Methods", "Headers")], [None] * 3)
    page["Origin"] = "https://shop.example"
    refused = service.check("a@b.example", {**page, **bearer("x")})
    same("a page may read why it is refused", (refused[0], refused[1]["Access-Control-Allow-Origin"]),
         (401, "https://shop.example"))
    same("no counts through a proxy", service.ask("GET", "/metrics", headers=who("192.0.2.6"))[0],
         404)
    with open(keys, "w") as file:
        file.write(lines.splitlines()[1] + "\n")
    service.process.send_signal(signal.SIGHUP)
    while "keys read again" not in service.said():
        time.sleep(0.01)
    same("a key that was taken away", service.check(email, bearer(shop))[0], 401)
    same("one that stays", service.check(email, bearer(poor), deadline="5s")[0], 200)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(service.check, "ann@silent-banner.example", bearer(poor), deadline="1s")
        while service.metric("questions_waiting") < 1:
            time.sleep(0.01)
        with open(keys, "w") as file:
            file.write("# nobody\n")
        read = service.said().count("keys read again")
        service.process.send_signal(signal.SIGHUP)
        while service.said().count("keys read again") == read:
            time.sleep(0.01)
        same("one that goes while its question waits", waiting.result()[0], 202)
    ok("and is not named any more", not re.search("status=202.*key=poor", service.said()))
    with open(keys, "w") as file:
        file.write("poor nonsense\n")
    service.process.send_signal(signal.SIGHUP)
    while "the keys stay as they were" not in service.said():
        time.sleep(0.01)
    with open(keys, "w") as file:
        file.write("#" * (1 << 20) + "\n")
    service.process.send_signal(signal.SIGHUP)
    while "larger than" not in service.said():
        time.sleep(0.01)
    same("and of files that make no sense", service.check(email)[0], 200)
    service.end()
    ok("no address in the log", "@" not in service.said(), service.said()[-500:])


def test_this_host(service):
    """Where there are no keys, only this host's own programs may have servers asked."""
    email = "live.one@pipelining.example"
    for name, headers in (("another name", {"Host": "evil.example"}),
                          ("a page of another site", {"Origin": "https://evil.example"}),
                          ("a proxy", {"X-Forwarded-For": "127.0.0.1"}),
                          ("another proxy", {"Forwarded": "for=127.0.0.1"}),
                          ("one that says little", {"X-Real-IP": "192.0.2.1"})):
        same("by way of %s: DNS only" % name, service.check(email, headers)[2]["reason"],
             "not_probed")
    # as nginx does it that was told no more than "proxy_pass http://127.0.0.1:8025"
    nginx = b"GET %s HTTP/1.0\r\nHost: 127.0.0.1:8025\r\nConnection: close\r\n\r\n"
    ok("a proxy that says nothing: DNS only", b'"reason":"not_probed"' in
       service.raw(nginx % (b"/v1/check?email=" + email.encode())))
    ok("and no counts", service.raw(nginx % b"/metrics").startswith(b"HTTP/1.1 404"))
    same("from our own page", service.check(
        email, {"Origin": "http://localhost:%d" % service.port})[2]["reason"], "accepted")
    proxied = Service("--trusted-proxy", "127.0.0.1")
    same("a host that is a proxy is not a program of this host",
         proxied.check(email)[2]["reason"], "not_probed")
    proxied.end()


def test_listen():
    """Two addresses, one of IPv6; clients of both are of this host."""
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", 0))
        port = s.getsockname()[1]
    service = Service("--listen", "127.0.0.1:0,[::1]:%d" % port)
    connection = http.client.HTTPConnection("::1", port, timeout=20)
    connection.request("GET", "/v1/check?deadline=20s&email=live.one@pipelining.example")
    same("IPv6", json.loads(connection.getresponse().read())["reason"], "accepted")
    same("and IPv4", settled(service, "live.one@pipelining.example")[2]["reason"], "accepted")
    service.end()


def test_no_oracle():
    """What the owner knows is his: strangers learn nothing from the store or the suppress list."""
    store, lists = os.path.join(FOLDER, "oracle.db"), os.path.join(FOLDER, "lists")
    os.mkdir(lists)
    with open(os.path.join(lists, "suppress.txt"), "w") as file:
        file.write("gone@pipelining.example\nnullmx.example\n")
    service = Service("--lists", lists, store=store)
    stranger = {"X-Forwarded-For": "192.0.2.1"}
    known = ("live.one@pipelining.example", "dead.one@pipelining.example",
             "anybody@catchall.example", "gone@pipelining.example", "x@nullmx.example")
    same("the owner learns", [settled(service, email)[2]["reason"] for email in known],
         ["accepted", "no_such_mailbox", "catch_all", "suppressed", "suppressed"])
    never = ["else.%d@%s" % (i, email.split("@")[1]) for i, email in enumerate(known)]
    tell = ("status", "reason", "score", "catch_all", "smtp", "source", "suggestion", "role")
    for depth in ("syntax", "dns"):
        answers = [[{f: v[f] for f in tell} for v in service.ask(
            "POST", "/v1/bulk", json.dumps({"emails": emails, "depth": depth, "deadline": "20s"}),
            stranger)[2]] for emails in (known, never)]
        same("depth %s: a stranger is told of them what he is told of anybody" % depth, *answers)
        same("depth %s: the owner sees his list" % depth, [
            settled(service, email, depth=depth)[2]["reason"] for email in known[3:]],
            ["suppressed"] * 2)
    service.end()


def test_pending():
    """202, the work goes on, and the same question is answered from what it found."""
    store = os.path.join(FOLDER, "pending.db")
    service = Service(store=store)
    email = "live.late@slow.example"
    first = service.check(email, deadline="0ms")
    same("at a deadline of nothing: what is known", (first[0], first[2]["pending"],
         first[2]["status"], first[2]["reason"]), (202, True, "unknown", "not_probed"))
    while service.metric('questions_waiting') or not service.metric("addresses_remembered"):
        time.sleep(0.01)
    until = time.monotonic() + 20
    while True:
        again = service.check(email, deadline="0ms")
        if again[0] == 200 or time.monotonic() > until:
            break
        time.sleep(0.02)
    same("the work went on with nobody waiting", (again[0], again[2]["reason"]), (200, "accepted"))
    bulk = service.ask("POST", "/v1/bulk", json.dumps({"emails": [
        email, "late@silent-banner.example", "x"], "deadline": "300ms"}))
    same("a bulk is as late as its latest", (bulk[0], [v.get("pending") for v in bulk[2]],
         [v["reason"] for v in bulk[2]]),
         (202, [None, True, None], ["accepted", "not_probed", "invalid_syntax"]))
    ok("by its deadline", 0.29 < bulk[3] < 3, bulk[3])
    service.end()
    service = Service(store=store)
    again = service.check(email, deadline="0ms")
    same("and the store has it", (again[0], again[2]["reason"], again[2]["source"]),
         (200, "accepted", "store"))
    service.end()


def test_end():
    """SIGTERM answers what is under way; what was answered outlives a kill."""
    store = os.path.join(FOLDER, "serve.db")
    service = Service(store=store)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        slow = pool.submit(service.check, "ann@silent-banner.example", deadline="1500ms")
        while service.metric("questions_waiting") < 1:
            time.sleep(0.01)
        kept = service.connect()
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        kept.recv(1000)
        service.process.send_signal(signal.SIGTERM)
        same("SIGTERM closes idle connections", drain(kept), b"")
        try:
            service.connect().close()
            ok("accepts no more", False)
        except OSError:
            ok("accepts no more", True)
        same("answers what is under way", slow.result()[0], 202)
    same("and ends well", service.process.wait(30), 0)
    service = Service(store=store)
    known = [settled(service, "%s.%d@pipelining.example" % (kind, i))[2]
             for kind in ("live", "dead") for i in range(20)]

    def go_on_asking(number):
        try:
            for i in range(1000):
                answer = service.check("live.w%d.%d@pipelining.example" % (number, i))
                if answer[0] == 200:
                    known.append(answer[2])
        except OSError:
            pass

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(go_on_asking, number) for number in range(8)]
        while len(known) < 100:
            time.sleep(0.001)
        service.end(signal.SIGKILL)  # in the midst of it
        for a in asking:
            a.exception()
    service = Service(store=store)
    again = [service.check(verdict["email"])[2] for verdict in known]
    same("killed: no verdict that was given is lost",
         [(v["reason"], v["source"]) for v in again], [(v["reason"], "store") for v in known])
    service.end()


def test_log():
    """However much is said, no address is, unless that was asked for."""
    for options, wanted in ((["-v", "-v"], False), (["--log-addresses"], True)):
        service = Service(*options)
        for email in ("live.secret@pipelining.example", "dead.secret@pipelining.example",
                      "no.secret address"):
            settled(service, email)
        service.ask("POST", "/v1/bulk", json.dumps(["live.secret@plain.example"]))
        service.ask("GET", "/v1/check?email=bad.secret%zz@b.example")
        service.ask("POST", "/v1/check", '{"email": "bad.secret@b.example"')
        service.raw(b"GET /v1/check?email=bad.secret@b.example HTTP/9\r\n\r\n")
        service.end()
        same("addresses in the log, %s" % options, "secret" in service.said(), wanted)


def test_service_manager():
    """The socket is passed on; the manager is told when we are ready, alive and ending."""
    path = os.path.join(FOLDER, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, socket.socket() as passed:
        manager.bind(path)
        manager.settimeout(20)
        passed.bind(("127.0.0.1", 0))
        passed.listen()
        # as systemd does it: from descriptor 3 on, with the number of the process itself
        service = Service("--offline", program=["/bin/bash", "-c",
                          'exec 3<&%d; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"' %
                          passed.fileno(), MAILCHECK],
                          pass_fds=[passed.fileno()],
                          env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"})
        same("the socket passed on is used", service.port, passed.getsockname()[1])
        same("and answers", service.check("a@b.example")[0], 200)
        said = [manager.recv(100) for _ in range(3)]
        same("the manager hears", said, [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"])
        service.end()
        said = b""
        while said in (b"", b"WATCHDOG=1"):
            said = manager.recv(100)
        same("until the end", said, b"STOPPING=1")


def main():
    service = Service()
    test_answers(service)
    test_wrong_questions(service)
    test_this_host(service)
    test_listen()
    test_no_oracle()
    test_pending()
    test_keys()
    test_end()
    test_log()
    test_service_manager()
    same("SIGTERM", service.end(), 0)
    ok("nothing said but what was done", "warning" not in service.said(), service.said()[-500:])
    end()


main()
