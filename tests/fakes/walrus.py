# SPDX-License-Identifier: Apache-2.0
"""A Walrus aggregator and publisher on loopback that does as a script says.

    with Walrus({blob_id: content}, script=["wrong_byte", "status_503"]) as walrus:
        ... walrus.url, walrus.requests

Each request takes the next word of the script, the last one stays; without a script all goes well. A word is the name of
a method do_WORD below, or status_NNN.
"""
import ctypes
import http.server
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

CLONE_NEWNET = 0x40000000
DRIP_S = 0.2
ENDLESS_CHUNK = bytes(65536)
REASONS = {403: ("PERMISSION_DENIED", "BLOB_TOO_LARGE"), 404: ("NOT_FOUND", "BLOB_NOT_FOUND"),
           451: ("UNAVAILABLE_FOR_LEGAL_REASONS", "FORBIDDEN_BLOB"), 503: ("UNAVAILABLE", "BLOB_UNAVAILABLE")}


def aip_error(status):
    """As walrus' daemon words its errors; 429 is plain text there."""
    name, reason = REASONS.get(status, ("INTERNAL", "INTERNAL"))
    return json.dumps({"error": {"status": name, "code": status, "message": f"scripted {status}", "details": [
        {"@type": "ErrorInfo", "reason": reason, "domain": "daemon.walrus.space", "metadata": {}}]}}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        walrus = self.server.walrus
        self.content = walrus.blobs.get(self.path.removeprefix("/v1/blobs/"))
        self.play(walrus.next_word(self))

    def do_PUT(self):
        walrus = self.server.walrus
        self.content = self.rfile.read(int(self.headers["Content-Length"]))
        self.play(walrus.next_word(self))

    def play(self, word):
        try:
            if word.startswith("status_"):
                status = int(word[7:])
                self.answer(status, b"busy" if status == 429 else aip_error(status),
                            [("Retry-After", self.server.walrus.retry_after)] if status in (429, 503) else ())
            else:
                getattr(self, "do_" + word)()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    # ---- Reading ----

    def do_well(self):
        if self.command == "PUT":
            return self.stored()
        if self.content is None:
            return self.answer(404, aip_error(404))
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not asked:
            return self.answer(200, self.content, [("ETag", self.path.rpartition("/")[2])])
        first, last = int(asked[1]), int(asked[2])
        return self.answer(206, self.content[first:last + 1],
                           [("Content-Range", f"bytes {first}-{last}/{len(self.content)}")])

    def do_wrong_byte(self):
        spoilt = bytearray(self.content)
        spoilt[len(spoilt) // 2] ^= 1
        self.content = bytes(spoilt)
        self.do_well()

    def do_longer(self):
        self.content += b"\0"
        self.do_well()

    def do_other_range(self):
        """A part from elsewhere; without a range all is well."""
        if "Range" not in self.headers:
            return self.do_well()
        return self.answer(206, self.content[:10], [("Content-Range", f"bytes 0-9/{len(self.content)}")])

    def do_no_range(self):
        self.answer(200, self.content)

    def do_no_length(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(self.content), self.content))

    def half(self, content, spoil=False):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        part = bytearray(content[:len(content) // 2])
        if spoil:
            part[0] ^= 1
        self.wfile.write(part)
        self.wfile.flush()
        self.close_connection = True

    def do_short(self):
        self.half(self.content)

    def do_short_wrong(self):
        """Half of it, and that is wrong."""
        self.half(self.content, spoil=True)

    def do_reset(self):
        self.half(self.content)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def do_silent(self):
        self.server.walrus.ended.wait()
        self.close_connection = True

    def do_drip(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        for byte in self.content:
            self.wfile.write(bytes([byte]))
            if self.server.walrus.ended.wait(DRIP_S):
                break

    def do_endless_403(self):
        self.do_endless(403)

    def do_endless_503(self):
        self.do_endless(503)

    def do_endless(self, status=200):
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.walrus.ended.is_set():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(ENDLESS_CHUNK), ENDLESS_CHUNK))

    def do_huge(self):
        """Says it will be more than anybody wants."""
        self.send_response(200)
        self.send_header("Content-Length", str(1 << 50))
        self.end_headers()
        self.wfile.write(ENDLESS_CHUNK)
        self.close_connection = True

    def do_redirect(self):
        self.answer(302, b"", [("Location", self.server.walrus.elsewhere)])

    def do_error_200(self):
        if self.command == "PUT":
            return self.answer_json({"error": {"blobId": None, "failurePhase": "encode", "errorMsg": "scripted"}})
        return self.answer(200, aip_error(503))

    def do_html(self):
        self.answer(200, b"<!doctype html><title>Please log in</title>", [("Content-Type", "text/html")])

    def do_garbage(self):
        self.wfile.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        self.close_connection = True

    # ---- Writing ----

    def answer_json(self, value, status=200):
        self.answer(status, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def stored(self, **changes):
        """{"newlyCreated": ...}, as the daemon writes it."""
        walrus = self.server.walrus
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        blob_id = changes.get("blob_id") or walrus.name(self.content)
        walrus.blobs[blob_id] = self.content
        epochs = int(query.get("epochs", ["1"])[0])
        self.answer_json({"newlyCreated": {
            "blobObject": {"id": "0x" + "ab" * 32, "registeredEpoch": 34, "blobId": blob_id,
                           "size": changes.get("size", len(self.content)), "encodingType": "RS2", "certifiedEpoch": 34,
                           "storage": {"id": "0x" + "cd" * 32, "startEpoch": 34, "endEpoch": 34 + epochs,
                                       "storageSize": 66034000},
                           "deletable": "permanent" not in query},
            "resourceOperation": {"registerFromScratch": {"encodedLength": 66034000, "epochsAhead": epochs}},
            "cost": 132300 * epochs}})

    def do_certified_before(self):
        self.answer_json({"alreadyCertified": {"blobId": self.server.walrus.name(self.content),
                                               "event": {"txDigest": "5eKtPfJbhMYfn2oTTbYcN2hQ4vU7mGgQWmfMd5b8xYqJ",
                                                         "eventSeq": "0"}, "endEpoch": 77}})

    def do_wrong_id(self):
        self.stored(blob_id="A" * 43)

    def do_wrong_size(self):
        self.stored(size=1)

    def do_empty(self):
        self.answer(200, b"")

    def do_no_blob(self):
        self.answer_json({"newlyCreated": {}})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


def in_netns(netns, make):
    """What make() gives in that network namespace: a socket stays in the one it was made in."""
    if not netns:
        return make()
    made = []

    def run():
        fd = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {netns}")
        finally:
            os.close(fd)
        made.append(make())
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return made[0]


class Walrus:
    """name(content) gives its blob id; tls: (certificate, key) files; netns: where it listens, by name."""

    def __init__(self, blobs=None, script=("well",), name=None, tls=None, elsewhere="/", retry_after="0", netns=None):
        self.blobs, self.script, self.name = dict(blobs or {}), list(script), name
        self.elsewhere, self.retry_after = elsewhere, retry_after
        self.requests, self.ended, self.lock = [], threading.Event(), threading.Lock()
        self.server = in_netns(netns, lambda: Server(("127.0.0.1", 0), Handler))
        self.server.walrus = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' * bool(tls)}://127.0.0.1:{self.server.server_port}"

    def next_word(self, request):
        with self.lock:
            self.requests.append((request.command, request.path, dict(request.headers)))
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def certificate(folder):
    """A certificate for 127.0.0.1 that nobody vouches for: (certificate, key)."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def closed_port():
    """A URL at which nothing listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}"
