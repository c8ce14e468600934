#!/usr/bin/python3
"""serve.py MAILCHECK FOLDER: talks to `mailcheck serve` and prints TAP lines."""
import concurrent.futures
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

MAILCHECK, FOLDER = sys.argv[1:3]
ASAN = "asan" in os.environ.get("MAILCHECK_VARIANT", "")
failed = False
number = 0


def ok(name, good, *what):
    global failed
    print(("ok - " if good else "not ok - ") + name)
    if not good:
        failed = True
        for line in what:
            print("# %r" % (line,))
    sys.stdout.flush()


def same(name, got, wanted):
    ok(name, got == wanted, got, wanted)


class Service:
    """One process; its port is chosen by the kernel."""

    def __init__(self, *options, store=None, program=(MAILCHECK,), **more):
        global number
        number += 1
        self.log = os.path.join(FOLDER, "serve.%d.err" % number)
        command = [*program, "serve", "-v", "--pace", "off", "--timeout", "3s", "--listen",
                   "127.0.0.1:0", *options]
        command += ["--store", store] if store else ["--no-store"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL, **more)
        until = time.monotonic() + 20
        while True:
            found = re.search(r"listening on http://127.0.0.1:(\d+)/", self.said())
            if found:
                self.port = int(found.group(1))
                break
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit("not ok - serve began\n# " + self.said())
            time.sleep(0.01)

    def said(self):
        with open(self.log) as log:
            return log.read()

    def ask(self, method, path, body=None, headers=None, timeout=30):
        """(status, headers, JSON or text, seconds)"""
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        is_json = reply.headers.get("Content-Type") == "application/json"
        return (reply.status, reply.headers, json.loads(text) if is_json and text else text,
                time.monotonic() - began)

    def check(self, email, headers=None, **fields):
        query = urllib.parse.urlencode({"email": email, **fields}, quote_via=urllib.parse.quote)
        return self.ask("GET", "/v1/check?" + query, headers=headers)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def raw(self, data):
        """All that comes back until the other side closes."""
        with self.connect() as s:
            try:
                s.sendall(data)
            except OSError:
                pass
            return drain(s)

    def metric(self, name):
        return float(re.search(r"^mailcheck_%s (\S+)" % re.escape(name),
                               self.ask("GET", "/metrics")[2], re.M).group(1))

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(30)


def drain(s):
    got = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return got
            got += more
    except OSError:
        return got


def settled(service, email, **fields):
    """The verdict, however long it takes."""
    while True:
        answer = service.check(email, deadline="20s", **fields)
        if answer[0] != 202:
            return answer


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


def test_malformed(service):
    first = lambda data: service.raw(data).split(b"\r\n")[0]
    for name, data, wanted in (
            ("TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", b"HTTP/1.1 400 Bad Request"),
            ("no Host", b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
            ("two lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding:"
             b" chunked\r\n\r\n0\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
            ("HTTP/3.0", b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
             b"HTTP/1.1 505 HTTP Version Not Supported"),
            ("much too long a line", b"GET /" + b"x" * 200000 + b" HTTP/1.1\r\n\r\n",
             b"HTTP/1.1 431 Request Header Fields Too Large"),
            ("many headers", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000,
             b"HTTP/1.1 431 Request Header Fields Too Large"),
            ("a length of 1 GB", b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000"
             b"\r\n\r\n", b"HTTP/1.1 413 Payload Too Large")):
        same("malformed: " + name, first(data), wanted)
    two = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 3 + \
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    same("requests one behind the other", service.raw(two).count(b"HTTP/1.1 200 OK"), 4)
    with service.connect() as s:
        s.sendall(b"POST /v1/check HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                  b"Content-Length: 40\r\nConnection: close\r\n\r\n")
        same("Expect", s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(b'{"email":"a@b.example","depth":"syntax"}')
        ok("and the answer", drain(s).startswith(b"HTTP/1.1 200 OK"))


def test_huge_body(service):
    """1 GB in chunks whose end nobody announced: refused early, whoever goes on sending."""
    sent, s = 0, service.connect()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    try:
        s.sendall(b"POST /v1/bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        while sent < 1 << 30:
            s.sendall(chunk)
            sent += 65536
    except OSError:
        pass
    got = drain(s)
    s.close()
    ok("a body of 1 GB: 413, or cut off, after little of it", sent < 32 << 20 and
       (not got or got.startswith(b"HTTP/1.1 413")), sent, got[:100])


def test_deadline(service):
    """200 questions for servers that are silent; a form asks meanwhile."""
    silent = ["ann%d@silent-banner.example" % i for i in range(200)]
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        waiting = [pool.submit(service.check, email, deadline="2500ms") for email in silent]
        while service.metric("questions_waiting") < 200:
            time.sleep(0.01)
        began = time.monotonic()
        known = service.check("live.one@pipelining.example")
        cold = service.check("live.three@pipelining.example", deadline="800ms")
        pending = service.check("someone@silent-banner.example", deadline="100ms")
        took = time.monotonic() - began
        same("while 200 wait: a known verdict", (known[0], known[2]["reason"]), (200, "accepted"))
        same("... a new one", (cold[0], cold[2]["reason"]), (200, "accepted"))
        same("... pending by its deadline",
             (pending[0], pending[2]["pending"], pending[2]["status"]), (202, True, "unknown"))
        ok("... all three in time", took < (5 if ASAN else 1.5), took)
        answers = [w.result() for w in waiting]
    same("the 200 are pending", {a[0] for a in answers} | {a[2]["pending"] for a in answers},
         {202, True})
    ok("at their deadline", all(2.4 < a[3] < 6 for a in answers),
       min(a[3] for a in answers), max(a[3] for a in answers))
    probes = service.metric("smtp_recipients_total")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        same("20 who ask the same", {a[2]["reason"] for a in pool.map(
            lambda _: settled(service, "live.one@slow.example"), range(20))}, {"accepted"})
    ok("share its probe", service.metric("smtp_recipients_total") - probes <= 2)


def test_slow_and_many(service):
    """Clients that dribble, and 2,000 that say nothing."""
    loris = []
    for _ in range(200):
        s = service.connect()
        s.sendall(b"GET /v1/check?email=")
        loris.append(s)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    idle = [service.connect() for _ in range(min(2000, min(hard, 8192) - 300))]
    slowest = max(service.check("live.one@pipelining.example")[3] for _ in range(50))
    ok("%d connections, 200 of them half a request: the others are answered" % (len(idle) + 200),
       slowest < 2, slowest)
    began = time.monotonic()
    until = began + 30
    open_ones = set(loris)
    while open_ones and time.monotonic() < until:
        for s in list(open_ones):
            try:  # a byte now and then buys no time
                s.sendall(b"x")
                s.settimeout(0.001)
                if s.recv(1) == b"":
                    open_ones.discard(s)
            except TimeoutError:
                pass
            except OSError:
                open_ones.discard(s)
        time.sleep(0.2)
    took = time.monotonic() - began
    ok("a request that dribbles in is cut off after 10 s", not open_ones and took < 15, took)
    for s in loris + idle:
        s.close()


def test_greedy(service):
    """One client that sends requests without end, others that do not read their answers."""
    over = threading.Event()

    def flood():
        with service.connect() as s:
            request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 1000
            reader = threading.Thread(target=drain, args=(s,))
            reader.start()
            while not over.is_set():
                s.sendall(request)
            s.shutdown(socket.SHUT_RDWR)
            reader.join()

    body = json.dumps({"emails": ["ann%d@b.example" % i for i in range(1000)], "depth": "syntax"})
    deaf = []
    for _ in range(20):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", service.port))
        s.sendall(b"POST /v1/bulk HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                  b"Content-Length: %d\r\n\r\n%s" %
                  (len(body), body.encode()))
        deaf.append(s)
    flooding = threading.Thread(target=flood)
    flooding.start()
    slowest = max(service.check("live.one@pipelining.example")[3] for _ in range(20))
    ok("a client that floods: the others are answered", slowest < 2, slowest)
    over.set()
    flooding.join()
    for s in deaf:
        s.settimeout(30)
    got = drain(deaf[0])
    ok("who reads late gets all of it, if it is within 10 s", got.endswith(b"}]\n"), len(got))
    for s in deaf:
        s.close()


def test_cap():
    service = Service("--connections", "50", "--offline")
    crowd = [service.connect() for _ in range(300)]
    same("more connections than there may be: the next is answered",
         service.check("a@b.example")[2]["reason"], "not_probed")
    ok("the others stay under the cap", service.metric("http_connections") <= 50)
    for s in crowd:
        s.close()
    same("SIGINT", service.end(signal.SIGINT), 0)


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
    for name, headers in (("a wrong key", bearer("mck_" + "x" * 32)), ("no key at all", bearer("x")),
                          ("another scheme", {"Authorization": "Basic eDp5"})):
        for path in ("/v1/check?depth=syntax&email=a@b.example", "/v1/check", "/v1/nothing"):
            answer = service.ask("GET", path, headers={**headers, **who("192.0.2.2")})
            ok("%s, %s: never 200" % (name, path), answer[0] in (401, 404), answer)
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
    same("no counts through a proxy", service.ask("GET", "/metrics", headers=who("192.0.2.6"))[0],
         404)
    with open(keys, "w") as file:
        file.write(lines.splitlines()[1] + "\n")
    service.process.send_signal(signal.SIGHUP)
    while "keys read again" not in service.said():
        time.sleep(0.01)
    same("a key that was taken away", service.check(email, bearer(shop))[0], 401)
    same("one that stays", service.check(email, bearer(poor), deadline="5s")[0], 200)
    service.end()
    ok("no address in the log", "@" not in service.said(), service.said()[-500:])


def test_this_host(service):
    """Where there are no keys, only this host's own programs may have servers asked."""
    email = "live.one@pipelining.example"
    for name, headers in (("another name", {"Host": "evil.example"}),
                          ("a page of another site", {"Origin": "https://evil.example"}),
                          ("a proxy", {"X-Forwarded-For": "127.0.0.1"}),
                          ("another proxy", {"Forwarded": "for=127.0.0.1"})):
        same("by way of %s: DNS only" % name, service.check(email, headers)[2]["reason"],
             "not_probed")
    same("from our own page", service.check(
        email, {"Origin": "http://localhost:%d" % service.port})[2]["reason"], "accepted")


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
    service.end(signal.SIGKILL)
    service = Service(store=store)
    again = [service.check(verdict["email"])[2] for verdict in known]
    same("killed: no verdict that was given is lost",
         [(v["reason"], v["source"]) for v in again], [(v["reason"], "store") for v in known])
    service.end()


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
    test_malformed(service)
    test_huge_body(service)
    test_this_host(service)
    test_deadline(service)
    test_greedy(service)
    slow = threading.Thread(target=test_slow_and_many, args=(service,))
    slow.start()
    test_cap()
    test_keys()
    test_end()
    test_service_manager()
    slow.join()
    same("SIGTERM", service.end(), 0)
    ok("nothing said but what was done", "warning" not in service.said(), service.said()[-500:])
    sys.exit(failed)


main()
