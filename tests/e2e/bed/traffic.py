# SPDX-License-Identifier: Apache-2.0
"""What clients got: from a number of requests, or from requests that go on while something changes."""
import contextlib
import errno
import re

NO_ANSWER = "timed out"

def error_name(text):
    """The errno's name, or the text without one."""
    number = re.search(r"\[Errno (\d+)\]", text)
    return errno.errorcode[int(number[1])] if number else text.partition(": ")[2]

class Answers:
    """Who answered, as whom it saw the client, where it was asked; and the errors of what failed."""

    def __init__(self, result):
        self.failed = result["failed"]
        self.errors = {error_name(text) for text in self.failed}
        self.count, self.sources, self.locals = {}, set(), set()
        for answer, n in result["answers"].items():
            name, source, local = answer.split()
            self.count[name] = self.count.get(name, 0) + n
            self.sources.add(source.strip("[]"))
            self.locals.add((name, local))

    @property
    def names(self):
        return set(self.count)

    @property
    def ports(self):
        return {(name, int(local.rpartition(":")[2])) for name, local in self.locals}

    def __repr__(self):
        return f"answers {self.count} as {self.sources} failed {self.failed[:3]}"

class Load:
    """Requests that go on; what became of them when they have ended."""

    def __init__(self):
        self.failed, self.runs = [], []

    @property
    def order(self):
        """The outcomes in the order of time, repetitions left out."""
        return [outcome for outcome, *_ in self.runs]

    def first(self, name):
        """When a name was first to be had, by time.monotonic()."""
        return min(begin for outcome, _, begin, _ in self.runs if outcome == name)

    def last(self, name):
        """When a name answered last."""
        return max(end for outcome, _, _, end in self.runs if outcome == name)


@contextlib.contextmanager
def load(place, kind, addr, port, hertz, timeout):
    client, running = place.begin("watch", kind, addr, port, hertz, timeout), Load()
    try:
        client.up()
        yield running
        client.say()
    except BaseException:
        client.kill()
        raise
    result = client.result()
    running.failed, running.runs = result["failed"], result["runs"]


def ask_all(hows):
    """Requests of several clients at once: (place, kind, addr, port, n, timeout) each; all their Answers."""
    clients = [place.begin("who", *how) for place, *how in hows]
    return [Answers(client.result()) for client in clients]
