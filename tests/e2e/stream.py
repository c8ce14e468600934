"""`mailcheck check -` as a coprocess. stream.py PROGRAM OPTION...; prints TAP."""

import json
import os
import select
import signal
import subprocess
import sys

PROGRAM, OPTIONS = sys.argv[1], sys.argv[2:]
PATIENCE_S = 20
failures = 0


def same(name, got, wanted):
    global failures
    if got == wanted:
        print("ok - " + name)
    else:
        failures += 1
        print("not ok - %s\n# got:    %r\n# wanted: %r" % (name, got, wanted))


class Coprocess:
    def __init__(self, *options, stdin=subprocess.PIPE):
        self.process = subprocess.Popen(
            [PROGRAM, "check", *options, "-"], stdin=stdin, stdout=subprocess.PIPE, bufsize=0
        )
        self.unread = b""

    def write(self, line):
        self.process.stdin.write(line)

    def read(self):
        """The next line; None where none comes for a long time, or no more."""
        while b"\n" not in self.unread:
            if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
                return None
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return None
            self.unread += got
        line, self.unread = self.unread.split(b"\n", 1)
        return line

    def has_line(self):
        return b"\n" in self.unread or bool(select.select([self.process.stdout], [], [], 0)[0])

    def end(self):
        """Closes its input; the lines that still come, and the exit status."""
        if self.process.stdin:
            self.process.stdin.close()
        rest = []
        while (line := self.read()) is not None:
            rest.append(line)
        return rest, self.process.wait(PATIENCE_S)


def verdict(line):
    return None if line is None else tuple(line.decode().split("\t"))


def write_a_line_read_a_line():
    one = Coprocess(*OPTIONS)
    cases = [
        ("live@pipelining.example", "deliverable", "accepted"),
        ("nonsense", "undeliverable", "invalid_syntax"),
        ("", "undeliverable", "invalid_syntax"),
        ("any@catchall.example", "risky", "catch_all"),
        ("x@nullmx.example", "undeliverable", "null_mx"),
        ("live@pipelining.example", "deliverable", "accepted"),
        ("dead@slow.example", "undeliverable", "no_such_mailbox"),
    ]
    for case in cases:
        one.write(case[0].encode() + b"\n")
        same("a line in, a line out: %r" % case[0], verdict(one.read()), case)
    one.write(b"x@nullmx.example")  # no newline
    same("the end of the input ends the line", one.end(), ([b"x@nullmx.example\tundeliverable\tnull_mx"], 10))


def write_a_line_read_an_object():
    for options in ([], ["--unordered"]):
        one = Coprocess(*OPTIONS, *options, "--format", "jsonl")
        for email, reason in (("live@pipelining.example", "accepted"), ("nonsense", "invalid_syntax"),
                              ("x@nullmx.example", "null_mx"), ("dead@slow.example", "no_such_mailbox")):
            one.write(email.encode() + b"\n")
            got = json.loads(one.read() or b"{}")
            same("%s a line in, an object out: %s" % (options, email),
                 (got.get("address"), got.get("mc_reason")), (email, reason))
        same("and no more", one.end()[0], [])


def order():
    slow, fast = b"live@silent-rcpt.example", b"x@nullmx.example"
    for options in ([], ["--unordered"]):
        one = Coprocess(*OPTIONS, *options)
        one.write(slow + b"\n" + fast + b"\n")
        first = one.read()
        same("%s: who comes first" % options, first.split(b"\t")[0], fast if options else slow)
        rest, _ = one.end()
        same("%s: and the other" % options, [line.split(b"\t")[0] for line in rest], [slow if options else fast])


def odd_lines():
    long_name = b"a" * 100000
    lines = [
        b"live\0@pipelining.example\r",
        b"tab\there@pipelining.example",
        long_name,
        b"ann@pipelining.example" + b" " * 70000 + b"bob",
        b"\xff\xfe@\x80.example",
        b"\x1b[2J@pipelining.example",
        "jürgen@pipelining.example".encode(),
        b"ann@gmial.com",
    ]
    for options in (["--offline"], ["--offline", "--format", "jsonl"]):
        one = Coprocess(*options)
        one.write(b"\n".join(lines))
        got, _ = one.end()
        same("%s: one line for each" % options, len(got), len(lines))
        if len(options) == 1:
            same("no control byte in a cell", [line for line in got if line.count(b"\t") != 2 or any(
                c < 0x20 and c != 9 or c == 0x7f for c in line)], [])
            same("what is no address", [verdict(line)[2] for line in got],
                 ["invalid_syntax"] * 6 + ["not_probed"] * 2)
        else:
            objects = [json.loads(line) for line in got]
            same("JSON says what was asked", [o["address"] for o in objects[:2] + objects[6:]],
                 ["live\0@pipelining.example", "tab\there@pipelining.example",
                  "jürgen@pipelining.example", "ann@gmial.com"])
            same("and has every field", objects[7]["mc_suggestion"], "ann@gmail.com")


def proc(pid, name, field):
    with open("/proc/%d/%s" % (pid, name), encoding="ascii") as file:
        for line in file:
            if line.startswith(field + ":"):
                return line.split()[1]
    return None


def slow_reader():
    """It must stop reading its input, and go on when its reader does."""
    count = 300000
    path = os.path.join(os.environ["T"], "slow.txt")
    with open(path, "w", encoding="ascii") as file:
        for i in range(count):
            file.write("address.number.%d@domain%d.example\n" % (i, i % 100))
    for options in (["--offline"], ["--offline", "--unordered"]):
        with open(path, "rb") as file:
            one = Coprocess(*options, stdin=file)
            pid, before = one.process.pid, None
            # asleep, and nothing read between two looks: it waits for us
            while True:
                now = proc(pid, "io", "rchar")
                if before == now and proc(pid, "status", "State") == "S" and int(now) > 100000:
                    break
                before = now
                select.select([], [], [], 0.05)
            same("%s: a slow reader holds it up" % options, int(now) < os.path.getsize(path) // 2, True)
            got, _ = one.end()
            same("%s: and nothing is lost" % options, len(got), count)


def stopped():
    one = Coprocess(*OPTIONS, "--timeout", "60s")
    one.write(b"x@nullmx.example\nlive@silent-rcpt.example\nnonsense\n")
    same("one is known", one.read(), b"x@nullmx.example\tundeliverable\tnull_mx")
    one.process.send_signal(signal.SIGTERM)
    rest = [one.read(), one.read(), one.read()]
    same("SIGTERM: the others get what is known",
         [line and line.split(b"\t")[0] for line in rest],
         [b"live@silent-rcpt.example", b"nonsense", None])
    same("SIGTERM: exit status", one.process.wait(PATIENCE_S), 143)


write_a_line_read_a_line()
write_a_line_read_an_object()
order()
odd_lines()
slow_reader()
stopped()
sys.exit(failures > 0)
