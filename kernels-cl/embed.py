#!/usr/bin/env python3
"""Turns kernel sources into a C file and its header: embed.py OUT.c OUT.h FILE.cl...

A line `#include "NAME.cl"` is replaced by that file's text, so that a driver gets one whole string. The texts are written
as arrays of numbers: C promises no more than 4095 characters for a literal. With a text goes a list of its kernels, and which of
their tensors, counted from 0, are of the type `real`, whose size depends on the build options. Two more lists make several texts
one program (backends/opencl/bundle.c): the names that a text declares at file scope, whatever its options, and its macros.
"""
import os
import re
import sys

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\s\w]")
NAME = r"[A-Za-z_]\w*"


def read(path):
    folder = os.path.dirname(path)
    with open(path, encoding="ascii") as file:
        return re.sub(r'^#include "([^"]+)"\n', lambda match: read(os.path.join(folder, match[1])), file.read(),
                      flags=re.MULTILINE)


def strip(text):
    """Without comments, and with each directive on one line."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S).replace("\\\n", " ")


def data_tensors(name, text):
    """The kernels of a text, each with a mask of its data tensors. A tensor is a pair of arguments: __global TYPE *x, ulong x_at."""
    kernels = {}
    for kernel, arguments in re.findall(r"__kernel\s+void\s+(\w+)\(([^)]*)\)", text):
        mask, tensors, each = 0, 0, [" ".join(argument.split()) for argument in arguments.split(",")]
        while len(each) > 1 and each[0].startswith("__global "):
            if not re.fullmatch(r"ulong \w+", each[1]):
                sys.exit(f"{name}, {kernel}: no offset follows {each[0]}")
            mask |= bool(re.match(r"__global (const )?real \*", each[0])) << tensors
            tensors += 1
            each = each[2:]
        if kernels.setdefault(kernel, mask) != mask:
            sys.exit(f"{name}, {kernel}: its forms have other tensors")
    return kernels


def declarations(text):
    """Each declaration at file scope, in all its forms, as tokens with a space between. What is in braces is left out, but for enums."""
    depth, before, tokens = 0, [], []
    for line in text.split("\n"):
        directive = re.match(r"\s*#\s*(\w+)", line)
        if directive:
            if directive[1].startswith("if"):
                before.append(depth)
            elif directive[1].startswith("el"):
                depth = before[-1]  # the other branch opens its braces once more
            elif directive[1] == "endif":
                before.pop()
            continue
        for token in TOKEN.findall(line):
            depth -= token == "}"
            if depth == 0 or "enum" in tokens:
                tokens.append(token)
            depth += token == "{"
            is_function = "(" in tokens[:tokens.index("{")] if "{" in tokens else False
            if depth == 0 and (token == ";" or (token == "}" and is_function)):
                yield " ".join(tokens)
                tokens = []
    if tokens or depth:
        sys.exit(f"no end of: {' '.join(tokens)}")


def declared(name, declaration):
    """The names that a declaration makes; none for a function that the driver has."""
    body = re.sub(r"__attribute__ \( \( \w+ (\( [^)]* \) )?\) \) ", "", declaration + " ")
    enum = r"enum \{ (?P<values>.*) \} "
    if match := re.fullmatch(f"{enum}; ", body):
        return re.findall(f"(?:^|, )({NAME})", match["values"])
    if match := re.fullmatch(rf"struct ({NAME}) (\{{ \}} )?; ", body):
        return [match[1]]
    if match := re.fullmatch(rf"typedef (?:struct (?P<tag>{NAME}) \{{ \}} |{enum})?(?P<rest>.*); ", body):
        values = re.findall(f"(?:^|, )({NAME})", match["values"] or "")
        types = re.sub(r"\([^()]*\)", "", match["rest"]).split(",")
        return [match["tag"]] * bool(match["tag"]) + values + [re.findall(NAME, each)[-1] for each in types]
    if match := re.match(rf"[\w *]*?({NAME}) \(.*\) (\{{ \}}|;) $", body):
        return [match[1]] if match[2] != ";" else []
    sys.exit(f"{name}: what does this declare? {declaration}")


def owned(name, text):
    """The names and the macros of a text."""
    names = {each for declaration in declarations(text) for each in declared(name, declaration)}
    macros = set(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.M))
    if names & macros:
        sys.exit(f"{name}: a macro and a name in one: {', '.join(sorted(names & macros))}")
    return sorted(names), sorted(macros)


def write_list(c, what, names):
    c.write(f"static const char *const {what}[] = {{\n")
    for each in names:
        c.write(f"    \"{each}\",\n")
    c.write("    NULL};\n")


def main():
    out_c, out_h, *paths = sys.argv[1:]
    with open(out_c, "w", encoding="ascii") as c, open(out_h, "w", encoding="ascii") as h:
        h.write("/* Made by kernels-cl/embed.py. */\n#include \"opencl.h\"\n")
        c.write("/* Made by kernels-cl/embed.py. */\n#include \"kernels.h\"\n")
        for path in paths:
            name = os.path.splitext(os.path.basename(path))[0]
            text = read(path)
            code = strip(text)
            kernels = data_tensors(name, code)
            names, macros = owned(name, code)
            text = text.encode("ascii")
            h.write(f"extern const ocl_source ocl_{name}_cl;\n")
            c.write(f"static const char {name}_text[] = {{\n")
            for at in range(0, len(text), 24):
                c.write(",".join(map(str, text[at:at + 24])) + ",\n")
            c.write(f"0}};\nstatic const ocl_kernel {name}_kernels[] = {{\n")
            for kernel, mask in kernels.items():
                c.write(f"    {{\"{kernel}\", {mask:#x}}},\n")
            c.write("};\n")
            write_list(c, f"{name}_names", names)
            write_list(c, f"{name}_macros", macros)
            c.write(f"const ocl_source ocl_{name}_cl = {{\"{name}.cl\", {name}_text, {name}_kernels, {len(kernels)}, "
                    f"{name}_names, {name}_macros}};\n")


main()
