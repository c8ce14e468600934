#!/usr/bin/python3
"""progress.py: the progress line as a terminal gets it. Prints TAP lines. Wants MAILCHECK, T."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

T = os.environ["T"]
LIST = os.path.join(T, "progress.csv")
with open(LIST, "w") as file:
    file.write("email\nlive@greyforever.example\nlive@pipelining.example\n")
failed = 0


def ok(name, good, why=""):
    global failed
    failed += not good
    print("%sok - progress: %s" % ("" if good else "not ", name), "" if good else "# %r" % (why,))


class Run:
    """The program with a terminal of so many columns as its standard error."""

    def __init__(self, columns, **environment):
        self.seen = b""
        self.screen, theirs = pty.openpty()
        self.resize(columns)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(theirs, 2)
            env = {name: value for name, value in {**os.environ, **environment}.items() if value}
            program = os.environ["MAILCHECK"]
            os.execve(program, [program, "clean", "--no-store", "--pace", "off", "--timeout", "5s",
                                "--greylist-wait", "1h", LIST], env)
        os.close(theirs)

    def resize(self, columns):
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def until(self, pattern):
        """What was written until then; all of it where it never comes."""
        end, start = time.monotonic() + 20, len(self.seen)
        while not re.search(pattern, self.seen[start:]):
            ready, _, _ = select.select([self.screen], [], [], max(0, end - time.monotonic()))
            try:
                more = os.read(self.screen, 65536) if ready else b""
            except OSError:
                more = b""
            if not more:
                break
            self.seen += more
        return self.seen[start:].decode()

    def end(self):
        os.kill(self.pid, signal.SIGINT)
        rest = self.until(rb"(?!)")
        os.close(self.screen)
        return rest, os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def widest(text):
    return max(len(part) for part in re.split(r"\r|\n|\x1b\[K", text))


run = Run(200, TERM="xterm", NO_COLOR="")
text = run.until(rb"come back, next try in [^\r]*\r")
ok("says what is waited for", re.search(
    r"\r\x1b\[K\d of 2 rows done.*, at least (59m\d\ds|1h00m) left; 1 of 2 addresses known; "
    r"1 told to come back, next try in (59m\d\ds|1h00m)", text), text)
ok("has no colours", "m" not in re.findall(r"\x1b\[[0-9;]*([a-zA-Z])", run.seen.decode()), text)
run.resize(30)
run.until(rb"\r\x1b\[K")  # the one that was being written
text = run.until(rb"\r\x1b\[K[^\r]{5,}\r\x1b\[K")
ok("fits a window that was made narrow", 20 < widest(text) <= 30, text)
rest, status = run.end()
ok("is gone at the end", status == 130 and "\r\x1b[K" in rest and "rows done" not in
   rest.rsplit("\x1b[K", 1)[1], (status, rest))

run = Run(80, TERM="dumb")
run.until(rb"column 1")
os.kill(run.pid, signal.SIGUSR1)
text = run.until(rb"addresses known[^\n]*\n")
ok("is a line of its own on a dumb terminal", "mailcheck: " in text and "\x1b" not in text, text)
ok("ends there as well", run.end()[1] == 130)

# rows on the same screen: nothing is drawn over them
screen, theirs = pty.openpty()
run = os.fork()
if not run:
    os.dup2(theirs, 1)
    os.dup2(theirs, 2)
    program = os.environ["MAILCHECK"]
    os.execve(program, [program, "clean", "--offline", "--report", os.path.join(T, "shown.txt"),
                        LIST], {**os.environ, "TERM": "xterm"})
os.close(theirs)
text = b""
while True:
    try:
        more = os.read(screen, 65536)
    except OSError:
        break
    if not more:
        break
    text += more
os.waitpid(run, 0)
ok("leaves rows on the screen alone", b"\x1b" not in text and b"greyforever.example,unknown" in text,
   text)
ok("the files are named", re.search(rb"Written\r\n  [^\n]*shown.txt: ", text), text)
sys.exit(failed > 0)
