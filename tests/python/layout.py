#!/usr/bin/env python3
"""The package's structs are laid out as the headers' are: layout.py INCLUDE CC...

Writes a C program of static assertions from the ctypes classes and lets the compiler check it."""
import ctypes
import subprocess
import sys

from shunt import _c


def assertions(kind):
    name = kind._name
    if not getattr(kind, "_grows", False):
        yield f"sizeof({name}) == {ctypes.sizeof(kind)}", f"{name}: size"
    for field, _type in ((entry[0], entry[1]) for entry in kind._fields_):
        place = getattr(kind, field)
        yield f"offsetof({name}, {field}) == {place.offset}", f"{name}.{field}: place"
        yield f"sizeof((({name} *)0)->{field}) == {place.size}", f"{name}.{field}: size"


def main(include, *compiler):
    lines = ["#include <shunt/shunt.h>", "#include <stddef.h>"]
    for kind in _c.STRUCTS:
        lines += [f'_Static_assert({text}, "{what}");' for text, what in assertions(kind)]
    lines.append("int main(void) { return 0; }")
    print(f"{len(_c.STRUCTS)} structs, {len(lines) - 3} assertions")
    command = [*compiler, "-xc", "-std=c11", "-fsyntax-only", f"-I{include}", "-"]
    sys.exit(subprocess.run(command, input="\n".join(lines), text=True, check=False).returncode)


main(*sys.argv[1:])
