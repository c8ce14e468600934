"""What the tests of `serve` share; prints TAP lines. The program and a folder are the arguments."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

MAILCHECK, FOLDER = sys.argv[1:3]
ASAN = "asan" in os.environ.get("MAILCHECK_VARIANT", "")
failures = 0
number = 0


def ok(name, good, *what):
    global failures
    print(("ok - " if good else "not ok - ") + name)
    if not good:
        failures += 1
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
        self.log = os.path.join(FOLDER, "serve.%d.%d.err" % (os.getpid(), number))
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


def end():
    sys.exit(failures > 0)
