#!/usr/bin/env python3
"""Writes cifar/: small CIFAR archives of the Python version, as the several pickles that Python and numpy write, and the same
pictures in the binary version.

python3 cifar_python.py OLD|NEW       OLD with numpy 1, which names its functions numpy.core; NEW with numpy 2

cifar/bin has the binary files. cifar/FORM has cifar-10-batches-py/test_batch (2 pictures) and batches.meta, and some have
cifar-100-python/test (1 picture) and meta. Form python2 is as the published archives are, and has a train split, too."""
import io
import pathlib
import pickle
import sys

import numpy

HERE = pathlib.Path(__file__).resolve().parent / "cifar"
NAMES10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
NAMES100 = [f"fine_{i}" for i in range(100)]


class Python2(pickle._Pickler):
    """Strings and bytes as Python 2's str: SHORT_BINSTRING and BINSTRING, or STRING in protocol 0."""
    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        data = value.encode() if isinstance(value, str) else value
        if self.proto == 0:
            self.write(b"S" + repr(data)[1:].encode() + b"\n")
        elif len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_string


def python2(value, protocol=2):
    file = io.BytesIO()
    Python2(file, protocol, fix_imports=True).dump(value)
    return file.getvalue()


def pixels(file, count):
    i = numpy.arange(3072)
    return numpy.stack([file * 50 + r + i // 1024 * 7 + i % 1024 for r in range(count)]).astype(numpy.uint8)


def batch(file, count, key=str, labels=list, order="C", kind="test batch"):
    """CIFAR-10's dictionary: labels are 9, 8, 7 ..."""
    named = {"batch_label": kind, "labels": labels([(9 - file - r) % 10 for r in range(count)]),
             "data": numpy.array(pixels(file, count), order=order), "filenames": [f"p_{r}.png" for r in range(count)]}
    return {key(k): v for k, v in named.items()}


def hundred(file, count, key=str, labels=list, order="C"):
    named = {"filenames": [f"p_{r}.png" for r in range(count)], "batch_label": "testing batch 1 of 1",
             "fine_labels": labels([99 - file - r for r in range(count)]), "coarse_labels": [r for r in range(count)],
             "data": numpy.array(pixels(file, count), order=order)}
    return {key(k): v for k, v in named.items()}


def put(name, data):
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def put_form(form, dump, text=str, both=True, **how):
    put(f"{form}/cifar-10-batches-py/test_batch", dump(batch(3, 2, text, **how)))
    put(f"{form}/cifar-10-batches-py/batches.meta", dump({text("num_vis"): 3072, text("label_names"): [text(n) for n in NAMES10]}))
    if not both:
        return
    put(f"{form}/cifar-100-python/test", dump(hundred(1, 1, text, **how)))
    put(f"{form}/cifar-100-python/meta", dump({text("fine_label_names"): [text(n) for n in NAMES100],
                                              text("coarse_label_names"): []}))


def plain(protocol):
    return lambda value: pickle.dumps(value, protocol)


def as_bytes(text):
    return text.encode()


def old():
    put("bin/cifar-10-batches-bin/test_batch.bin",
        b"".join(bytes([(6 - r) % 10]) + pixels(3, 2)[r].tobytes() for r in range(2)))
    put("bin/cifar-100-binary/test.bin", b"".join(bytes([r, 98 - r]) + pixels(1, 1)[r].tobytes() for r in range(1)))
    put_form("python2", python2)
    for file in range(1, 6):
        put(f"python2/cifar-10-batches-py/data_batch_{file}", python2(batch(file, 1, kind=f"training batch {file} of 5")))
    put("python2/cifar-100-python/train", python2(hundred(2, 1)))
    put_form("python2-protocol0", lambda value: python2(value, 0), both=False)
    for protocol in range(6):
        put_form(f"protocol{protocol}", plain(protocol), both=protocol in (2, 4))
    # As people write it again who read it with encoding="bytes": keys and names are bytes. Labels as an array.
    put_form("keys2", plain(2), as_bytes, labels=numpy.array)
    put_form("keys4", plain(4), as_bytes, labels=lambda values: numpy.array(values, ">i2"))
    put_form("columns", plain(4), order="F", both=False)


def new():
    put_form("numpy2", plain(4), both=False, labels=numpy.array)
    put_form("numpy2-protocol5", plain(5), both=False, labels=numpy.array)


wanted = {"OLD": ("1", old), "NEW": ("2", new)}[sys.argv[1]]
if not numpy.__version__.startswith(wanted[0]):
    sys.exit(f"numpy {wanted[0]} is needed, this is {numpy.__version__}")
wanted[1]()
