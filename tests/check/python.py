#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every Python file compiles, without leaving a .pyc."""
from tree import done, files, find, read

for f in files(".py"):
    try:
        compile(read(f), f, "exec", dont_inherit=True)
    except SyntaxError as e:
        find(f, e.lineno or 1, f"does not compile: {e.msg}", "mend it")
done()
