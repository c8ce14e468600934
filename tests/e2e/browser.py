#!/usr/bin/python3
"""Looks at pages in Chromium, over its debugging pipe, and prints TAP lines.

browser.py CHROMIUM PAGE...            tests
browser.py CHROMIUM --shot PNG PAGE    a picture of one page, 1000 pixels wide
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

LOOK = r"""(() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const ground = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; }
    return [255, 255, 255, 1]; };
  const faint = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let t; (t = walk.nextNode());) {
    const e = t.parentElement;
    if (!t.data.trim() || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const ink = light(parse(e.closest('svg') ? style.fill : style.color)), paper = light(ground(e));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (ratio < 4.5) faint.push(t.data.trim() + ' ' + ratio.toFixed(2));
  }
  // a drawing is hidden from a screen reader or says what it shows; its number fits into the ring
  const mute = [...document.querySelectorAll('svg')].filter(e => e.ariaHidden !== 'true' &&
    !(e.getAttribute('role') === 'img' && e.querySelector('title') && e.querySelector('desc') &&
      /\d%/.test(e.querySelector('desc').textContent))).length;
  const bulging = [...document.querySelectorAll('.ring text')].filter(e => e.getBBox().width > 26).length;
  return { faint, mute, bulging, paper: ground(document.body).slice(0, 3).join(),
    wide: document.documentElement.scrollWidth, view: innerWidth,
    scripts: document.querySelectorAll('script,img,iframe').length,
    title: document.querySelector('h1') ? document.querySelector('h1').textContent : '',
    height: document.documentElement.scrollHeight,
    outside: performance.getEntriesByType('resource').map(r => r.name) };
})()"""


class Browser:
    def __init__(self, chromium):
        to_them, self.to = os.pipe()
        self.back, from_them = os.pipe()
        self.profile = tempfile.mkdtemp(prefix="mailcheck-browser.")

        def wire():  # the browser reads from 3 and writes to 4
            low, high = os.dup(to_them), os.dup(from_them)
            keep_in, keep_out = os.dup(low), os.dup(high)
            os.dup2(keep_in, 3)
            os.dup2(keep_out, 4)

        self.process = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--user-data-dir=" + self.profile, "--remote-debugging-pipe"],
            close_fds=False, preexec_fn=wire, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_them)
        os.close(from_them)
        self.rest, self.number, self.events, self.session = b"", 0, [], None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(domain + ".enable")

    def read(self):
        while b"\0" not in self.rest:
            more = os.read(self.back, 1 << 20)
            if not more:
                sys.exit("the browser has gone")
            self.rest += more
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit("%s: %s" % (method, answer["error"]))
                return answer["result"]
            self.events.append(answer)

    def open(self, path, width, dark, media=""):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.events = []
        self.ask("Page.navigate", url="file://" + os.path.abspath(path))
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.read())
        return self.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)["result"]["value"]

    def said(self):
        return [e["params"] for e in self.events
                if e.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled",
                                       "Runtime.exceptionThrown", "Page.javascriptDialogOpening")]

    def shot(self, png, height):
        picture = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                           clip={"x": 0, "y": 0, "width": 1000, "height": height, "scale": 1})
        with open(png, "wb") as out:
            out.write(base64.b64decode(picture["data"]))

    def printed(self):
        """How many sheets of A4 it takes."""
        pdf = self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True,
                       paperWidth=8.27, paperHeight=11.69)
        return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(pdf["data"])))

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def check(browser, path):
    wrong = []
    name = "page " + os.path.basename(path)
    # paper is 182 mm wide between its margins, and white also for those who like screens dark
    views = ((375, True, ""), (688, True, "print"))
    if re.match("page (0|6|cell)", name):  # with the most of everything
        views += ((375, False, ""), (768, False, ""), (1280, False, ""), (1280, True, ""))
    for width, dark, media in views:
        seen = browser.open(path, width, dark, media)
        where = "%d px, %s %s: " % (width, "dark" if dark else "light", media)
        if media:
            sheets = browser.printed()
            if seen["paper"] != "255,255,255" or not 0 < sheets <= seen["height"] / 700 + 1:
                wrong.append(where + "%s, %d sheets, %d px" % (seen["paper"], sheets,
                                                               seen["height"]))
        if seen["wide"] > width:
            wrong.append(where + "%d wide" % seen["wide"])
        wrong += [where + "too faint: " + text for text in seen["faint"][:3]]
        wrong += [where + "console: %r" % said for said in browser.said()[:2]]
        if seen["mute"] or seen["bulging"] or seen["scripts"] or not seen["title"] or seen["outside"] or seen["height"] < 300:
            wrong.append(where + "%r" % seen)
    print(("not ok - " if wrong else "ok - ") + name)
    for line in wrong:
        print("# " + line)
    return not wrong


def main():
    browser = Browser(sys.argv[1])
    if sys.argv[2] == "--shot":
        seen = browser.open(sys.argv[4], 1000, False)
        browser.shot(sys.argv[3], min(seen["height"], int(os.environ.get("HEIGHT", 20000))))
        good = True
    else:
        good = all([check(browser, path) for path in sys.argv[2:]])
    browser.close()
    sys.exit(not good)


if __name__ == "__main__":
    main()
