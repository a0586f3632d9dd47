#!/usr/bin/env python3
"""How far two safetensors files of float32 are from each other: apart.py A B MOST

Prints the largest difference, as a part of the largest number; the exit status is 1 when it is above MOST or the files have other
tensors."""
import array
import json
import sys


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    found = {}
    for name, tensor in header.items():
        if tensor["dtype"] != "F32":
            sys.exit(f"{path}: {name} is {tensor['dtype']}, not F32")
        start, end = tensor["data_offsets"]
        found[name] = array.array("f", data[start:end])
    return found


def main(a, b, most):
    ours, theirs = tensors(a), tensors(b)
    if {name: len(values) for name, values in ours.items()} != {name: len(values) for name, values in theirs.items()}:
        sys.exit(f"{a} and {b} have other tensors")
    apart = max(abs(x - y) for name in ours for x, y in zip(ours[name], theirs[name]))
    apart /= max(abs(y) for values in theirs.values() for y in values)
    print(f"{apart:.2g}")
    return not apart <= float(most)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
