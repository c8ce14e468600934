"""A resolver that misbehaves: passes questions on over UDP and changes the answers.

    mock_resolver.py ADDRESS UPSTREAM KIND

KIND: honest; hijack (an address for every name that does not exist); deny (NXDOMAIN where the
upstream fails); refuse (blocklists answer 127.255.255.254). Prints a line when it listens.
"""

import socket
import sys

ADDRESS, UPSTREAM, KIND = sys.argv[1:4]
LISTS = (b"\x08spamhaus", b"\x07spamcop", b"\x07surriel", b"\x09mailspike")
A, NXDOMAIN, SERVFAIL = 1, 3, 2


def question_end(message):
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


def with_address(query, address):
    end = question_end(query)
    head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return head + query[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)


def changed(query, answer):
    end = question_end(query)
    is_address = query[end - 4 : end - 2] == A.to_bytes(2, "big")
    code = answer[3] & 15
    if KIND == "hijack" and code == NXDOMAIN and is_address:
        return with_address(query, "198.18.7.66")
    if KIND == "deny" and code == SERVFAIL:
        return answer[:3] + bytes([answer[3] & 0xF0 | NXDOMAIN]) + answer[4:]
    if KIND == "refuse" and is_address and any(name in query for name in LISTS):
        return with_address(query, "127.255.255.254")
    return answer


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((ADDRESS, 53))
upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
upstream.connect((UPSTREAM, 53))
print("ready", flush=True)
while True:
    question, asker = server.recvfrom(4096)
    upstream.send(question)
    server.sendto(changed(question, upstream.recv(65535)), asker)
