# SPDX-License-Identifier: Apache-2.0
"""Rounds, ratios, and how they are shown."""
import statistics


def rounds(n, ways, measure):
    """Lets the ways take turns, in the reverse order every other round, so that what else goes on here hits all
    alike: {name: [what measure(way) gave, ...]}. One round goes ahead and is dropped."""
    got = {way.name: [] for way in ways}
    for i in range(n + 1):
        for way in ways[::-1] if i % 2 else ways:
            if way.before:
                way.before()
            value = measure(way)
            if way.after:
                way.after()
            if i:
                got[way.name].append(value)
    return got


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))]


class Ratio:
    """Of two rows of values, round by round: the median and where the middle half lies."""

    def __init__(self, values, base):
        each = [v / b for v, b in zip(values, base)]
        self.median = statistics.median(each)
        self.low, self.high = percentile(each, 25), percentile(each, 75)

    def __str__(self):
        return f"{self.median:.2f} [{self.low:.2f}..{self.high:.2f}]"


def median(values):
    return statistics.median(values)


def table(head, rows):
    """In Markdown, as the README has it."""
    print(f"\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)
