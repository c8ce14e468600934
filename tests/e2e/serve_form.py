#!/usr/bin/python3
"""serve_form.py MAILCHECK FOLDER CHROMIUM NGINX: a person signs up; prints TAP lines."""
import concurrent.futures
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(__file__))
from browser import LOOK, Browser  # noqa: E402
from service import FOLDER, MAILCHECK, Service, end, ok, same  # noqa: E402

CHROMIUM, NGINX = sys.argv[3:5]
EXAMPLES = "data/examples/"
DEADLINE_S = 0.8


class Shop(http.server.ThreadingHTTPServer):
    """Whoever gets here has signed up."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.members = []
        self.news = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            with self.server.news:
                self.server.members += urllib.parse.parse_qs(text)["email"]
                self.server.news.notify()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Welcome")

        def log_message(self, *_):
            pass

    def has(self, email):
        with self.news:
            return self.news.wait_for(lambda: email in self.members, 20)


class Nginx:
    """The example as it is, but for the places of its files; and /signup."""

    def __init__(self, shop, key=None):
        with open(EXAMPLES + "nginx.conf") as file:
            text = file.read()
        for old, new in (("/etc/ssl/certs/shop.example.pem", FOLDER + "/shop.pem"),
                         ("/etc/ssl/private/shop.example.key", FOLDER + "/shop.key"),
                         ("root /srv/shop;", "root %s; location = /signup { proxy_pass "
                          "http://127.0.0.1:%d; }" % (os.path.abspath(EXAMPLES), shop.server_port))):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        if key:
            text = text.replace('""; # or "Bearer KEY"', '"Bearer %s";' % key)
        with open(FOLDER + "/site.conf", "w") as file:
            file.write(text)
        temp = "".join("%s_temp_path %s/%s;" % (k, FOLDER, k) for k in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(FOLDER + "/nginx.conf", "w") as file:
            file.write("""%s worker_processes 1; daemon off; pid %s/nginx.pid;
                error_log %s/nginx.error; events {} http { %s types { text/html html; }
                access_log %s/access.log; include %s/site.conf; }""" % (
                    "user root;" if os.getuid() == 0 else "", FOLDER, FOLDER, temp, FOLDER, FOLDER))
        self.command = [NGINX, "-p", FOLDER, "-c", FOLDER + "/nginx.conf"]
        test = subprocess.run([*self.command, "-t"], capture_output=True, text=True)
        ok("nginx -t %s" % ("with the key" if key else "as it is"), test.returncode == 0 and
           "warn" not in test.stderr, test.stderr)
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", 443)).close()
                break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit("not ok - nginx began")
                time.sleep(0.01)

    def end(self):
        self.process.terminate()
        self.process.wait()


class Person:
    def __init__(self):
        self.browser = Browser(CHROMIUM)
        self.visits = 0
        self.browser.ask("Security.setIgnoreCertificateErrors", ignore=True)

    def open(self):
        self.visits += 1
        self.browser.ask("Page.navigate", url="https://127.0.0.1/signup.html?%d" % self.visits)
        until = time.monotonic() + 20
        while self.run("location.search + document.readyState") != "?%dcomplete" % self.visits:
            if time.monotonic() > until:
                sys.exit("not ok - the form is shown")
            time.sleep(0.01)

    def run(self, script):
        return self.browser.ask("Runtime.evaluate", expression=script, returnByValue=True,
                                awaitPromise=True)["result"].get("value")

    def key(self, name, text=""):
        code = {"Enter": 13, "Tab": 9}[name]
        for kind in ("keyDown", "keyUp"):
            self.browser.ask("Input.dispatchKeyEvent", type=kind, key=name, code=name, text=text,
                             windowsVirtualKeyCode=code)

    def types(self, email):
        self.run("document.getElementById('email').select()")
        self.browser.ask("Input.insertText", text=email)

    def enter(self):
        """Seconds since."""
        began = time.monotonic()
        self.key("Enter", "\r")
        return began

    def hint(self):
        """What the form says, once it says something."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            text = self.run("document.getElementById('hint').textContent")
            if text:
                return text
            time.sleep(0.02)
        return None

    def asks(self, email):
        """Goes on to the next field; the verdict that the form got, and how long it took, in s."""
        self.open()
        self.types(email)
        self.run("window.began = performance.now()")
        self.key("Tab")
        return self.run("""answer.then(verdict =>
            [verdict && verdict.reason, (performance.now() - window.began) / 1000])""")


def test_without_key(person, shop):
    person.open()
    person.types("ann@gmial.com")
    person.key("Tab")
    same("a typing error", person.hint(), "Did you mean ann@gmail.com?")
    person.run("document.querySelector('#hint button').click()")
    same("is put right by a click", person.run("email.value"), "ann@gmail.com")
    person.open()
    person.types("ann@nullmx.example")
    person.enter()
    ok("where no mail is taken: asked once", "takes no mail" in person.hint() and
       "ann@nullmx.example" not in shop.members, shop.members)
    same("... and said to who cannot see it",
         person.run("[hint.getAttribute('role'), email.getAttribute('aria-describedby'), "
                    "document.activeElement.id]"), ["status", "hint", "email"])
    seen = person.run(LOOK)
    ok("... to be read by all who can", not seen["faint"] and seen["wide"] <= seen["view"], seen)
    person.enter()
    ok("... not twice", shop.has("ann@nullmx.example"))
    same("a stranger is not told who has a mailbox",
         person.asks("dead.one@pipelining.example")[0], "not_probed")
    person.enter()
    ok("... and signs up", shop.has("dead.one@pipelining.example"))
    person.open()
    person.types("no address")
    person.enter()
    ok("no address: asked once", person.hint())
    person.enter()
    ok("... not twice", shop.has("no address"))
    person.browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    person.open()
    person.types("live.scriptless@pipelining.example")
    person.enter()
    ok("without scripts", shop.has("live.scriptless@pipelining.example"))
    person.browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_service_gone(person, shop, service):
    for name, how in (("hangs", signal.SIGSTOP), ("is gone", signal.SIGKILL)):
        person.open()
        service.process.send_signal(how)
        person.types("live.%s@pipelining.example" % how.name.lower())
        began = person.enter()
        signed_up = shop.has("live.%s@pipelining.example" % how.name.lower())
        took = time.monotonic() - began
        ok("where the service %s, people sign up" % name, signed_up and took < 4, took)
    service.process.wait()


def test_crowd(person, shop, service, key):
    """The form gets its answer within the deadline while 200 questions wait for silent servers."""
    bearer = {"Authorization": "Bearer " + key}
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        waiting = [pool.submit(service.check, "ann%d@silent-banner.example" % i, bearer,
                               deadline="20s") for i in range(200)]
        while service.metric("questions_waiting") < 200:
            time.sleep(0.01)
        reason, took = person.asks("live.form@pipelining.example")
        same("while 200 wait for silent servers: a verdict of a mail server", reason, "accepted")
        ok("... within the deadline", took < DEADLINE_S + 0.2, took)
        began = person.enter()
        ok("... signed up", shop.has("live.form@pipelining.example"), time.monotonic() - began)
        same("... of another", person.asks("dead.form@pipelining.example")[0], "no_such_mailbox")
        ok("... asked once", "once more" in (person.hint() or ""))
        person.open()
        person.types("late@silent-rcpt.example")
        began = person.enter()
        signed_up = shop.has("late@silent-rcpt.example")
        took = time.monotonic() - began
        ok("... one that is pending stops nobody", signed_up and DEADLINE_S - 0.1 < took < 3, took)
        ok("... and they still wait", service.metric("questions_waiting") >= 200)
        test_service_gone(person, shop, service)
        for w in waiting:
            w.exception()


def test_script(key):
    def run(email, key):
        done = subprocess.run([EXAMPLES + "check_over_http.sh", email], capture_output=True, text=True,
                              env={**os.environ, "MAILCHECK_URL": "https://127.0.0.1",
                                   "MAILCHECK_KEY": key, "CURL_CA_BUNDLE": FOLDER + "/shop.pem"})
        return done.stdout.rstrip("\n").split("\t"), done.returncode, done.stderr

    for email, said, status in (("live.one+a@pipelining.example", ["deliverable", "accepted"], 0),
                                ("dead.one@pipelining.example",
                                 ["undeliverable", "no_such_mailbox"], 10),
                                ("any@catchall.example", ["risky", "catch_all"], 11),
                                ('"a\\\\b c"@x', ["undeliverable", "invalid_syntax"], 10),
                                ("live.one@slow.example", ["deliverable", "accepted"], 0)):
        same("from a shell: " + email, run(email, key)[:2], ([email, *said], status))
    said, status, error = run("live.one@pipelining.example", "wrong")
    ok("a wrong key", said == [""] and status == 1 and "401" in error, said, status, error)


def main():
    keys = FOLDER + "/keys"
    key = subprocess.run([MAILCHECK, "serve", "--keys", keys, "--make-key", "shop"], check=True,
                         capture_output=True, text=True).stdout.strip()
    service = Service("--keys", keys, "--trusted-proxy", "127.0.0.1", "--timeout", "20s",
                      "--listen", "127.0.0.1:8025")
    shop, person = Shop(), Person()
    nginx = Nginx(shop)
    test_without_key(person, shop)
    test_script(key)
    nginx.end()
    nginx = Nginx(shop, key)
    test_crowd(person, shop, service, key)
    with open(FOLDER + "/access.log") as log:
        text = log.read()
    ok("no address in the log of the proxy", text.count("POST /email-check") > 5 and
       "@" not in text and "live." not in text, text[-500:])
    nginx.end()
    person.browser.close()
    end()


main()
