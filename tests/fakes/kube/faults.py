# SPDX-License-Identifier: Apache-2.0
"""What a server does wrong when it is told to."""
import time


class Fault:
    """verb, resource, where(ask): which requests it is for; times: how many of them, after skip others.

    answer      instead of the right one: a Failure, a Recording, or (status, headers, body)
    cut         the connection ends so many bytes after this answer's first one; rst: by RST
    silent      ... falls silent there
    hang        nothing is answered; the connection, and what else runs on it, is well
    delay_s     before the answer
    edit        bytes -> bytes, of each part of the answer's body
    """

    def __init__(self, verb=None, resource=None, where=None, times=None, skip=0, answer=None, cut=None, rst=False,
                 silent=None, hang=False, delay_s=0, edit=None):
        self.verb, self.resource, self.where, self.times, self.skip = verb, resource, where, times, skip
        self.answer, self.cut, self.rst, self.silent = answer, cut, rst, silent
        self.hang = hang
        self.delay_s, self.edit = delay_s, edit
        self.hits, self.at = 0, None  # at: when it was met last

    def takes(self, ask):
        if self.times is not None and self.hits >= self.times:
            return False
        if self.verb not in (None, ask.verb) or self.resource not in (None, ask.resource and ask.resource.name):
            return False
        if self.where and not self.where(ask):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits, self.at = self.hits + 1, time.monotonic()
        return True

    def arm(self, exchange):
        connection = exchange.connection
        exchange.edit = self.edit
        if self.cut is not None:
            connection.limit = self.cut
            connection.at_limit = connection.reset if self.rst else connection.cut
        if self.silent is not None:
            connection.limit, connection.at_limit = self.silent, connection.fall_silent

    def wait(self, hits=1, timeout=15):
        """Until it was met so often."""
        end = time.monotonic() + timeout
        while self.hits < hits:
            if time.monotonic() > end:
                raise TimeoutError(f"{self.verb} {self.resource} was met {self.hits} times, not {hits}")
            time.sleep(0.01)
