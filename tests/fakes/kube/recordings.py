# SPDX-License-Identifier: Apache-2.0
"""Recorded exchanges of a real server (tests/vectors/k8s-traces)."""
import gzip
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "k8s-traces"


def headers_of(lines):
    return [tuple(line.split(": ", 1)) for line in lines if line]


class Recording:
    def __init__(self, name):
        self.name = name
        request, *lines = (FOLDER / f"{name}.request.txt").read_text().splitlines()
        self.method, self.target, _ = request.split()
        self.request_headers = headers_of(lines)
        status, *lines = (FOLDER / f"{name}.response.txt").read_text().splitlines()
        self.status, self.headers = int(status.split()[1]), headers_of(lines)
        self.is_watch = (FOLDER / f"{name}.jsonl").exists()
        self.body = (FOLDER / (f"{name}.jsonl" if self.is_watch else f"{name}.json")).read_bytes()


def names():
    return [line.split("\t")[0] for line in (FOLDER / "INDEX.tsv").read_text().splitlines()]


def big(name):
    """One of the lists of 5,000."""
    return gzip.decompress((FOLDER / "big" / f"{name}.json.gz").read_bytes())
