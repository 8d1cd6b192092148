# SPDX-License-Identifier: Apache-2.0
"""`weir pod top` and `weir pod show`, before a terminal and not."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from bed import BedError, wait_for

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
BURN = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


class Terminal:
    """A program before a terminal of that size."""

    def __init__(self, lines, columns, argv):
        self.master, slave = pty.openpty()
        self.resize(lines, columns, tell=False)
        self.modes = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = b""
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def resize(self, lines, columns, tell=True):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def press(self, keys):
        self.seen = b""
        os.write(self.master, keys)

    def until(self, *texts, within=20):
        """What came since the last key, once it has all the texts."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                self.seen += os.read(self.master, 65536)
            if all(text in self.seen for text in texts):
                return self.seen
        raise BedError(f"not seen {texts} but {self.seen[-2000:]}")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def busy(bed):
    """Two pods of which one burns, known to the ledger."""
    bed.start()
    burner, idle = bed.pod("burner"), bed.pod("idle")
    burner.popen("/usr/bin/python3", "-c", BURN)
    idle.popen("sleep", "60")
    wait_for("both pods have names", lambda: {r["pod"] for r in bed.weir("pod", "show")} >= {
        "default/burner", "default/idle"})
    return bed


@pytest.fixture
def terminal(busy):
    t = Terminal(24, 120, [busy.bin, "-c", str(busy.config), "pod", "top", "--every", "300ms"])
    yield t
    t.close()


def test_top_follows_keys_and_size_and_leaves_the_terminal_as_it_was(terminal):
    terminal.until(ENTER, b"pods by cpu", b"default", b"burner")
    shown = terminal.until(b"burner")
    assert shown.index(b"burner") < shown.index(b"idle")
    terminal.press(b"n")
    terminal.until(b"pods by name")
    terminal.press(b"")
    terminal.resize(3, 30)  # one row
    terminal.until(b"1-1 of 2 pods by name, every 0\x1b[K")
    terminal.press(b"\x1b[6~")
    terminal.until(b"2-2 of 2 pods")
    terminal.press(b"q")
    terminal.until(LEAVE)
    assert terminal.process.wait(10) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.modes


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_top_leaves_the_terminal_as_it_was_when_it_is_ended(terminal, ending):
    terminal.until(ENTER, b"burner")
    terminal.process.send_signal(ending)
    terminal.until(LEAVE)
    assert terminal.process.wait(10) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.modes


def test_without_a_terminal_it_prints_once(busy):
    def burning():
        rows = {r["pod"]: r for r in busy.weir("pod", "top", "--every", "1500ms")}
        cpu = rows["default/burner"]["cpu_millicores"]
        return rows if cpu is not None and cpu > 100 else None
    rows = wait_for("the burner is seen", burning)
    assert rows["default/idle"]["cpu_millicores"] in (0, None)
    plain = busy.cli("pod", "top", "--every", "1500ms").stdout
    assert plain.startswith("NAMESPACE  NAME    CPU(cores)  MEMORY(bytes)")
    assert plain.index("burner") < plain.index("idle")


def test_show_begins_as_kubectl_top_pod(busy):
    wait_for("a window with the burner is booked", lambda: (
        busy.weir("pod", "show", "default/burner")[0]["cpu_millicores"] or 0) > 100)
    assert busy.cli("pod", "show").stdout.startswith("NAMESPACE  NAME    CPU(cores)  MEMORY(bytes)")


def test_bad_words_are_refused(busy):
    for words, why in ((("--every", "1ms"), "use 250ms to 1h"), (("--sort-by", "age"), "not one of cpu")):
        done = busy.cli("pod", "top", *words, check=False)
        assert done.returncode == 2 and why in done.stderr
