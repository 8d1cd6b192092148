# SPDX-License-Identifier: Apache-2.0
"""What asks the server in its own tests: HTTP/1.1 by hand, so that every byte is seen; curl for HTTP/2."""
import json
import socket
import ssl
import subprocess


class Answer:
    def __init__(self, status, headers, body, chunks):
        self.status, self.headers, self.body, self.chunks = status, headers, body, chunks

    def header(self, name):
        return dict(self.headers).get(name)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self):
        """(type, name, version) of a watch's."""
        return [(e["type"], e["object"]["metadata"].get("name"), e["object"]["metadata"].get("resourceVersion"))
                for e in map(json.loads, self.body.splitlines())]


class Client:
    def __init__(self, server, token=None, ca=None, certificate=None, timeout=20):
        self.server, self.token = server, token
        context = ssl.create_default_context(cafile=ca or server.ca.cert)
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # an end that is not said is an error
        if certificate:
            context.load_cert_chain(certificate.cert, certificate.key)
        raw = socket.create_connection((server.address, server.port), timeout)
        try:
            self.sock = context.wrap_socket(raw, server_hostname=server.address, suppress_ragged_eofs=False)
        except BaseException:
            raw.close()
            raise
        self.file = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.file.close()
        self.sock.close()

    def send(self, method, target, body=b"", headers=()):
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in headers)]
        if self.token and "Authorization" not in dict(headers):
            lines.append(f"Authorization: Bearer {self.token}")
        if body or method not in ("GET", "DELETE"):
            lines.append(f"Content-Length: {len(body)}")
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def head(self):
        status = self.file.readline().split()
        if not status:
            raise ConnectionError("the server said nothing")
        headers = []
        while (line := self.file.readline().decode().rstrip("\r\n")):
            headers.append(tuple(line.split(": ", 1)))
        return int(status[1]), headers

    def chunk(self):
        """The next one; b"" is the last."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"the answer ends in a chunk's head: {line!r}")
        size = int(line, 16)
        data = self.file.read(size + 2)
        if len(data) != size + 2:
            raise ConnectionError("the answer ends in a chunk")
        return data[:-2]

    def answer(self):
        status, headers = self.head()
        fields, chunks = dict(headers), []
        if fields.get("Transfer-Encoding") == "chunked":
            while part := self.chunk():
                chunks.append(part)
            body = b"".join(chunks)
        else:
            body = self.file.read(int(fields["Content-Length"]))
        return Answer(status, headers, body, chunks)

    def ask(self, method, target, body=b"", headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send(method, target, body, headers)
        return self.answer()

    def get(self, target, **headers):
        return self.ask("GET", target, headers=[(k.replace("_", "-"), v) for k, v in headers.items()])


def curl(server, target, *argv, token="admin-token-0123456789abcdef"):
    """(version of HTTP, status, body)"""
    done = subprocess.run(["curl", "-sS", "--cacert", str(server.ca.cert), "-A", "test/1", "-H",
                           f"Authorization: Bearer {token}", "-w", "\n%{http_version} %{http_code}", *argv,
                           server.url + target], capture_output=True, timeout=60)
    if done.returncode:
        raise ConnectionError(f"curl: {done.returncode}: {done.stderr.decode()}")
    body, _, last = done.stdout.rpartition(b"\n")
    version, status = last.decode().split()
    return version, int(status), body
