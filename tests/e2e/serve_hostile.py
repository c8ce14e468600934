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


HOST = b"Host: localhost\r\n"
POST = b"POST /v1/check HTTP/1.1\r\n" + HOST
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
BEHIND = GET + b"\r\n"  # what a smuggler would have us take for a request of its own
MALFORMED = (
    ("TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", 400),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("nothing but NULs", b"\0" * 5000, 400),
    ("noise", bytes(range(255, 0, -1)) * 20, 400),
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", GET + b"Host: evil.example\r\n\r\n", 400),
    ("a length and chunks",
     POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + BEHIND, 400),
    ("chunks and a length",
     POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + BEHIND, 400),
    ("two lengths", POST + b"Content-Length: 0\r\nContent-Length: 99\r\n\r\n" + BEHIND, 400),
    ("twice the same", POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + BEHIND, 400),
    ("a list of lengths", POST + b"Content-Length: 0, 99\r\n\r\n" + BEHIND, 400),
    ("a length below nothing", POST + b"Content-Length: -1\r\n\r\n" + BEHIND, 400),
    ("a length beyond all numbers", POST + b"Content-Length: 18446744073709551616\r\n\r\n", 400),
    ("a length with a blank before its colon", POST + b"Content-Length : 99\r\n\r\n" + BEHIND, 400),
    ("a length on two lines", POST + b"Content-Length: 0\r\n 99\r\n\r\n" + BEHIND, 400),
    ("almost chunks", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + BEHIND, 400),
    ("chunks of HTTP/1.0",
     b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + BEHIND, 400),
    ("a chunk of no size", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BEHIND, 400),
    ("a chunk beyond all numbers",
     POST + b"Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n" + BEHIND, 400),
    ("bare line feeds", b"GET /healthz HTTP/1.1\nHost: localhost\n\n" + BEHIND, 400),
    ("one of them", GET + b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + BEHIND, 400),
    ("a bare carriage return", GET + b"X: y\rTransfer-Encoding: chunked\r\n\r\n" + BEHIND, 400),
    ("a NUL in a header", GET + b"X: a\0b\r\n\r\n" + BEHIND, 400),
    ("a NUL in the target", b"GET /healthz\0 HTTP/1.1\r\n" + HOST + b"\r\n" + BEHIND, 400),
    ("a header without a name", GET + b": x\r\n\r\n" + BEHIND, 400),
    ("a header without a colon", GET + b"X\r\n\r\n" + BEHIND, 400),
    ("a tunnel", b"CONNECT localhost:25 HTTP/1.1\r\n" + HOST + b"\r\n" + BEHIND, 400),
    ("a method there is not", b"BREW /v1/check HTTP/1.1\r\n" + HOST + b"\r\n" + BEHIND, 400),
    ("HTTP/3.0", b"GET / HTTP/3.0\r\n" + HOST + b"\r\n" + BEHIND, 505),
    ("no version", b"GET /\r\n\r\n", 505),
    ("much too long a line", b"GET /" + b"x" * 200000 + b" HTTP/1.1\r\n\r\n", 431),
    ("a huge header", GET + b"X: " + b"x" * 200000 + b"\r\n\r\n", 431),
    ("many headers", GET + b"A: b\r\n" * 20000, 431),
    ("a length of 1 GB", POST + b"Content-Length: 1000000000\r\n\r\n", 413),
)


def test_malformed(service):
    wrong = []
    for name, data, status in MALFORMED:
        got = service.raw(data)  # and so the connection was closed
        if not got.startswith(b"HTTP/1.1 %d " % status) or got.count(b"HTTP/1.1 ") != 1:
            wrong.append((name, got[:300]))
    ok("%d malformed requests: one refusal each, and nothing behind them is read" % len(MALFORMED),
       not wrong, *wrong)
    chunks = service.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n27;x=y\r\n"
                         b'{"email":"a@b.example","depth":"syntax"\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n' +
                         BEHIND)
    same("chunks are taken, and nothing behind them",
         (chunks.count(b"HTTP/1.1 "), chunks[:15], chunks.endswith(b'}\n')),
         (1, b"HTTP/1.1 200 OK", True))
    two = BEHIND * 3 + GET + b"Connection: close\r\n\r\n"
    same("requests one behind the other", service.raw(two).count(b"HTTP/1.1 200 OK"), 4)
    ok("a request whose client says no more", half_closed(service).startswith(b"HTTP/1.1 200 OK"))
    with service.connect() as s:
        s.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 40\r\nConnection: close\r\n\r\n")
        same("Expect", s.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(b'{"email":"a@b.example","depth":"syntax"}')
        ok("and the answer", drain(s).startswith(b"HTTP/1.1 200 OK"))


def half_closed(service):
    with service.connect() as s:
        s.sendall(b"GET /v1/check?deadline=200ms&email=ann@silent-banner.example HTTP/1.1\r\n" + HOST +
                  b"\r\n")
        s.shutdown(socket.SHUT_WR)
        return drain(s).replace(b" 202 Accepted", b" 200 OK")


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
    """Clients that dribble, clients that do not read, and 10,000 that say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    slow = []
    for begin in (b"GET /v1/check?email=", POST + b"X: ", POST + b"Content-Length: 400000\r\n\r\n",
                  POST + b"Transfer-Encoding: chunked\r\n\r\n40000\r\n"):
        for _ in range(50):
            s = service.connect()
            s.sendall(begin)
            slow.append(s)
    body = json.dumps({"emails": ["ann%d@b.example" % i for i in range(1000)], "depth": "syntax"})
    question = POST.replace(b"check", b"bulk") + b"Content-Length: %d\r\n\r\n%s" % (
        len(body), body.encode())
    deaf = []
    for _ in range(20):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", service.port))
        s.sendall(question)
        s.setblocking(False)
        try:
            while True:  # as much as it takes, and no answer is read
                s.send(question)
        except BlockingIOError:
            deaf.append(s)
    began, late = time.monotonic(), service.metric("http_timeouts_total")
    idle = [service.connect() for _ in range(min(10000, hard - 500))]
    slowest = max(service.check("live.one@pipelining.example")[3] for _ in range(50))
    ok("%d connections, 200 of them half a request, 20 deaf: the others are answered" %
       (len(idle) + 220), slowest < 2, slowest)
    ok("within the cap", service.metric("http_connections") <= 10000)
    open_ones = set(slow)
    while (open_ones or service.metric("http_timeouts_total") < late + 20) and \
            time.monotonic() < began + 40:
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
    ok("a request that dribbles in is cut off after 10 s, and so is who reads no answer",
       not open_ones and took < 20, took)
    for s in slow + idle + deaf:
        s.close()


def memory(service):
    with open("/proc/%d/status" % service.process.pid) as status:
        return [int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS")][0]


def test_hoard():
    """Bodies that never end and answers that are never read: memory is bounded, others answered."""
    service = Service("--offline")
    part = POST.replace(b"check", b"bulk") + b"Content-Length: 524288\r\n\r\n" + b" " * 500000
    emails = json.dumps(["%s%d@b.example" % ("a" * 60, i) for i in range(1000)]).encode()
    whole = POST.replace(b"check", b"bulk") + b"Content-Length: %d\r\n\r\n%s" % (len(emails), emails)
    hoard = []
    for data in [part] * 200 + [whole] * 1200:
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", service.port))
        s.settimeout(0.02)
        try:
            s.sendall(data)
        except OSError:  # it has been closed, or takes no more
            pass
        hoard.append(s)
    answer = service.check("ann@b.example")
    same("while others hoard memory: an answer", (answer[0], answer[2]["reason"]), (200, "not_probed"))
    ok("and memory has its bounds", ASAN or memory(service) < 160, memory(service))
    for s in hoard:
        s.close()
    service.end()


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
    test_hoard()
    test_slow_and_many(service)
    same("SIGTERM", service.end(), 0)
    ok("nothing said but what was done", "warning" not in service.said(), service.said()[-500:])
    end()


main()
