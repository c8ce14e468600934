"""What the end-to-end scripts expect of an output, as TAP lines.

    expect.py verdicts EXPECTED.tsv OUT.csv    status and reason of each address
    expect.py rows IN.csv OUT.csv              every row complete, in order, byte for byte
    expect.py world IN.csv EXPECTED.tsv OUT.csv  a generated world (tests/world/generate.py)
    expect.py polite MX.log LIST.txt PER_MX    what the scripted servers saw
    expect.py list EXPECTED.tsv                prints the addresses, one a line

    expect.py read OUT.csv                     prints the addresses as read (mc_email)

EXPECTED.tsv has an address, a tab and the reasons allowed, separated by |; a name of a status
stands for all its reasons. More fields may follow as `column=value`.
"""

import collections
import csv
import re
import sys

REASONS = {
    "deliverable": "accepted",
    "risky": "suppressed catch_all unproven role disposable mailbox_full",
    "undeliverable": "invalid_syntax no_such_domain no_mail_server null_mx unroutable_mx "
    "no_such_mailbox mailbox_disabled domain_not_served no_smtputf8",
    "unknown": "dns_failed connect_failed timeout greylisted blocked tls_required server_error "
    "not_probed",
}
STATUS_OF = {reason: status for status, words in REASONS.items() for reason in words.split()}

failures = 0


def report(good, name, detail=""):
    global failures
    if good:
        print("ok - " + name)
    else:
        failures += 1
        print("not ok - %s: %s" % (name, detail))


def read_expected(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                yield line.split("\t")


def allowed(word):
    return REASONS[word].split() if word in REASONS else [word]


def verdicts(expected_path, out_path):
    with open(out_path, encoding="utf-8", newline="") as file:
        got = collections.OrderedDict((row["email"], row) for row in csv.DictReader(file))
    for fields in read_expected(expected_path):
        address, reasons = fields[0], [r for w in fields[1].split("|") for r in allowed(w)]
        row = got.get(address)
        if row is None:
            report(False, address, "no such row")
            continue
        wrong = []
        if row["mc_reason"] not in reasons:
            wrong.append("is %s, not %s" % (row["mc_reason"], fields[1]))
        if STATUS_OF.get(row["mc_reason"]) != row["mc_status"]:
            wrong.append("status " + row["mc_status"])
        for field in fields[2:]:
            column, _, value = field.partition("=")
            if row.get(column) != value:
                wrong.append("%s is %r, not %r" % (column, row.get(column), value))
        report(not wrong, "%s is %s" % (address, fields[1]),
               "; ".join(wrong) + " [%s] [%s]" % (row.get("mc_mx"), row.get("mc_smtp")))


def rows(in_path, out_path):
    """For lists without malformed rows: each output row begins with the input row's bytes."""
    with open(in_path, "rb") as file:
        before = file.read().split(b"\n")
    with open(out_path, "rb") as file:
        after = file.read().split(b"\n")
    if before[-1] == b"" and after[-1] == b"":
        before.pop()
        after.pop()
    report(len(before) == len(after), "as many rows as before",
           "%d, not %d" % (len(after), len(before)))
    wrong = [i for i, (a, b) in enumerate(zip(before, after)) if not b.startswith(a.rstrip(b"\r"))]
    report(not wrong, "every row in order, byte for byte", "first: row %s" % wrong[:1])


def world(in_path, expected_path, out_path):
    """EXPECTED has a line for each data row: reasons, the address as read, the row it repeats."""
    with open(expected_path, encoding="utf-8") as file:
        wanted = [line.rstrip("\n").split("\t") for line in file]
    with open(in_path, encoding="utf-8", newline="") as file:
        before = list(csv.reader(file))
    with open(out_path, encoding="utf-8", newline="") as file:
        after = list(csv.reader(file))
    with open(in_path, "rb") as file:
        bytes_before = file.read()
    with open(out_path, "rb") as file:
        bytes_after = file.read()
    width = len(before[0])
    report([r[:width] for r in after] == before, "every row, in order", "rows differ")
    # No cell of the list holds a CR, so each row's bytes end at the next CRLF.
    after_rows = bytes_after.split(b"\r\n")
    whole = all(b.startswith(a + b",") or a == b
                for a, b in zip(bytes_before.split(b"\r\n"), after_rows))
    report(whole and bytes_before.count(b"\r\n") == len(after_rows) - 1, "byte for byte",
           "bytes differ")

    head = after[0]
    wrong, dead, mislaid = [], [], []
    for number, (want, cells) in enumerate(zip(wanted, after[1:]), 1):
        row = dict(zip(head, cells))
        reasons, email, duplicate_of = want[0].split("|"), want[1], want[2]
        if row["mc_status"] not in {STATUS_OF[r] for r in reasons}:
            wrong.append((number, row["email"], row["mc_reason"], want[0], row["mc_smtp"]))
        elif row["mc_reason"] not in reasons:
            mislaid.append((number, row["email"], row["mc_reason"], want[0], row["mc_smtp"]))
        if row["mc_status"] == "undeliverable" and email and email.startswith("live") and not any(
                STATUS_OF[r] == "undeliverable" for r in reasons):
            dead.append((number, row["email"], row["mc_smtp"]))
        if email and (row["mc_email"], row["mc_duplicate_of"]) != (email, duplicate_of):
            mislaid.append((number, row["email"], row["mc_email"], row["mc_duplicate_of"], email,
                            duplicate_of))
    report(not dead, "no live mailbox is called dead", "%d: %s" % (len(dead), dead[:5]))
    report(not wrong, "every status is right", "%d: %s" % (len(wrong), wrong[:8]))
    report(not mislaid, "reasons, addresses as read and duplicates are right",
           "%d: %s" % (len(mislaid), mislaid[:8]))


def session_problems(facts):
    if facts["data"] == "1":
        yield "DATA"
    if facts["early"] == "1":
        yield "spoke before the greeting was complete"
    if facts["unasked"] == "1":
        yield "pipelined without leave"
    if facts["greeted"] == "1" and facts["ended"] == "client" and facts["quit"] == "0":
        yield "no QUIT"


def polite(log_path, list_path, per_mx):
    with open(list_path, encoding="utf-8") as file:
        listed = {line.strip().lower() for line in file}
    problems = collections.Counter()
    controls = collections.defaultdict(set)
    names, seen = {}, []
    with open(log_path, encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.rstrip("\n").split("\t")
            if fields[0] == "session":
                seen.append((fields[1], dict(field.split("=", 1) for field in fields[5:])))
            elif fields[0] == "rcpt" and fields[3] not in listed:
                controls[fields[3].rpartition("@")[2]].add(fields[3])
            elif fields[0] == "server":
                names[fields[1]] = fields[2]
                peak = int(fields[4].partition("=")[2])
                if peak > per_mx:
                    problems["%d connections at once to %s" % (peak, fields[2])] += 1
    for address, facts in seen:
        for problem in session_problems(facts):
            # A TLS handshake that fails leaves no way to say QUIT.
            if problem == "no QUIT" and re.match(r"mx\.tls(garbage|silent)\.", names[address]):
                continue
            problems["%s at %s" % (problem, names[address])] += 1
    report(bool(seen), "the servers saw sessions", "none")
    for kind in ("DATA", "QUIT", "spoke", "pipelined", "connections"):
        bad = {p: n for p, n in problems.items() if kind in p}
        report(not bad, "polite: " + kind, str(bad))
    many = {d: c for d, c in controls.items() if len(c) > 1}
    report(not many, "at most one control a domain", str(many))


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "list":
        for fields in read_expected(arguments[0]):
            print(fields[0])
    elif what == "read":
        with open(arguments[0], encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                print(row["mc_email"])
    elif what == "verdicts":
        verdicts(*arguments)
    elif what == "rows":
        rows(*arguments)
    elif what == "world":
        world(*arguments)
    elif what == "polite":
        polite(arguments[0], arguments[1], int(arguments[2]))
    sys.exit(failures > 0)


main()
