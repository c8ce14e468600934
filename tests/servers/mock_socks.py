"""A SOCKS5 proxy (RFC 1928, 1929) for the tests.

    mock_socks.py ADDRESS PORT LOG [--user NAME:PASSWORD] [--map FROM=TO ...] [--refuse ADDRESS]

Says "ready" when it listens and writes a line for each request: `connect TYPE HOST PORT`. --map
connects to TO where the client asked for FROM, so that a test can tell what went through the proxy
from what did not.
"""

import argparse
import asyncio
import socket


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except (ConnectionError, OSError):
        pass


class Proxy:
    def __init__(self, options):
        self.options = options
        self.map = dict(pair.split("=") for pair in options.map)
        self.log = open(options.log, "a", buffering=1, encoding="utf-8")

    async def authenticate(self, reader, writer):
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if not self.options.user:
            writer.write(b"\x05\x00")
            return True
        if 2 not in methods:
            writer.write(b"\x05\xff")
            return False
        writer.write(b"\x05\x02")
        _, length = await reader.readexactly(2)
        name = await reader.readexactly(length)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        good = b"%s:%s" % (name, password) == self.options.user.encode()
        writer.write(b"\x01\x00" if good else b"\x01\x01")
        return good

    async def request(self, reader):
        _, _, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = socket.inet_ntop(socket.AF_INET, await reader.readexactly(4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, await reader.readexactly(16))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.log.write("connect %s %s %d\n" % ({1: "ip", 4: "ip"}.get(kind, "name"), host, port))
        return host, port

    async def serve(self, reader, writer):
        try:
            if not await self.authenticate(reader, writer):
                return
            host, port = await self.request(reader)
            if host in self.options.refuse:
                writer.write(b"\x05\x02\x00\x01" + bytes(6))
                return
            try:
                far_reader, far_writer = await asyncio.open_connection(self.map.get(host, host),
                                                                       port)
            except OSError:
                writer.write(b"\x05\x05\x00\x01" + bytes(6))
                return
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
            far_writer.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("log")
    parser.add_argument("--user")
    parser.add_argument("--map", action="append", default=[])
    parser.add_argument("--refuse", action="append", default=[])
    options = parser.parse_args()
    server = await asyncio.start_server(Proxy(options).serve, options.address, options.port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
