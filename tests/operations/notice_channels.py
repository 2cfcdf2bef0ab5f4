"""Servers on this machine that take what is sent to people: a chat's webhook, and mails."""

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Chat:
    """What a webhook was sent; it answers with `status`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.status = 200
        self.address = ""


class Mailbox:
    """Mails that were taken; refuses them while it is `away`."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.away = False
        self.unknown = ""
        """Whom it knows no mailbox of."""
        self.port = 0

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]).strip() for mail in self.mails]


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def chat() -> Iterator[Chat]:
    """A webhook as Slack has them."""
    taken = Chat()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if taken.status == 200:
                taken.texts.append(body["text"])
            self.send_response(taken.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    taken.address = f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/secret"
    with _served(server):
        yield taken


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """A mail server that takes everything, word by word as RFC 5321 has it."""
    taken = Mailbox()

    class Dialogue(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("421 away" if taken.away else "220 here")
            for line in self.rfile:
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    self.say("354 go on")
                    taken.mails.append(
                        email.message_from_bytes(self.content(), policy=policy.default)
                    )
                if word == b"RCPT" and taken.unknown and taken.unknown.encode() in line:
                    self.say("550 nobody of that name")
                    continue
                self.say("221 bye" if word == b"QUIT" else "250 well")
                if word == b"QUIT":
                    return

        def content(self) -> bytes:
            lines = []
            for line in self.rfile:
                if line == b".\r\n":
                    break
                lines.append(line)
            return b"".join(lines)

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dialogue)
    server.daemon_threads = True
    taken.port = server.server_address[1]
    with _served(server):
        yield taken
