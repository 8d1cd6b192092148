#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One definition of each thing: no struct, union or enum tag defined twice in product code, not even in
two .c files, and no two bodies of four or more members that say the same under two names."""
import re

from tree import bare, done, find, line_of, product, read

DEFINITION = re.compile(r"\b(struct|union|enum)\s+(\w+)\s*\{")
BODY_MIN = 4


def body_end(text, at):
    depth = 0
    for i in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if not depth:
            return i
    return len(text)


tags, bodies = {}, {}
for path in product(".c", ".h"):
    text = bare(read(path))
    for m in DEFINITION.finditer(text):
        line = line_of(text, m.start())
        kind, tag = m.group(1), m.group(2)
        body = " ".join(text[m.end():body_end(text, m.end() - 1)].split())
        if (kind, tag) in tags:
            find(path, line, f"{kind} {tag} is also defined at {tags[kind, tag]}",
                 "define it once, in the header of the box that owns it, or name it for what differs")
        tags.setdefault((kind, tag), f"{path}:{line}")
        if body.count(";") < BODY_MIN:
            continue
        if body in bodies:
            find(path, line, f"{kind} {tag} has the same members as {bodies[body]}", "keep one of the two")
        bodies.setdefault(body, f"{tag} at {path}:{line}")
done()
