#!/usr/bin/env python3
"""Writes detection.json: what torchvision computes for networks that find objects. Each stage by itself, from numbers of
docs/random-weights.md; and whole networks, whose random weights are scaled at the heads so that scores and boxes are spread. Computed in float64.
A picture counts only where torchvision in float32 finds the same objects in the same order, within half of the test's tolerance.

    python3 detection.py >detection.json      # a minute of one processor

Needs Debian's python3-torch and python3-torchvision."""
import json
import math
import sys
import types

import torch
from torchvision.models.detection import RetinaNet, _utils
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import _default_anchorgen
from torchvision.models.detection.transform import GeneralizedRCNNTransform, _resize_image_and_masks
from torchvision.ops import nms
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from logits import SEED, bounds, fill, uniform

BOXES, SCORES = 0.01, 1e-4  # the tolerances of the test
STRIDES = (8, 16, 32, 64, 128)


def spread(values, count):
    flat = values.flatten()
    return [float(f"{flat[i * (len(flat) - 1) // (count - 1)].item():.9g}") for i in range(count)]


def picture(name, height, width):
    return torch.from_numpy((256 * uniform(name, height * width * 3)).astype("uint8").reshape(height, width, 3))


def as_input(name, height, width):
    return picture(name, height, width).permute(2, 0, 1).double() / 255


# ---- Stages ---------------------------------------------------------------------------------------------------------


def sizes():
    """Sizes after resizing, of pictures that are not much larger than the result, so that it is quick."""
    u, cases = uniform("sizes", 800), []
    for i in range(200):
        height, width = 1 + int(1200 * u[2 * i] ** 2), 1 + int(1200 * u[2 * i + 1] ** 2)
        for short, long in ((800, 1333), (120 + i, 150 + 2 * i)):
            try:
                image, _ = _resize_image_and_masks(torch.zeros(1, height, width), float(short), float(long))
                cases.append([height, width, short, long, *image.shape[-2:]])
            except RuntimeError:  # nothing is left of a side
                cases.append([height, width, short, long, 0, 0])
    return cases


def frames():
    cases = []
    for i, (height, width, short, long) in enumerate([(37, 61, 64, 100), (90, 41, 33, 200), (50, 50, 50, 50), (1, 7, 9, 40), (30, 200, 64, 96)]):
        transform = GeneralizedRCNNTransform(short, long, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).eval()
        images, _ = transform([as_input(f"frame{i}", height, width)])
        cases.append({"height": height, "width": width, "short": short, "long": long,
                      "resized": list(images.image_sizes[0]), "padded": list(images.tensors.shape[2:]),
                      "norm": images.tensors.norm().item(), "values": spread(images.tensors, 40)})
    return cases


def map_sizes(padded):
    return [[-(-side // stride) for side in padded] for stride in STRIDES]


def make_anchors(padded):
    maps = [torch.zeros(1, 1, *size, dtype=torch.float64) for size in map_sizes(padded)]
    return maps, _default_anchorgen()(ImageList(torch.zeros(1, 1, *padded), [tuple(padded)]), maps)[0]


def anchors():
    cases = []
    for padded in ([128, 160], [800, 1088], [96, 1344], [32, 32]):
        _, made = make_anchors(padded)
        cases.append({"padded": padded, "maps": map_sizes(padded), "count": len(made),
                      "weighted": (made * torch.arange(1, 5)).sum().item(), "boxes": spread(made, 101)})
    return cases


def decode():
    """Boxes of all sizes, one without any; codes up to 10, past the largest growth of a side."""
    boxes = fill("decode.boxes", (50, 4), 0, 200)
    boxes[:, 2:] += boxes[:, :2]
    boxes[7, 2:] = boxes[7, :2]
    codes = fill("decode.codes", (50, 4), -1, 1) * torch.tensor([1.0, 1.0, 10.0, 10.0])
    made = _utils.BoxCoder((1.0, 1.0, 1.0, 1.0)).decode_single(codes.float().double(), boxes)
    return {"count": 50, "boxes": [float(f"{v:.9g}") for v in made.flatten().tolist()]}


def suppress():
    """Boxes with whole corners, some without area, so that unions are hit exactly; scores in eighths, so that many are equal."""
    cases = []
    for i, overlap in enumerate((0.5, 0.5, 0.25, 0.75, 0.7)):
        n = (1, 60, 200, 200, 400)[i]
        u = uniform(f"suppress{i}", 6 * n).reshape(n, 6)
        boxes = torch.from_numpy((u[:, :4] * [8, 8, 6, 6]).astype("int64")).double()
        boxes[:, 2:] += boxes[:, :2]
        scores, labels = torch.from_numpy((8 * u[:, 4]).astype("int64") / 8), torch.from_numpy((3 * u[:, 5]).astype("int64"))
        kept = []
        for label in range(3):
            own = torch.where(labels == label)[0]
            kept += own[nms(boxes[own], scores[own], overlap)].tolist()
        kept.sort(key=lambda k: (-scores[k].item(), k))
        cases.append({"count": n, "overlap": overlap, "kept": kept})
    return cases


def find(logits, codes, boxes, resized, settings):
    """RetinaNet's own method, without a network."""
    self = types.SimpleNamespace(box_coder=_utils.BoxCoder((1.0, 1.0, 1.0, 1.0)), **settings)
    return RetinaNet.postprocess_detections(self, {"cls_logits": logits, "bbox_regression": codes}, [boxes], [tuple(resized)])[0]


def rows(found):
    return [[float(f"{v:.7g}") for v in box] + [float(f"{score:.7g}"), label] for box, score, label in
            zip(found["boxes"].tolist(), found["scores"].tolist(), found["labels"].tolist())]


def dense():
    """The convolutions' results: (anchors x classes, H, W). What torchvision's heads do to them comes first."""
    cases = []
    for i, (classes, padded, resized, of_map, most) in enumerate(
            [(3, [64, 96], [60, 90], 1000, 300), (3, [64, 96], [64, 91], 20, 300), (1, [32, 160], [20, 160], 1000, 7)]):
        maps, made = make_anchors(padded)
        logits, codes = [], []
        for level, size in enumerate(map_sizes(padded)):
            a = fill(f"dense{i}.logits{level}", (9 * classes, *size), -8, 2)
            b = fill(f"dense{i}.codes{level}", (36, *size), -1, 1)
            logits.append(a.view(1, 9, classes, *size).permute(0, 3, 4, 1, 2).reshape(1, -1, classes))
            codes.append(b.view(1, 9, 4, *size).permute(0, 3, 4, 1, 2).reshape(1, -1, 4))
        found = find(logits, codes, made.split([9 * h * w for h, w in map_sizes(padded)]), resized,
                     {"score_thresh": 0.05, "nms_thresh": 0.5, "topk_candidates": of_map, "detections_per_img": most})
        cases.append({"classes": classes, "padded": padded, "resized": resized, "maps": map_sizes(padded), "of_map": of_map,
                      "most": most, "found": rows(found)})
    return cases


# ---- Whole networks -------------------------------------------------------------------------------------------------

# model, backbone, classes, short and long side, whether norms have an epsilon, shapes of pictures
NETS = [("retinanet_resnet18_fpn", "resnet18", 5, 96, 160, True, [(60, 90), (97, 64), (50, 50), (40, 120), (130, 97)]),
        ("retinanet_resnet18_fpn", "resnet18", 5, 64, 160, False, [(60, 90)]),
        ("retinanet_resnet50_fpn", "resnet50", 91, 64, 100, True, [(75, 90)])]
LOGITS, BOX_CODES, CANDIDATES = 1.5, 0.3, 100  # the wanted deviations; classes of anchors that remain


def build(backbone, classes, short, long, bare):
    body = resnet_fpn_backbone(backbone_name=backbone, weights=None, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    net = RetinaNet(body, classes, min_size=short, max_size=long).double().eval()
    if bare:
        _utils.overwrite_eps(net, 0.0)
    state = net.state_dict()
    for key, tensor in state.items():
        of_convolution = key.endswith(".bias") and state[key[:-4] + "weight"].dim() == 4
        state[key] = fill(key, tuple(tensor.shape), *((-0.1, 0.1) if of_convolution else bounds(key, tuple(tensor.shape))))
    net.load_state_dict(state)
    return net


def power_of_two(x):
    return 2.0 ** round(math.log2(x))


def heads(net, image):
    return net.head(list(net.backbone(net.transform([image])[0].tensors).values()))


def spread_heads(net, images):
    """Factors that give the heads' results these deviations, and what is added to the logits so that some classes of anchors remain
    in each picture."""
    outs = [heads(net, image) for image in images]
    logits, codes = (power_of_two(wanted / outs[0][key].std().item()) for wanted, key in ((LOGITS, "cls_logits"), (BOX_CODES, "bbox_regression")))
    level = min((logits * out["cls_logits"]).flatten().sort(descending=True)[0][CANDIDATES].item() for out in outs)
    shift = round(math.log(0.05 / 0.95) - level, 1)
    bias = net.head.classification_head.cls_logits.bias
    net.head.classification_head.cls_logits.weight *= logits
    bias.copy_((bias.float() * logits + torch.tensor(shift).float()).double())
    net.head.regression_head.bbox_reg.weight *= codes
    return {"logits": logits, "shift": shift, "codes": codes}


def same(wide, narrow):
    return (wide["labels"].tolist() == narrow["labels"].tolist()
            and (wide["boxes"] - narrow["boxes"].double()).abs().max().item() <= BOXES / 2
            and (wide["scores"] - narrow["scores"].double()).abs().max().item() <= SCORES / 2)


def nets():
    cases = []
    for number, (name, backbone, classes, short, long, epsilon, shapes) in enumerate(NETS):
        net = build(backbone, classes, short, long, not epsilon)
        factors = spread_heads(net, [as_input(f"net{number}.picture{i}", *shape) for i, shape in enumerate(shapes)])
        narrow = build(backbone, classes, short, long, not epsilon)
        narrow.load_state_dict(net.state_dict())
        narrow.float()
        tried = dropped = 0
        for height, width in shapes:
            while True:
                label = f"net{number}.picture{tried}"
                tried += 1
                image = as_input(label, height, width)
                wide, other = net([image])[0], narrow([image.float()])[0]
                if same(wide, other):
                    break
                dropped += 1
            scores = [score for score in wide["scores"].tolist() if score < 0.999]
            assert len(set(scores)) >= 20, scores
            cases.append({"model": name, "classes": classes, "short": short, "long": long, "epsilon": epsilon, **factors,
                          "picture": label, "height": height, "width": width, "found": rows(wide)})
        assert dropped <= tried / 2
        print(f"{name}: {tried} pictures, {dropped} dropped; {[len(c['found']) for c in cases]} objects; {factors}", file=sys.stderr)
    return cases


def main():
    torch.manual_seed(SEED)
    with torch.no_grad():
        parts = {"sizes": sizes(), "frames": frames(), "anchors": anchors(), "decode": [decode()], "suppress": suppress(),
                 "dense": dense(), "nets": nets()}
    print("{" + ",\n".join(f'"{key}": [' + ",\n".join(json.dumps(case) for case in cases) + "]" for key, cases in parts.items()) + "}")


if __name__ == "__main__":
    main()
