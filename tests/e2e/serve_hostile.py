#!/usr/bin/python3
"""serve_hostile.py MAILCHECK FOLDER: clients that are slow, big, many or malformed, and that the
others are answered meanwhile."""
import concurrent.futures
import json
import os
import resource
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(__file__))
from service import ASAN, Service, drain, end, ok, same, settled  # noqa: E402


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


def main():
    service = Service()
    settled(service, "live.one@pipelining.example")
    test_malformed(service)
    test_huge_body(service)
    test_deadline(service)
    test_greedy(service)
    test_cap()
    test_slow_and_many(service)
    same("SIGTERM", service.end(), 0)
    ok("nothing said but what was done", "warning" not in service.said(), service.said()[-500:])
    end()


main()
