#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What fits a reader's head: files of 500 lines, functions of 60, a module.mk of 25."""
import re

from tree import bare, done, files, find, product, read

FILE_MAX, FUNCTION_MAX, MODULE_MAX = 500, 60, 25


def functions(path):
    """(name, line, length) of each: kernel style has the braces of a function, alone, in column 0."""
    lines = bare(read(path)).split("\n")
    begin = None
    for n, text in enumerate(lines, 1):
        if text == "{":
            begin = n
        elif text == "}" and begin:
            head = " ".join(lines[max(0, begin - 6):begin - 1])
            name = re.findall(r"(\w+)\s*\(", head)
            yield name[-1] if name else "?", begin, n - begin - 1
            begin = None


for f in files(".c", ".h", ".py", ".sh"):
    n = read(f).count("\n")
    if n > FILE_MAX:
        find(f, n, f"{n} lines, {FILE_MAX} is the limit", "split it where its comment would say 'and'")
for f in files("module.mk"):
    n = read(f).count("\n")
    if n > MODULE_MAX:
        find(f, n, f"{n} lines, {MODULE_MAX} is the limit", "give a part a folder and a module.mk of its own")
for f in product(".c", ".h"):
    for name, line, length in functions(f):
        if length > FUNCTION_MAX:
            find(f, line, f"{name}() has {length} lines, {FUNCTION_MAX} is the limit", "name a part of it and move it out")
done()
