#!/usr/bin/env python3
"""Writes a C file that calls every function of the public headers with NULL for each pointer argument in turn, and with NULL for
all of them: null_calls.py HEADER... >null_calls.c. tests/api/null.c says what stands for the other arguments."""
import pathlib
import re
import sys

# Arguments that may be NULL, by what the headers say. "*" stands for every function.
OPTIONAL = {
    ("*", "options"), ("*", "context"), ("*", "params"), ("*", "split"), ("*", "frozen"),
    ("shunt_device_open", "selector"), ("shunt_set_option", "value"), ("shunt_weights_metadata_next", "key"),
    ("shunt_weights_unusable_next", "name"), ("shunt_image_decode", "name_for_errors"),
    ("shunt_image_decode_upright", "name_for_errors"), ("shunt_dataset_open_labelled", "labels"),
}
# With NULL there they do what they are for, and for long, or with an object that they take over.
LEFT_OUT = {("shunt_device_verify", "options"), ("shunt_executor_tune", "options"), ("shunt_dataset_of_objects", "options")}


def functions(text):
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    for result, name, parameters in re.findall(r"SHUNT_API\s+([\w\s*]+?)\b(shunt_\w+)\(([^;]*)\)\s*;", text):
        yield result.strip(), name, [split(p) for p in parameters.split(",") if p.strip() != "void"]


def split(parameter):
    """("const shunt_graph *", "graph")"""
    kind, name = re.fullmatch(r"\s*(.*?[\s*])(\w+)\s*", parameter, re.S).groups()
    return " ".join(kind.split()), name


def is_pointer(kind):
    return kind.endswith("*")


def call(result, name, parameters, nulls):
    arguments = ", ".join("NULL" if i in nulls else f"VALID({kind.replace('const ', '')}, {parameter})"
                          if is_pointer(kind) else "NULL" if kind.endswith("_handler") else "1" for i, (kind, parameter) in enumerate(parameters))
    which = ", ".join(parameters[i][1] for i in nulls)
    needed = not any((function, parameters[i][1]) in OPTIONAL for i in nulls for function in ("*", name))
    if result == "shunt_status":
        return f'    TRY("{name}", "{which}", {int(needed)}, {name}({arguments}));\n'
    return f'    TRY("{name}", "{which}", 0, ((void){name}({arguments}), SHUNT_OK));\n'


def calls(header):
    for result, name, parameters in functions(pathlib.Path(header).read_text(encoding="utf-8")):
        pointers = [i for i, (kind, _) in enumerate(parameters) if is_pointer(kind)]
        for nulls in [[i] for i in pointers] + ([pointers] if len(pointers) > 1 else []):
            if not any((name, parameters[i][1]) in LEFT_OUT for i in nulls):
                yield call(result, name, parameters, nulls)


print('#include "tests/api/null.h"\n\nvoid call_all(void)\n{')
for path in sys.argv[1:]:
    print("".join(calls(path)), end="")
print("}")
