#!/usr/bin/env python3
"""Reads the pictures that studies draw: plots.py SHUNT. Bars are as long as their values and have their names, points lie where a
logarithm puts them, colours can be told apart, and no name lies on a line, a bar or another name."""
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

SHUNT = os.path.abspath(sys.argv[1])
RUN = "model,seed,data,device,recipe,batch,epochs,steps,parameters,bytes,epoch,step,training_loss,training_error,test_loss,test_error,seconds"
LESION = "network,removed,repeat,blocks,reshapes,block,blocks_in_all,pictures,wrong,error,chance"
RESPONSES = "network,layer,name,pictures,mean,deviation"


# ---- Reading a picture --------------------------------------------------------------------------------------------------


def attributes(element):
    """Of cairo 1.16, which has them in `style`, and of later ones."""
    found = dict(element.attrib)
    for part in filter(None, found.get("style", "").split(";")):
        name, value = part.split(":")
        found[name.strip()] = value.strip()
    return found


def color(text):
    return tuple(float(part) for part in re.findall(r"([\d.]+)%", text)) if text and text.startswith("rgb") else None


def points(path):
    """Of a path without relative commands; of a curve its ends and handles."""
    numbers = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", path)]
    return list(zip(numbers[::2], numbers[1::2]))


def box(of):
    return min(x for x, _ in of), min(y for _, y in of), max(x for x, _ in of), max(y for _, y in of)


class Picture:
    """texts: (box, glyphs); lines: (points, width, colour); bars: (box, colour, opacity)."""

    def __init__(self, path):
        root = ElementTree.parse(path + ".svg").getroot()
        size = float(root.get("width").rstrip("pt")), float(root.get("height").rstrip("pt"))
        with open(path + ".png", "rb") as file:
            head = file.read(24)
        assert head[1:4] == b"PNG" and struct.unpack(">II", head[16:24]) == (2 * size[0], 2 * size[1]), (path, size)
        self.size, self.texts, self.lines, self.bars, self.dots = size, [], [], [], []
        self.glyphs = {}
        for element in root.iter():
            name = element.get("id") or ""
            if name.startswith("glyph"):
                self.glyphs[name] = [p for part in element if part.get("d") for p in points(part.get("d"))]
        self.read(root)

    def read(self, element):
        for part in element:
            kind = part.tag.split("}")[1]
            uses = [u for u in part if u.tag.endswith("}use")]
            if kind == "g" and uses:
                self.read_text(uses)
            elif kind == "path":
                self.read_path(attributes(part))
            elif kind in ("g", "svg"):
                self.read(part)

    def read_text(self, uses):
        spots, names = [], []
        for use in uses:
            name = next(v for k, v in use.attrib.items() if k.endswith("href"))[1:]
            x, y = float(use.get("x")), float(use.get("y"))
            spots += [(x + dx, y + dy) for dx, dy in self.glyphs[name]]
            names.append(name)
        if spots:
            self.texts.append((box(spots), names))

    def read_path(self, found):
        spots, fill, stroke = points(found["d"]), color(found.get("fill")), color(found.get("stroke"))
        corners = found["d"].count("L")
        if fill and "Z" in found["d"] and "C" not in found["d"] and corners == 3 and box(spots)[2] < self.size[0]:
            self.bars.append((box(spots), fill, float(found.get("fill-opacity", 1))))
        elif fill and "C" in found["d"]:
            left, top, right, bottom = box(spots)
            self.dots.append(((left + right) / 2, (top + bottom) / 2, fill))
        elif stroke and not fill:
            self.lines.append((spots, float(found["stroke-width"]), stroke))


# ---- What must hold for each picture --------------------------------------------------------------------------------------


def crosses(a, b, of):
    """Whether the line from a to b comes into the box: Liang and Barsky's clipping."""
    begin, end = 0.0, 1.0
    for start, step, low, high in ((a[0], b[0] - a[0], of[0], of[2]), (a[1], b[1] - a[1], of[1], of[3])):
        if step == 0:
            if not low < start < high:
                return False
            continue
        one, two = sorted(((low - start) / step, (high - start) / step))
        begin, end = max(begin, one), min(end, two)
    return begin < end


def check_texts(picture, where):
    texts = [text for text, _ in picture.texts]
    assert texts, where
    for i, text in enumerate(texts):
        assert text[0] >= 0 and text[1] >= 0 and text[2] <= picture.size[0] and text[3] <= picture.size[1], (where, "off", text)
        for other in texts[:i]:
            beside = text[2] <= other[0] or other[2] <= text[0] or text[3] <= other[1] or other[3] <= text[1]
            assert beside, (where, "names on each other", text, other)
        for line, _, _ in picture.lines:
            for a, b in zip(line, line[1:]):
                assert not crosses(a, b, text), (where, "a name on a line", text, a, b)
        for bar, _, _ in picture.bars:
            beside = text[2] <= bar[0] or bar[2] <= text[0] or text[3] <= bar[1] or bar[3] <= text[1]
            assert beside, (where, "a name on a bar", text, bar)


def draw(study, header, rows, names):
    """The study's pictures of these results, each checked."""
    os.mkdir(study)
    with open(study + "/results.csv", "w", encoding="utf-8") as file:
        file.write("\n".join([header] + [",".join(str(cell) for cell in row) for row in rows]) + "\n")
    subprocess.run([SHUNT, "study", study, "--out", study, "--redraw"], check=True, stdout=subprocess.DEVNULL)
    found = {}
    for name in names:
        found[name] = Picture(study + "/" + name)
        check_texts(found[name], study + "/" + name)
    os.rename(study, study + "-done-" + str(len(os.listdir("."))))
    return found


def run_row(model, epoch, epochs, training, test, seed=1):
    return [model, seed, "cifar10", "CPU", "paper", 128, epochs, epochs, 1000, 2000, epoch, epoch, 1, training, 1, test, 1]


# ---- Colours ----------------------------------------------------------------------------------------------------------------

XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
# Machado, Oliveira and Fernandes 2009, without the receptors for red, and for green.
EYES = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
)


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector)) for row in matrix]


def lab(percent, eye):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (p / 100 for p in percent)]
    seen = [min(max(c, 0), 1) for c in times(eye, linear)]
    x, y, z = (value / white for value, white in zip(times(XYZ, seen), times(XYZ, (1, 1, 1))))
    f = [t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def check_colors(colors):
    assert len(set(colors)) == 12, colors
    for eye, least in zip(EYES, (25, 17, 17)):
        seen = [lab(c, eye) for c in colors]
        distances = [math.dist(a, b) for i, a in enumerate(seen) for b in seen[:i]]
        assert min(distances) >= least, (min(distances), least)


# ---- The pictures -------------------------------------------------------------------------------------------------------------

NETWORKS = ["resnet%d-%s" % (depth, option) for depth in (20, 32, 44, 56) for option in "ABC"]


def check_curves():
    """Twelve networks that end close together, some of them early."""
    rows = []
    for i, model in enumerate(NETWORKS):
        last = 6 - i % 3
        rows += [run_row(model, e, 6, 0.5, 0.5 / e + 0.001 * i) for e in range(1, last + 1)]
    picture = draw("ablation", RUN, rows, ["curves"])["curves"]
    curves = [line for line in picture.lines if line[1] == 2 and len(line[0]) > 2]
    assert [len(line[0]) for line in curves] == [6 - i % 3 for i in range(12)], curves
    check_colors([line[2] for line in curves])
    end = max(x for line in curves for x, _ in line[0])
    names = [text for text, _ in picture.texts if text[0] > end]
    assert len(names) == 12, names


def check_bars():
    """One epoch: a bar for each network, as long as its mean, with a line over its seeds."""
    errors = [0.9 - 0.05 * i for i in range(12)]
    rows = [run_row(m, 1, 1, 0.5, e + d, seed) for m, e in zip(NETWORKS, errors) for seed, d in ((1, -0.01), (2, 0.01))]
    picture = draw("ablation", RUN, rows, ["curves"])["curves"]
    assert len(picture.bars) == 12, picture.bars
    check_colors([bar[1] for bar in picture.bars])
    scale = (picture.bars[0][0][2] - picture.bars[0][0][0]) / errors[0]
    for (left, top, right, bottom), error in zip([bar[0] for bar in picture.bars], errors):
        assert abs((right - left) / error - scale) < 0.01 * scale, (left, right, error)
        inside = [line for line, _, _ in picture.lines if len(line) == 2 and top < line[0][1] == line[1][1] < bottom]
        assert inside and all(abs(abs(a[0] - b[0]) - 0.02 * scale) < 1 for a, b in inside), inside
    picture = draw("degradation", RUN, [run_row("plain20", 1, 1, 0.6, 0.3)], ["plain"])["plain"]
    assert [bar[2] for bar in picture.bars] == [1, 0.25], picture.bars
    test, training = (bar[0][2] - bar[0][0] for bar in picture.bars)
    assert abs(training - 2 * test) < 0.1, (test, training)


def check_lesion():
    """Bars with the names of blocks; those that change the shape are pale; the second network of a name has a picture, too."""
    blocks = ["layer%d.%d" % (stage, block) for stage in (1, 2, 3) for block in (0, 1, 2)]
    rows = []
    for network in ("resnet20", "resnet20 (2)"):
        rows.append([network, 0, 0, "", 0, 0, 9, 100, 10, 0.1, 0.9])
        for i, name in enumerate(blocks):
            reshapes = int(name in ("layer2.0", "layer3.0"))
            rows.append([network, 1, 0, name, reshapes, i + 1, 9, 100, 20 + i, (20 + 5 * i) / 100, 0.9])
    found = draw("lesion", LESION, rows, ["one-resnet20", "one-resnet20-2", "several"])
    for name in ("one-resnet20", "one-resnet20-2"):
        picture = found[name]
        assert [opacity for _, _, opacity in picture.bars] == [1, 1, 1, 0.25, 1, 1, 0.25, 1, 1], picture.bars
        lengths = [bar[2] - bar[0] for bar, _, _ in picture.bars]
        for i, length in enumerate(lengths):
            assert abs(length / lengths[0] - (20 + 5 * i) / 20) < 0.01, lengths
        left, letters = picture.bars[0][0][0], {}
        for (text, block), (bar, _, _) in zip(zip(blocks, blocks), picture.bars):
            glyphs = next(g for b, g in picture.texts if b[2] < left and bar[1] < (b[1] + b[3]) / 2 < bar[3])
            assert len(glyphs) == len(block), (text, glyphs)
            for letter, glyph in zip(block, glyphs):
                assert letters.setdefault(letter, glyph) == glyph, (text, glyphs)
        assert len(set(letters.values())) == len(letters), letters
        marks = [line for line, width, _ in picture.lines if width == 1.5 and line[0][0] == line[1][0]]
        assert [round((line[0][0] - left) / lengths[0] * 20) for line in marks] == [10, 90], marks


def check_responses():
    """Points lie where the logarithm of their values puts them."""
    values = [0.3, 0.5, 1, 2, 7, 20]
    rows = [["resnet20", i + 1, "layer", 10, 0, v] for i, v in enumerate(values)]
    rows += [["plain8", i + 1, "layer", 10, 0, 3 * v] for i, v in enumerate(values[:4])]
    for name, at in (("layers", values), ("sorted", values[::-1])):
        picture = draw("responses", RESPONSES, rows, [name])[name]
        line = next(line[0] for line in picture.lines if line[1] == 2 and len(line[0]) == 6)
        scale = (line[0][1] - line[-1][1]) / (math.log10(at[-1]) - math.log10(at[0]))
        for (_, y), value in zip(line, at):
            assert abs(line[0][1] - y - scale * (math.log10(value) - math.log10(at[0]))) < 0.01, line


def check_many():
    """More names than a page has room for: it is higher then. Colours repeat with points of another shape."""
    rows = [run_row("plain%d" % (6 * i + 2), e, 3, 0.5 / e, 0.4 / e) for i in range(1, 32) for e in (1, 2, 3)]
    picture = draw("degradation", RUN, rows, ["plain"])["plain"]
    assert picture.size[1] > 480, picture.size
    assert len([line for line in picture.lines if line[1] == 2 and len(line[0]) == 3]) == 62
    assert len(picture.dots) < 62 * 3, "all points are round"


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for check in (check_curves, check_bars, check_lesion, check_responses, check_many):
        check()
