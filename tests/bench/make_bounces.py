#!/usr/bin/python3
"""make_bounces.py COUNT MAILDIR MBOX STANDARD WHOLE FLAT: the messages of tests/cases/bounces,
multiplied: other recipients, the replies of tests/cases/replies.tsv in place of their own, the
trace fields and the returned newsletter that real ones have. STANDARD is an mbox of a quarter as
many reports by RFC 3464 with the returned message's header, as Postfix writes them; WHOLE one of a
fiftieth, with all of a newsletter; FLAT one of a tenth as qmail writes them, with all of a letter
of 8 KB and no MIME. The same COUNT always gives the same bytes."""
import base64
import pathlib
import random
import re
import sys

TRACE = """Return-Path: <>
Delivered-To: news@sender.example
Received: from mx{n}.example.net (mx{n}.example.net [198.18.{a}.{b}])
\tby mx.sender.example (Postfix) with ESMTPS id {id}
\tfor <news@sender.example>; Mon, 02 Nov 2026 10:{m:02}:{s:02} +0000 (UTC)
Received: by mx{n}.example.net (Postfix)
\tid {id}0; Mon, 02 Nov 2026 10:{m:02}:{s:02} +0000 (UTC)
Message-ID: <{id}.{n}@mx{n}.example.net>
"""
LETTER = """Received: from app (app.sender.example [198.18.0.9])
\tby mx.sender.example (Postfix) with ESMTPSA id {id}1
\tfor <{to}>; Mon, 02 Nov 2026 10:{m:02}:00 +0000 (UTC)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=sender.example;
\ts=mail; t=1793613600; bh={hash};
\th=From:To:Subject:Date:List-Unsubscribe;
\tb={hash}{hash}{hash}
From: News <news@sender.example>
To: {to}
Subject: Number {n} of the year
Date: Mon, 02 Nov 2026 10:{m:02}:00 +0000
Message-ID: <{id}.{n}@sender.example>
List-Unsubscribe: <https://sender.example/u/{id}>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello,

"""
PROSE = ("here is what was new in week {n}. The first parcel left the house on Monday, the second "
         "on Friday; what is left goes out with the next boat. Write to news@sender.example.\n")


REPORT = """From: MAILER-DAEMON@mx{n}.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: news@sender.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{id}.1793613600/mx{n}.example.net"

This is a MIME-encapsulated message.

--{id}.1793613600/mx{n}.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx{n}.example.net.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

                   The mail system

<{to}>: host mx.{to_domain}[198.18.{a}.{b}] said: {reply}
    (in reply to RCPT TO command)

--{id}.1793613600/mx{n}.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx{n}.example.net
X-Postfix-Queue-ID: {id}
X-Postfix-Sender: rfc822; news@sender.example
Arrival-Date: Mon,  2 Nov 2026 10:{m:02}:{s:02} +0000 (UTC)

Final-Recipient: rfc822; {to}
Original-Recipient: rfc822;{to}
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx.{to_domain}
Diagnostic-Code: smtp; {reply}

--{id}.1793613600/mx{n}.example.net
Content-Description: Undelivered Message
Content-Type: {kind}

{letter}
--{id}.1793613600/mx{n}.example.net--
"""

FLAT = """From: MAILER-DAEMON@mx{n}.example.net
To: news@sender.example
Subject: failure notice

Hi. This is the qmail-send program at mx{n}.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{to}>:
198.18.{a}.{b} does not like recipient.
Remote host said: {reply}
Giving up on 198.18.{a}.{b}.

--- Below this line is a copy of the message.

Return-Path: <news@sender.example>
{letter}"""


def replies():
    found = []
    for line in open("tests/cases/replies.tsv", encoding="utf-8"):
        cells = line.rstrip("\n").split("\t")
        if not line.startswith("#") and len(cells) > 3 and re.match("[45]", cells[3]):
            found.append(cells[3])
    return found


def message(template, number, choose, reply):
    domain = f"d{choose.randrange(5000)}.example.org"
    text = re.sub(r"([\w.]+)@example\.org", lambda at: f"{at[1]}{number}@{domain}", template)
    facts = {"n": number, "a": number >> 8 & 255, "b": number & 255, "m": choose.randrange(60),
             "s": choose.randrange(60), "id": f"{choose.getrandbits(44):011X}",
             "hash": f"{choose.getrandbits(170):043x}=", "to": f"someone{number}@{domain}"}
    if choose.random() < 0.8:
        words = reply.replace("user@example.com", f"gone{number}@{domain}")
        text = re.sub(r"(?m)^Diagnostic-Code: smtp;.*(\n[ \t].*)*",
                      lambda _: "Diagnostic-Code: smtp; " + words.replace("\\n", "\n    "), text)
        text = re.sub(r"(?m)^( *)(5\d\d 5\.|Sorry, no mailbox).*",
                      lambda at: at[1] + words.replace("\\n", "\n" + at[1]), text)
    letter = LETTER.format(**facts) + PROSE.format(**facts) * choose.randrange(2, 12)
    text = re.sub(r"(?ms)(Content-Type: message/rfc822\n\n)From: news@.*?\n(--)",
                  lambda at: at[1] + letter + "\n" + at[2], text)
    text = re.sub(r"(copy of the message[^\n]*\n\n)", lambda at: at[1] + letter, text)
    return TRACE.format(**facts) + text


def report(number, choose, reply, form):
    domain = f"d{choose.randrange(5000)}.example.org"
    facts = {"n": number, "a": number >> 8 & 255, "b": number & 255, "m": choose.randrange(60),
             "s": choose.randrange(60), "id": f"{choose.getrandbits(44):011X}",
             "hash": f"{choose.getrandbits(170):043x}=", "to": f"gone{number}@{domain}",
             "to_domain": domain}
    header = LETTER.format(**facts).split("\n\n")[0]
    kind = "message/rfc822" if form == "whole" else "text/rfc822-headers"
    if form == "whole":
        text = base64.encodebytes((PROSE.format(**facts) * 200).encode()).decode()
        line = "<td style=3D\"padding: 0\">What is new this week, and what it costs</td>=\n"
        header = header[:header.rindex("\n")] + f"""
Content-Type: multipart/alternative; boundary="{facts['id']}"

--{facts['id']}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

{text}
--{facts['id']}
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

{line * 600}
--{facts['id']}--
"""
    reply = reply.replace("user@example.com", facts["to"])
    if form == "flat":
        letter = LETTER.format(**facts) + PROSE.format(**facts) * 45
        return TRACE.format(**facts) + FLAT.format(**facts, letter=letter,
                                                   reply=reply.replace("\\n", "\n"))
    reply = reply.replace("\\n", "\n    ")
    return TRACE.format(**facts) + REPORT.format(**facts, kind=kind, letter=header, reply=reply)


def write_box(name, messages):
    with open(name, "wb") as box:
        for raw in messages:
            box.write(b"From MAILER-DAEMON Mon Nov  2 10:00:00 2026\n")
            box.write(re.sub(rb"(?m)^(>*From )", rb">\1", raw) + b"\n")


def main():
    count, maildir, mbox, *boxes = int(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:7]
    templates = [path.read_text(encoding="utf-8", errors="surrogateescape")
                 for path in sorted(pathlib.Path("tests/cases/bounces").glob("*.eml"))]
    choose, said = random.Random(17), replies()
    for folder in ("new", "cur", "tmp"):
        (maildir / folder).mkdir(parents=True)
    messages = []
    for number in range(count):
        raw = message(templates[number % len(templates)], number, choose, choose.choice(said))
        raw = raw.encode("utf-8", "surrogateescape")
        (maildir / "cur" / f"1793613600.M{number}.mx:2,S").write_bytes(raw)
        messages.append(raw)
    write_box(mbox, messages)
    forms = (("standard", count // 4), ("whole", count // 50), ("flat", count // 10))
    for name, (form, number) in zip(boxes, forms):
        write_box(name, (report(n, choose, choose.choice(said), form).encode()
                         for n in range(number)))


main()
