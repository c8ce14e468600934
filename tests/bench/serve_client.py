#!/usr/bin/python3
"""What the bench of `serve` asks; see parts/serve.sh.

wait [PORT]           until somebody listens
know FILE             asks about the addresses of a list until all have their verdict
one FILE              the answer for the first of them
idle COUNT PID        so many connections that have asked once and wait: the process's KiB
dns COUNT RESOLVER    COUNT new domains: 99th percentile of ours less that of the resolver alone, ms
probe COUNT           COUNT new mailboxes, one after the other: 99th percentile less that of asking
                      for what is known, ms
"""
import json
import resource
import socket
import struct
import sys
import time

PORT = 8025


class Client:
    def __init__(self, port=PORT):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, path, body=None):
        self.socket.sendall(("%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
            "POST" if body else "GET", path, len(body or ""), body or "")).encode())
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(self.rest) < length:
            self.more()
        text, self.rest = self.rest[:length], self.rest[length:]
        return int(head[9:12]), text.decode()

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            sys.exit("serve_client: the connection was closed")
        self.rest += got


def wait(port=PORT):
    until = time.monotonic() + 20
    while True:
        try:
            Client(int(port)).socket.close()
            return
        except OSError:
            if time.monotonic() > until:
                sys.exit("serve_client: nobody listens")
            time.sleep(0.01)


def addresses(path):
    with open(path) as file:
        return [line.strip() for line in file if "@" in line]


def know(path):
    client, emails = Client(), addresses(path)
    for at in range(0, len(emails), 200):
        while True:
            status, text = client.ask("/v1/bulk", json.dumps(
                {"emails": emails[at:at + 200], "deadline": "30s"}))
            if status == 200:
                break
        known = {verdict["reason"] for verdict in json.loads(text)}
        if known != {"accepted"}:
            sys.exit("serve_client: %s" % known)


def one(path):
    print(Client().ask("/v1/check?email=" + addresses(path)[0])[1].strip())


def idle(count, pid):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = [Client() for _ in range(int(count))]
    for client in clients:
        client.ask("/v1/check?depth=syntax&email=ann@example.com")
    with open("/proc/%s/status" % pid) as status:
        print([line.split()[1] for line in status if line.startswith("VmRSS")][0])


def percentile(times):
    return sorted(times)[int(len(times) * 0.99)] * 1000


def took(function, *args):
    began = time.perf_counter()
    function(*args)
    return time.perf_counter() - began


def dns(count, resolver):
    """Two names of each number: one asks us, one the resolver, in turn."""
    client = Client()
    direct = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    direct.settimeout(10)

    def ask_resolver(number):
        name = b"".join(struct.pack("B", len(p)) + p for p in (b"y%d" % number, b"bench")) + b"\0"
        direct.sendto(struct.pack(">6H", number & 0xffff, 0x100, 1, 0, 0, 0) + name +
                      struct.pack(">2H", 15, 1), (resolver, 53))
        direct.recv(4096)

    for number in range(64):  # the hosts are known, so that each domain is one question
        client.ask("/v1/check?depth=dns&deadline=20s&email=ann@d%d.bench" % number)
    ours, theirs = [], []
    for number in range(64, 64 + int(count)):
        ours.append(took(client.ask, "/v1/check?depth=dns&deadline=20s&email=ann@d%d.bench" % number))
        theirs.append(took(ask_resolver, number))
    print("%.2f" % (percentile(ours) - percentile(theirs)))


def probe(count):
    client = Client()
    new, known = [], []
    for i in range(int(count)):
        path = "/v1/check?deadline=20s&email=baonew%d@d%d.bench" % (i, i % 64)
        new.append(took(client.ask, path))
        known.append(took(client.ask, path))
    print("%.2f" % (percentile(new) - percentile(known)))


{f.__name__: f for f in (wait, know, one, idle, dns, probe)}[sys.argv[1]](*sys.argv[2:])
