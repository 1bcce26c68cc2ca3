#!/usr/bin/env python3
"""A message viewer for trying paidan out: takes mail by SMTP (STARTTLS) and messages for WeCom and DingTalk robots by
HTTP, and shows them as a page. Nothing leaves this machine.

usage: viewer.py --folder FOLDER --http PORT --smtp PORT --certificate FILE --key FILE
"""
import argparse
import base64
import email
import email.policy
import html
import http.server
import json
import pathlib
import socketserver
import ssl
import threading
import time

messages = []
lock = threading.Lock()


def keep(channel, to, subject, body):
    with lock:
        messages.append((time.strftime("%H:%M:%S"), channel, to, subject, body))


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a client that insists on STARTTLS needs."""

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()

    def handle(self):
        secure = False
        recipients = []
        self.reply("220 viewer ESMTP")
        while line := self.rfile.readline():
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                self.reply("250-viewer" if not secure else "250 viewer")
                if not secure:
                    self.reply("250 STARTTLS")
            elif verb == "STARTTLS":
                self.reply("220 go on")
                self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
                self.rfile = self.connection.makefile("rb")
                self.wfile = self.connection.makefile("wb")
                secure = True
            elif verb == "MAIL":
                recipients = []
                self.reply("250 ok")
            elif verb == "RCPT":
                recipients.append(rest.partition(":")[2].strip().strip("<>"))
                self.reply("250 ok")
            elif verb == "DATA":
                self.reply("354 go on")
                lines = []
                while (text := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(text[1:] if text.startswith(b".") else text)
                self.take(recipients, b"".join(lines))
                self.reply("250 kept")
            elif verb == "QUIT":
                self.reply("221 bye")
                return
            else:
                self.reply("250 ok")

    def take(self, recipients, data):
        message = email.message_from_bytes(data, policy=email.policy.default)
        part = message.get_body(("plain", "html"))
        keep("mail", ", ".join(recipients), str(message["Subject"]), part.get_content() if part else "")


class Web(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, body, kind):
        data = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        kind = body.get("msgtype", "text")
        part = body.get(kind, {})
        channel = "dingtalk" if self.path.startswith("/robot/send") else "wecom"
        keep(channel, "group", part.get("title", ""), part.get("content") or part.get("text") or json.dumps(body))
        self.answer('{"errcode":0,"errmsg":"ok"}', "application/json")

    def do_GET(self):
        with lock:
            rows = list(reversed(messages))
        if self.path == "/count":
            return self.answer(str(len(rows)), "text/plain")
        cells = "".join(
            "<article><header>%s · <b>%s</b> → %s</header><h3>%s</h3><pre>%s</pre></article>"
            % tuple(html.escape(str(field)) for field in row)
            for row in rows
        )
        self.answer(
            "<!doctype html><meta charset=utf-8><title>paidan: messages</title>"
            "<style>body{font:15px sans-serif;max-width:48em;margin:2em auto;background:#f4f4f2}"
            "article{background:#fff;border:1px solid #ddd;border-radius:6px;padding:.8em 1.2em;margin:1em 0}"
            "header{color:#777}pre{white-space:pre-wrap;font:inherit}</style>"
            f"<h1>{len(rows)} messages</h1>{cells}", "text/html; charset=utf-8")


class Threads(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    arguments = argparse.ArgumentParser()
    for name in ("folder", "http", "smtp", "certificate", "key"):
        arguments.add_argument("--" + name, required=True)
    chosen = arguments.parse_args()
    mail = Threads(("127.0.0.1", int(chosen.smtp)), Mail)
    mail.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mail.tls.load_cert_chain(chosen.certificate, chosen.key)
    threading.Thread(target=mail.serve_forever, daemon=True).start()
    web = http.server.ThreadingHTTPServer(("127.0.0.1", int(chosen.http)), Web)
    pathlib.Path(chosen.folder, "viewer.ready").write_text("ready")
    web.serve_forever()


if __name__ == "__main__":
    main()
