#!/usr/bin/python3
"""serve_page.py CHROMIUM MAILCHECK: the page of `serve` as a person uses it; prints TAP lines."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
from browser import LOOK, Browser  # noqa: E402

failed = False


def ok(name, good, *what):
    global failed
    print(("ok - " if good else "not ok - ") + name)
    failed |= not good
    for line in [] if good else what:
        print("# %r" % (line,))
    sys.stdout.flush()


def begin(mailcheck):
    log = tempfile.TemporaryFile("w+")
    service = subprocess.Popen([mailcheck, "serve", "-v", "--no-store", "--pace", "off", "--timeout",
                                "20s", "--listen", "127.0.0.1:0"], stderr=log)
    while True:
        log.seek(0)
        found = re.search(r"(http://127.0.0.1:\d+/)", log.read())
        if found:
            return service, found.group(1)
        if service.poll() is not None:
            sys.exit("not ok - serve began")
        time.sleep(0.01)


class Page:
    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        self.open()

    def open(self):
        self.browser.events = []
        self.browser.ask("Page.navigate", url=self.url)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.browser.events):
            self.browser.events.append(self.browser.read())

    def run(self, script):
        return self.browser.ask("Runtime.evaluate", expression=script, returnByValue=True,
                                awaitPromise=True)["result"].get("value")

    def check(self, email, *wanted):
        """Types and presses the button; the answer once its heading is one of those wanted."""
        self.run("""document.getElementById('email').value = %s;
            document.getElementById('answer').replaceChildren();
            document.getElementById('go').click()""" % json.dumps(email))
        until = time.monotonic() + 30
        while time.monotonic() < until:
            heading = self.run("(document.querySelector('#answer h2') || {}).textContent")
            if heading in wanted:
                break
            time.sleep(0.02)
        return heading, self.run("document.getElementById('answer').innerText")


def main(chromium, mailcheck):
    service, url = begin(mailcheck)
    browser = Browser(chromium)
    page = Page(browser, url)
    heading, text = page.check("live.one@pipelining.example", "Deliverable")
    ok("a live mailbox", heading == "Deliverable" and "takes mail for this mailbox" in text and
       "mx.pipelining.example" in text, heading, text)
    heading, text = page.check("dead.one@pipelining.example", "Undeliverable")
    ok("a dead one, and the server's words", heading == "Undeliverable" and "550" in text, text)
    heading, text = page.check("<script>alert(1)</script>", "Undeliverable")
    ok("what was typed stays text", heading == "Undeliverable" and "<script>" in text, text)
    heading, text = page.check("ann@silent-banner.example", "Still asking")
    ok("a silent server: says so, and goes on", heading == "Still asking", heading, text)
    page.run("document.getElementById('depth').value = 'syntax'")
    heading, text = page.check("ann@gmial.com", "Unknown")
    ok("did you mean", "Did you mean ann@gmail.com?" in text, text)
    page.run("document.querySelector('#answer a').click()")
    ok("taken up by a click", page.run("document.getElementById('email').value") ==
       "ann@gmail.com")
    curl = page.run("document.getElementById('curl').textContent")
    ok("the line for a shell does the same", json.loads(subprocess.run(
        ["bash", "-c", curl.replace("curl ", "curl -s ", 1)], capture_output=True,
        text=True).stdout or "{}").get("email") == "ann@gmail.com", curl)
    page.run("""document.getElementById('key').value = 'wrong'""")
    heading, text = page.check("ann@gmail.com", "Not answered")
    ok("a wrong key", heading == "Not answered" and "not known" in text, text)
    said = [s for s in browser.said() if "401" not in json.dumps(s)]  # the browser names that one
    ok("the console is silent", not said, said[:3])
    wrong = []
    for width, dark in ((375, False), (375, True), (1200, False), (1200, True)):
        browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                    deviceScaleFactor=1, mobile=width < 500)
        browser.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        page.open()
        page.run("document.querySelector('details').open = true")
        page.check("live.one@pipelining.example", "Deliverable")
        seen = page.run(LOOK)
        outside = [u for u in seen["outside"] if not u.startswith(url)]
        if seen["wide"] > width or seen["faint"] or outside:
            wrong.append((width, dark, seen))
    ok("fits a phone, stands out from its ground, fetches nothing from elsewhere", not wrong, wrong)
    browser.close()
    service.kill()
    service.wait()
    sys.exit(failed)


main(*sys.argv[1:])
