#!/usr/bin/env python3
"""Tries the zip of tools/windows under Wine, as a user would, and compares with Linux: try_windows.py ZIP LINUX_BUILD WORK_FOLDER.

The zip is unpacked into a folder whose name has blanks and letters outside ASCII. The last line counts the checks; the exit status is 1
when one failed."""
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_BYTES, MOST_SECONDS, TOLERANCE = 5_000_000, 30, 1e-6
SAMPLES = [f"share/shunt/samples/{path.name}" for path in sorted((ROOT / "data/samples").glob("*.png"))]
passed, failed = 0, 0


def check(name, good, found=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f"{'ok    ' if good else 'FAILED'} {name}{f': {found}' if found != '' else ''}", flush=True)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def run(command, folder, environment, data=None):
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=300, input=data or b"")
    except subprocess.TimeoutExpired as late:
        return Result(-1, late.stdout or b"", b"it did not end within 300 s")
    return Result(done.returncode, done.stdout, done.stderr)


def guesses(text):
    """picture -> class -> probability"""
    return {pathlib.PurePath(image["image"]).name: {guess["label"]: guess["probability"] for guess in image["guesses"]}
            for image in json.loads(text)["images"]}


def apart(ours, theirs):
    if ours.keys() != theirs.keys():
        return float("inf")
    return max(abs(ours[image][label] - theirs[image].get(label, float("inf"))) for image in ours for label in ours[image])


def main(archive, linux, work):
    here = work / "Ein Ordner für Größen"
    shutil.rmtree(here, ignore_errors=True)
    environment = {**os.environ, "WINEPREFIX": str(work / "prefix"), "WINEDEBUG": "-all", "SHUNT_CACHE_DIR": "", "DISPLAY": "", "LC_ALL": "C.UTF-8"}
    for name in ("SHUNT_CACHE_DIR", "SHUNT_PLUGIN_PATH", "SHUNT_DATA_DIR", "SHUNT_DEVICE"):
        environment.pop(name, None)
    run(["wine", "wineboot", "--init"], work, environment)
    run(["wine", "cmd", "/c", "exit"], work, environment) # Wine itself has started when the clock does

    check("the zip has at most 5 MB", archive.stat().st_size <= MOST_BYTES, archive.stat().st_size)
    start = time.monotonic()
    with zipfile.ZipFile(archive) as file:
        file.extractall(here)
    folder = next(here.iterdir())

    def shunt(*arguments, data=None, more=None):
        return run(["wine", "shunt.exe", *arguments], folder, {**environment, **(more or {})}, data)

    def native(*arguments):
        own = {**environment, "SHUNT_PLUGIN_PATH": f"{linux}/backends/opencl", "SHUNT_DATA_DIR": f"{ROOT}/data",
               "SHUNT_CACHE_DIR": str(work / "cache")}
        return run([f"{linux}/tools/shunt", *arguments], folder, own)

    first = shunt("classify", "--device", "scalar", "--json", *SAMPLES)
    seconds = time.monotonic() - start
    check("from unpacking to the first answer, under 30 s", first.code == 0 and seconds < MOST_SECONDS, f"{seconds:.1f} s")
    if first.code:
        print(first.err)
        return

    expected = guesses(native("classify", "--device", "scalar", "--json", *SAMPLES).out)
    top = {image: max(found, key=found.get) for image, found in guesses(first.out).items()}
    check("ten pictures, ten right classes", sum(pathlib.PurePath(image).stem == label for image, label in top.items()) == 10)
    check("scalar as on Linux", apart(guesses(first.out), expected) <= TOLERANCE, apart(guesses(first.out), expected))

    version, native_version = shunt("--version"), native("--version")
    check("version", version.code == 0 and version.out == native_version.out, version.out.strip())
    devices = json.loads(shunt("devices", "--json").out)
    names = [device["device"] if "device" in device else device.get("selector") for device in (devices if isinstance(devices, list) else devices["devices"])]
    check("devices: scalar", "scalar" in names, names)
    if any(name.startswith("opencl") for name in names):
        found = shunt("classify", "--device", "opencl", "--json", *SAMPLES)
        distance = apart(guesses(found.out), expected) if found.code == 0 else found.err
        check("OpenCL as plain C on Linux", found.code == 0 and distance <= TOLERANCE, distance)
    else:
        print("skipped OpenCL: Wine shows no OpenCL device")
    result = shunt("verify", "--device", "scalar", "--count", "3")
    check("verify, every kind of op on scalar", result.code == 0, (result.out.strip().splitlines() or [result.err])[-1])
    doctor = shunt("doctor")
    check("doctor", "OpenCL" in doctor.out and doctor.code in (0, 1), doctor.code)

    # Names outside ASCII, backslashes, folders, lists, standard input and output.
    own = folder / "Bildér 猫"
    own.mkdir()
    shutil.copy(folder / SAMPLES[3], own / "Käse.png")
    for name, arguments, data in (("a name outside ASCII", ["Bildér 猫/Käse.png"], None), ("backslashes", [r"share\shunt\samples\cat.png"], None),
                                  ("a folder", ["Bildér 猫"], None), ("a folder with a slash", ["Bildér 猫/"], None),
                                  ("standard input", ["-"], (folder / SAMPLES[3]).read_bytes()),
                                  ("a list", ["--list", "-"], "Bildér 猫/Käse.png\r\n".encode())):
        result = shunt("classify", "--device", "scalar", "--top", "1", *arguments, data=data)
        check(name, result.code == 0 and "cat" in result.out, result.err if result.code else "")
    result = shunt("classify", "--device", "scalar", "--csv", *SAMPLES)
    check("CSV has lines as on Linux", "\r" not in result.out and len(list(csv.reader(io.StringIO(result.out)))) > 10)

    # Files that are written, replaced while they are mapped, and trained with.
    weights = "share/shunt/models/resnet20-cifar10.safetensors"
    result = shunt("convert", weights, r"Bildér 猫\kopie.safetensors")
    native("convert", weights, "linux.safetensors")
    check("convert writes what Linux writes", result.code == 0 and
          (own / "kopie.safetensors").read_bytes() == (folder / "linux.safetensors").read_bytes(), result.err)
    result = shunt("convert", "Bildér 猫/kopie.safetensors", "Bildér 猫/kopie.safetensors", "--dtype", "f16")
    check("a file is replaced while it is read", result.code == 0 and (own / "kopie.safetensors").stat().st_size < 700_000, result.err)
    for number, sample in enumerate(SAMPLES):
        for part in ("train", "val"):
            place = folder / "pets" / part / f"class {number % 2}"
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / sample, place)
    training = ["--data", "imagefolder:pets", "--batch", "5", "--model", "resnet8", "--recipe", "fast", "--epochs", "2", "--seed", "2",
                "--device", "scalar", "--threads", "1"]
    result, other = shunt("train", *training, "--out", "run"), native("train", *training, "--out", "linux-run")
    check("train", result.code == 0, result.err if result.code else "")
    check("train, resumed at its end", shunt("train", *training, "--out", "run", "--resume").code in (0, 1))
    result = shunt("eval", "--device", "scalar", "--weights", "run/best.safetensors", "--data", "imagefolder:pets")
    check("eval of what was trained", result.code == 0, result.err if result.code else "")
    check("the cache folder is the user's", any((work / "prefix").rglob("AppData/Local/shunt/cache")))

    # Bad input: one line, which names the file.
    for name, arguments in (("a file that is not there", ["classify", "nicht da.png"]), ("a path that Windows cannot have", ["classify", 'a?b<c>|.png']),
                            ("a picture that is none", ["classify", weights]), ("a folder without pictures", ["classify", "include"]),
                            ("a weight file that is none", ["inspect", "--weights", SAMPLES[0]]), ("a device that is not there", ["classify", "--device", "nope", SAMPLES[0]]),
                            ("an output folder that is not there", ["convert", weights, "nirgends/x.safetensors"]), ("tune", ["tune", "--model", "resnet20"])):
        result = shunt(*arguments)
        lines = [line for line in result.err.splitlines() if "info:" not in line]
        check(f"{name}: one line", result.code in (1, 2) and len(lines) == 1, lines[0] if len(lines) == 1 else result.err)
    left = [path.name for path in here.rglob("*.tmp-*")]
    check("no temporary file is left", not left, left or "")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*(pathlib.Path(argument).resolve() for argument in sys.argv[1:]))
    print(f"{passed} checks passed, {failed} failed")
    sys.exit(1 if failed else 0)
