#!/usr/bin/python3
"""exports.py PROGRAM FOLDER: lists as people export them, from the file to the decision, with no
option but those README.md names. Prints TAP lines."""
import csv
import os
import subprocess
import sys

PROGRAM, FOLDER = sys.argv[1], sys.argv[2]
failed = 0

EXPORTS = [
    # name, encoding, text, what must be detected, the statuses, a word about other columns
    ("mailchimp", "utf-8", '"Email Address","First Name","Last Name",Address,MEMBER_RATING,TAGS\n'
     'ann@gmial.com,Ann,"O\'Neil","12 Main St  Boston  MA  02110",2,"""news"",""vip"""\n'
     'bob@mailinator.com,Bob,,,2,\nbob@mailinator.com,Bob,,,2,\n',
     'header, comma, column 1 "Email Address", UTF-8', "unknown risky risky", ""),
    ("hubspot", "utf-8", '"Record ID","First Name","Email","Contact owner"\r\n'
     '"101","Zo\u00eb","zoe@example.org","Eve Owner (eve@acme.com)"\r\n'
     '"102","Bob","","Eve Owner (eve@acme.com)"\r\n',
     'header, comma, column 3 "Email", UTF-8', "unknown undeliverable", "Contact owner"),
    ("excel", "cp1252", "Kundennr;Firma;Ansprechpartner;E-Mail-Adresse;E-Mail privat;Bemerkung\r\n"
     '1;B\u00e4ckerei M\u00fcller;J\u00f6rg M\u00fcller;joerg@mueller.example;;"nett; aber z\u00e4h"\r\n'
     "2;Stra\u00dfenbau GmbH;;info@stra\u00dfe.example;x@web.de;\r\n3;;;;;\r\n",
     'header, semicolon, column 4 "E-Mail-Adresse", 8-bit text', "unknown unknown undeliverable",
     "E-Mail privat"),
    ("hongkong", "big5", "\u59d3\u540d,\u96fb\u90f5\u5730\u5740,\u96fb\u8a71\r\n"
     "\u9673\u5927\u6587,chan@yahoo.com.hk,91234567\r\n"
     "\u8a31\u529f\u84cb,hui@netvigator.com,\r\n",  # its second bytes are backslashes
     "header, comma, column 2 ", "unknown unknown", "8-bit text"),
    ("hongkong_excel", "utf-8-sig", "\u59d3\u540d,\u96fb\u90f5\u5730\u5740\r\n"
     "\u9673\u5927\u6587,chan@yahoo.com.hk\r\n\u674e\u5c0f\u660e,lee\uff20gmail.com\r\n",
     'header, comma, column 2 "\u96fb\u90f5\u5730\u5740", UTF-8 with byte order mark',
     "unknown unknown", ""),
    ("unicode_text", "utf-16", "\u59d3\u540d\t\u96fb\u90f5\r\n\u9673\u5927\u6587\tchan@yahoo.com.hk\r\n",
     'header, tab, column 2 "\u96fb\u90f5", UTF-16LE with byte order mark', "unknown", ""),
]


def ok(name, good, why=""):
    global failed
    failed += not good
    print("%sok - export %s%s" % ("" if good else "not ", name, "" if good else " # %r" % (why,)))


def read(*path):
    with open(os.path.join(FOLDER, *path), "rb") as file:
        return file.read()


def units(data, encoding):
    """Lines with their endings, as text where a byte is no unit."""
    return (data.decode("utf-16") if encoding == "utf-16" else data.decode("latin-1")
            ).splitlines(True)


for name, encoding, text, detected, statuses, also in EXPORTS:
    source = text.encode(encoding)
    path = os.path.join(FOLDER, name + ".csv")
    with open(path, "wb") as file:
        file.write(source)
    done = subprocess.run([PROGRAM, "clean", "--offline", "-v", "--split", path + ".out", "--report",
                           path + ".html", "-o", path + ".clean", path], capture_output=True)
    said = next((line for line in done.stderr.decode().split("\n") if "header" in line), "")
    ok(name + ": what it is", detected in said and also in said, said)
    before, after = units(source, encoding), units(read(path + ".clean"), encoding)
    ok(name + ": rows as they were", len(before) == len(after) and all(
        new.startswith(old.rstrip("\r\n")) for old, new in zip(before, after)), after)
    delimiter = {"semicolon": ";", "tab": "\t"}.get(detected.split(", ")[1], ",")
    rows = list(csv.DictReader(after, delimiter=delimiter))
    ok(name + ": verdicts", " ".join(row["mc_status"] for row in rows) == statuses, rows)
    parts = [units(read(path + ".out", part), encoding)
             for part in ("send.csv", "review.csv", "drop.csv")]
    ok(name + ": each row in one of the three", sorted(row for part in parts for row in part[1:]) ==
       sorted(before[1:]) and all(part[0] == before[0] for part in parts), parts)
    ok(name + ": a page to decide by", b"<h1>" in read(path + ".html") and done.returncode == 0)
sys.exit(failed > 0)
