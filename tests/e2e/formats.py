"""Feeds lists of every kind to `clean --offline` and compares byte for byte (see formats.sh)."""

import os
import random
import subprocess
import sys
import threading

PROGRAM, FOLDER = sys.argv[1], sys.argv[2]
failures = 0


def report(good, name, detail=""):
    global failures
    if good:
        print("ok - " + name)
    else:
        failures += 1
        print("not ok - %s: %s" % (name, detail))


def clean(data, *options, pipe=False):
    command = [PROGRAM, "clean", "--offline", "--no-store", "--columns", "status,reason", *options]
    if pipe:
        done = subprocess.run(command, input=data, capture_output=True, timeout=60)
    else:
        path = os.path.join(FOLDER, "in.csv")
        with open(path, "wb") as file:
            file.write(data)
        done = subprocess.run(command + [path], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=60)
    return done


OK = b"unknown,not_probed"
BAD = b"undeliverable,invalid_syntax"
HEAD = b"mc_status,mc_reason"

# name, input, expected output, options
CASES = [
    ("comma and header", b"name,email\nann,ann@x.example\n",
     b"name,email," + HEAD + b"\nann,ann@x.example," + OK + b"\n"),
    ("CRLF", b"name,email\r\nann,ann@x.example\r\n",
     b"name,email," + HEAD + b"\r\nann,ann@x.example," + OK + b"\r\n"),
    ("CR alone", b"name,email\rann,ann@x.example\rbob,bob@x.example\r",
     b"name,email," + HEAD + b"\rann,ann@x.example," + OK + b"\rbob,bob@x.example," + OK + b"\r"),
    ("no last newline", b"name,email\nann,ann@x.example",
     b"name,email," + HEAD + b"\nann,ann@x.example," + OK),
    ("BOM", b"\xef\xbb\xbfname,email\nann,ann@x.example\n",
     b"\xef\xbb\xbfname,email," + HEAD + b"\nann,ann@x.example," + OK + b"\n"),
    ("semicolon", b"name;email\nann;ann@x.example\n",
     b"name;email;" + HEAD.replace(b",", b";") + b"\nann;ann@x.example;"
     + OK.replace(b",", b";") + b"\n"),
    ("tab", b"name\temail\nann\tann@x.example\n",
     b"name\temail\t" + HEAD.replace(b",", b"\t") + b"\nann\tann@x.example\t"
     + OK.replace(b",", b"\t") + b"\n"),
    ("pipe sign", b"name|email\nann|ann@x.example\n",
     b"name|email|" + HEAD.replace(b",", b"|") + b"\nann|ann@x.example|"
     + OK.replace(b",", b"|") + b"\n"),
    ("one address a line", b"ann@x.example\nbad\nbob@x.example\n",
     b"ann@x.example," + OK + b"\nbad," + BAD + b"\nbob@x.example," + OK + b"\n"),
    ("no header, columns", b"ann,ann@x.example\nbob,bob@x.example\n",
     b"ann,ann@x.example," + OK + b"\nbob,bob@x.example," + OK + b"\n"),
    ("quoted line break", b'name,email\n"a\nb",ann@x.example\n',
     b'name,email,' + HEAD + b'\n"a\nb",ann@x.example,' + OK + b"\n"),
    ("quoted address, doubled quotes", b'name,email\n"say ""hi""","ann@x.example"\n',
     b'name,email,' + HEAD + b'\n"say ""hi""","ann@x.example",' + OK + b"\n"),
    ("stray quote swallows no row",
     b'name,email\n"Jo" Smith,jo@x.example\nann,ann@x.example\n',
     b'name,email,' + HEAD + b'\n"Jo" Smith,jo@x.example,' + OK + b'\nann,ann@x.example,' + OK
     + b"\n"),
    ("quote within a bare cell", b'name,email\n5" disk,ann@x.example\n',
     b'name,email,' + HEAD + b'\n5" disk,ann@x.example,' + OK + b"\n"),
    ("unclosed quote ends at its line",
     b'email,name\nann@x.example,"open\nbob@x.example,b\n',
     b'email,name,' + HEAD + b'\nann@x.example,"open,' + OK + b'\nbob@x.example,b,' + OK + b"\n"),
    ("blank lines pass", b"email\nann@x.example\n\nbob@x.example\n",
     b"email," + HEAD + b"\nann@x.example," + OK + b"\n\nbob@x.example," + OK + b"\n"),
    ("blanks and case stay", b"name,email\n ann , ANN@X.example \n",
     b"name,email," + HEAD + b"\n ann , ANN@X.example ," + OK + b"\n"),
    ("short row is padded", b"name,email,city\nann,ann@x.example\n",
     b"name,email,city," + HEAD + b"\nann,ann@x.example,," + OK + b"\n"),
    ("long row goes on", b"name,email\nann,ann@x.example,more,still more\n",
     b"name,email," + HEAD + b"\nann,ann@x.example,more,still more," + OK + b"\n"),
    ("not UTF-8", b"name,email\nM\xfcller,m@x.example\n",
     b"name,email," + HEAD + b"\nM\xfcller,m@x.example," + OK + b"\n"),
    ("empty address", b"name,email\nann,\nbob,bob@x.example\n",
     b"name,email," + HEAD + b"\nann,," + BAD + b"\nbob,bob@x.example," + OK + b"\n"),
    ("NUL bytes", b"name,email\na\0b,ann@x.example\n",
     b"name,email," + HEAD + b"\na\0b,ann@x.example," + OK + b"\n"),
    ("only a header", b"name,email\n", b"name,email," + HEAD + b"\n"),
    ("yesterday's columns are replaced",
     b"name,email,mc_status,mc_reason,city\nann,ann@x.example,risky,role,Rome\n",
     b"name,email,city," + HEAD + b"\nann,ann@x.example,Rome," + OK + b"\n"),
    ("every column of ours is removed",
     b"email,mc_score,mc_smtp\nann@x.example,5,550 no\n",
     b"email," + HEAD + b"\nann@x.example," + OK + b"\n"),
    ("--column by name", b"email,work\nann,ann@x.example\n",
     b"email,work," + HEAD + b"\nann,ann@x.example," + OK + b"\n", "--column", "work"),
    ("--column by number", b"a,b\nann,ann@x.example\n",
     b"a,b," + HEAD + b"\nann,ann@x.example," + OK + b"\n", "--column", "2"),
    ("--no-header", b"email@x.example\n", b"email@x.example," + OK + b"\n", "--no-header"),
    ("--delimiter", b"a:b\nann:ann@x.example\n",
     b"a:b:" + HEAD.replace(b",", b":") + b"\nann:ann@x.example:" + OK.replace(b",", b":")
     + b"\n", "--delimiter", ":"),
]


def as_utf16(data, encoding, bom):
    return bom + data.decode("utf-8").encode(encoding)


def fixed_cases():
    for name, data, wanted, *options in CASES:
        for pipe in (False, True):
            done = clean(data, *options, pipe=pipe)
            good = done.stdout == wanted and done.returncode == 0
            report(good, name + (", piped" if pipe else ""),
                   "got %r, wanted %r, exit %d, %r" % (done.stdout, wanted, done.returncode,
                                                       done.stderr[-300:]))


def utf16_cases():
    text = "name,email\r\nJörg,j@x.example\r\n名前,n@x.example\r\n".encode()
    for encoding, bom in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
        done = clean(as_utf16(text, encoding, bom))
        lines = text.decode().split("\r\n")
        wanted = "\r\n".join([lines[0] + "," + HEAD.decode(), lines[1] + "," + OK.decode(),
                              lines[2] + "," + OK.decode(), ""])
        report(done.stdout == bom + wanted.encode(encoding), encoding,
               "%r %r" % (done.stdout, done.stderr[-300:]))


def refused_cases():
    for name, data in (("xlsx", b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 8),
                       ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00" + bytes(range(256)) * 8)):
        done = clean(data)
        report(done.returncode == 1 and not done.stdout and len(done.stderr) > 20,
               name + " is refused with a word", "%d %r %r" % (done.returncode, done.stdout[:50],
                                                              done.stderr[-200:]))
    done = clean(b"")
    report(done.returncode in (0, 1) and not done.stdout, "empty file",
           "%d %r" % (done.returncode, done.stdout))
    done = clean(b"name,city\nann,Rome\n")
    report(done.returncode == 1 and b"in.csv" in done.stderr, "no address column: says which file",
           "%d %r" % (done.returncode, done.stderr[-200:]))
    done = clean(b"a,b\nann@x.example,y\n", "--column", "nosuch")
    report(done.returncode == 1, "no such column", "%d" % done.returncode)


def giant_row():
    data = b'name,email\n"' + b"x" * 3000000 + b'",ann@x.example\nbob,bob@x.example\n'
    done = clean(data)
    wanted = (b'name,email,' + HEAD + b'\n"' + b"x" * 3000000 + b'",ann@x.example,' + OK
              + b"\nbob,bob@x.example," + OK + b"\n")
    report(done.stdout == wanted, "a row of 3 MB", "%d bytes, %r" % (len(done.stdout),
                                                                    done.stderr[-200:]))


def random_cell(dice):
    bare = ["", "ann", "Köln", " spaced ", "x'y", "10%", "a\\b", "M\u00fcller", "\u00a0", "0", "-1"]
    quoted = ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", "", "plain", "semi;colon"]
    if dice.random() < 0.6:
        return dice.choice(bare).encode()
    return b'"' + dice.choice(quoted).replace('"', '""').encode() + b'"'


def random_lists():
    """Well-formed rows of all kinds: ours must come at the end of each row and nowhere else."""
    bad = []
    for seed in range(8):
        dice = random.Random(seed)
        end = dice.choice([b"\n", b"\r\n"])
        rows = [(b"id,email,c,d", HEAD)]
        for number in range(400):
            address = b"ann%d@x%d.example" % (number, dice.randrange(50))
            verdict = OK
            if dice.random() < 0.1:
                address, verdict = b"broken%d" % number, BAD
            if dice.random() < 0.2:
                address = b'"' + address + b'"'
            rows.append((b",".join([b"%d" % number, address, random_cell(dice),
                                    random_cell(dice)]), verdict))
        data = b"".join(row + end for row, _ in rows)
        wanted = b"".join(row + b"," + ours + end for row, ours in rows)
        done = clean(data, pipe=bool(seed % 2))
        if done.stdout != wanted:
            at = next((i for i, (a, b) in enumerate(zip(done.stdout, wanted)) if a != b), -1)
            bad.append((seed, done.returncode, done.stdout[max(0, at - 80):at + 80]))
    report(not bad, "random lists come back byte for byte", bad[:1])


def jsonl():
    done = clean("email,name,name\nann@x.example,Jörg,b\n".encode(), "--format", "jsonl")
    wanted = ('{"email":"ann@x.example","name":"Jörg","name_2":"b","mc_status":"unknown",'
              '"mc_reason":"not_probed"}\n').encode()
    report(done.stdout.replace(b'": ', b'":').replace(b', "', b',"') == wanted, "jsonl",
           "%r" % done.stdout)
    done = clean(b"ann,ann@x.example\nbob,bob@x.example,M\xfcller\n", "--format", "jsonl")
    report(b'"c1"' in done.stdout and b'"c2"' in done.stdout and "Müller".encode() in done.stdout,
           "jsonl without a header", "%r" % done.stdout)


def streaming():
    """Output starts before the input ends, and nothing is lost at the end."""
    process = subprocess.Popen([PROGRAM, "clean", "--offline", "--no-store", "--columns", "reason"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seen_first = threading.Event()

    def write():
        process.stdin.write(b"email\n" + b"".join(b"a%d@x.example\n" % i for i in range(20000)))
        process.stdin.flush()
        seen_first.wait()
        process.stdin.write(b"last@x.example\n")
        process.stdin.close()

    writer = threading.Thread(target=write)
    writer.start()
    rows = [process.stdout.readline() for _ in range(20001)]
    report(rows[0] == b"email,mc_reason\n" and rows[-1] == b"a19999@x.example,not_probed\n",
           "what has come is answered before the input ends", repr(rows[:1] + rows[-1:]))
    seen_first.set()
    rest = process.stdout.read()
    writer.join()
    report(process.wait() == 0 and rest == b"last@x.example,not_probed\n",
           "and so is the last row", repr(rest[-80:]))


def long_list():
    """Longer than any buffer, and through a pipe the same."""
    rows = b"".join(b"%d,\"a, b\",ann%d@x%d.example\n" % (i, i % 70000, i % 999)
                    for i in range(100000))
    from_file, piped = clean(b"id,name,email\n" + rows), clean(b"id,name,email\n" + rows, pipe=True)
    report(piped.returncode == 0 and piped.stdout == from_file.stdout
           and piped.stdout.count(b"\n") == 100001, "a long list through a pipe",
           "exit status %d, %d bytes, not %d: %r" % (piped.returncode, len(piped.stdout),
                                                     len(from_file.stdout), piped.stderr[-200:]))


fixed_cases()
utf16_cases()
refused_cases()
giant_row()
long_list()
random_lists()
jsonl()
streaming()
sys.exit(failures > 0)
