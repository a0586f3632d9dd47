#!/usr/bin/env python3
"""Writes rcnn.json: what torchvision computes for networks that propose boxes and then look into them. Each stage by itself, from numbers
of docs/random-weights.md; and whole networks, whose random weights are scaled at the heads so that scores and boxes are spread. Computed in
float64. A picture counts only where torchvision in float32 finds the same objects in the same order, within half of the test's tolerance.

    python3 rcnn.py >rcnn.json      # two minutes of one processor

Needs Debian's python3-torch and python3-torchvision."""
import json
import sys

import torch
import torchvision
from torchvision.models.detection import FasterRCNN, MaskRCNN, _utils
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor, resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, _default_anchorgen
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads
from torchvision.models.detection.roi_heads import RoIHeads, paste_masks_in_image
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead

from detection import SCORES, as_input, power_of_two, rows, same, spread
from logits import SEED, bounds, fill, uniform

STRIDES = (4, 8, 16, 32)
ANCHORS = 3


class Given(torch.nn.Module):
    """In place of a head: its results."""

    def __init__(self, *results):
        super().__init__()
        self.results = results

    def forward(self, _):
        return self.results


def map_sizes(padded):
    sizes = [[side // stride for side in padded] for stride in STRIDES]
    return sizes + [[(side - 1) // 2 + 1 for side in sizes[-1]]]


# ---- Stages ---------------------------------------------------------------------------------------------------------


def propose():
    """The head's results: (anchors, H, W) and (anchors x 4, H, W)."""
    cases = []
    for i, (padded, resized, of_map, most) in enumerate(
            [([64, 96], [60, 90], 1000, 1000), ([64, 96], [64, 91], 20, 30), ([160, 32], [160, 1], 1000, 1000), ([224, 320], [219, 320], 1000, 50)]):
        sizes = map_sizes(padded)
        logits = [fill(f"propose{i}.logits{level}", (1, ANCHORS, *size), -6, 6) for level, size in enumerate(sizes)]
        codes = [fill(f"propose{i}.codes{level}", (1, 4 * ANCHORS, *size), -1, 1) for level, size in enumerate(sizes)]
        network = RegionProposalNetwork(_default_anchorgen(), Given(logits, codes), 0.7, 0.3, 256, 0.5,
                                        {"testing": of_map}, {"testing": most}, 0.7).eval()
        maps = {str(level): torch.zeros(1, 1, *size, dtype=torch.float64) for level, size in enumerate(sizes)}
        (boxes,), _ = network(ImageList(torch.zeros(1, 3, *padded), [tuple(resized)]), maps)
        cases.append({"padded": padded, "resized": resized, "maps": sizes, "of_map": of_map, "most": most,
                      "count": len(boxes), "boxes": spread(boxes, min(401, 4 * len(boxes)))})
    return cases


def make_boxes(name, count, height, width, least=0.0, power=2):
    """Corners within the picture; most boxes are small. Rounded to float32, as the network takes them."""
    u = torch.from_numpy(uniform(name, 4 * count).reshape(count, 4))
    sides = (least + (1 - least) * u[:, 2:] ** power) * torch.tensor([width, height])
    first = u[:, :2] * (torch.tensor([width, height]) - sides)
    return torch.cat([first, first + sides], dim=1).float().double()


def regions():
    cases = []
    for i, (classes, count, resized, least, most) in enumerate([(5, 200, [60, 90], 0.05, 100), (91, 60, [300, 200], 0.02, 300), (2, 300, [64, 64], 0.3, 10)]):
        logits = fill(f"regions{i}.logits", (count, classes), -3, 3)
        codes = fill(f"regions{i}.codes", (count, 4 * classes), -5, 5)
        boxes = make_boxes(f"regions{i}.boxes", count, *resized)
        boxes[3, 2:] = boxes[3, :2]  # without area
        heads = RoIHeads(None, None, None, 0.5, 0.5, 512, 0.25, None, least, 0.5, most).eval()
        found = heads.postprocess_detections(logits, codes, [boxes], [tuple(resized)])
        cases.append({"classes": classes, "count": count, "resized": resized, "least": least, "most": most,
                      "boxes": [float(f"{v:.9g}") for v in boxes.flatten().tolist()],
                      "found": rows(dict(zip(("boxes", "scores", "labels"), (part[0] for part in found))))})
    return cases


def of_mask(mask, kept):
    """Places row by row and values there, of those that are not 0; how many these are, and their sum."""
    flat = mask.flatten()
    places = flat.nonzero()[:, 0]
    places = [places[i * (len(places) - 1) // max(1, kept - 1)].item() for i in range(min(kept, len(places)))]
    return {"at": places, "values": [float(f"{flat[place].item():.7g}") for place in places],
            "count": int((flat != 0).sum()), "sum": float(f"{flat.sum().item():.9g}")}


def paste():
    """Boxes within the picture, some with a side of less than a pixel."""
    height, width, count = 60, 90, 30
    boxes = make_boxes("paste.boxes", count, height, width)
    boxes[4] = torch.tensor([0.0, 0.0, width, height])
    boxes[5, 2:] = boxes[5, :2]
    masks = fill("paste.masks", (count, 1, 28, 28), 0, 1)
    made = paste_masks_in_image(masks, boxes, (height, width))
    return [{"height": height, "width": width, "boxes": [float(f"{v:.9g}") for v in boxes.flatten().tolist()],
             "masks": [of_mask(mask, 20) for mask in made]}]


# ---- Whole networks -------------------------------------------------------------------------------------------------

# model, backbone, classes, proposals, objects, short and long side, whether norms have an epsilon, shapes of pictures
NETS = [("fasterrcnn_resnet18_fpn", "resnet18", 5, 60, 100, 96, 160, True, [(60, 90), (97, 64), (50, 50), (40, 120), (130, 97)]),
        ("fasterrcnn_resnet18_fpn", "resnet18", 5, 40, 100, 64, 160, False, [(60, 90)]),
        ("fasterrcnn_resnet18_fpn_v2", "resnet18", 4, 32, 100, 64, 160, True, [(60, 90)]),
        ("fasterrcnn_resnet50_fpn", "resnet50", 91, 40, 100, 64, 100, True, [(75, 90)]),
        ("maskrcnn_resnet18_fpn", "resnet18", 4, 30, 8, 64, 160, True, [(60, 90), (90, 60)])]
# The wanted deviations: of the proposals' logits and codes, of the classes' and their boxes', and of masks.
WANTED = {"rpn.head.cls_logits": 1.5, "rpn.head.bbox_pred": 0.3, "roi_heads.box_predictor.cls_score": 1.5,
          "roi_heads.box_predictor.bbox_pred": 1.0, "roi_heads.mask_predictor.mask_fcn_logits": 2.0}


def build_parts(name, backbone):
    if not name.endswith("_v2"):
        return {"backbone": resnet_fpn_backbone(backbone_name=backbone, weights=None)}
    body = getattr(torchvision.models, backbone)(weights=None)
    return {"backbone": _resnet_fpn_extractor(body, 5, norm_layer=torch.nn.BatchNorm2d), "rpn_head": RPNHead(256, ANCHORS, conv_depth=2),
            "box_head": FastRCNNConvFCHead((256, 7, 7), [256] * 4, [1024], norm_layer=torch.nn.BatchNorm2d),
            **({"mask_head": MaskRCNNHeads(256, [256] * 4, 1, norm_layer=torch.nn.BatchNorm2d)} if name.startswith("mask") else {})}


def build(name, backbone, classes, proposals, objects, short, long, bare):
    kind = MaskRCNN if name.startswith("mask") else FasterRCNN
    net = kind(num_classes=classes, min_size=short, max_size=long, rpn_post_nms_top_n_test=proposals, box_detections_per_img=objects,
               **build_parts(name, backbone)).double().eval()
    if bare:
        _utils.overwrite_eps(net, 0.0)
    state = net.state_dict()
    for key, tensor in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        of_product = key.endswith(".bias") and state[key[:-4] + "weight"].dim() in (2, 4)
        state[key] = fill(key, tuple(tensor.shape), *((-0.1, 0.1) if of_product else bounds(key, tuple(tensor.shape))))
    net.load_state_dict(state)
    return net


def change(net, layer, factor, shift):
    """As the test does it in float32. shift: one number, or one for each element."""
    module = net.get_submodule(layer)
    module.weight *= factor
    module.bias.copy_((module.bias.float() * factor + torch.tensor(shift).float()).double())
    return [layer, factor, shift]


def results(net, layer, images):
    """What the layer gives for all pictures."""
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(lambda module, inputs, out: kept.append(out))
    for image in images:
        net([image])
    handle.remove()
    return kept


def spread_heads(net, images):
    """Factors that give the heads' results these deviations, from the first head on; and shifts, so that all classes have the same
    mean, and masks the mean 0."""
    changes = []
    modules = dict(net.named_modules())
    for layer, wanted in WANTED.items():
        if layer not in modules:
            continue
        outs = torch.cat([out.flatten() if out.dim() == 4 else out for out in results(net, layer, images)])
        centre = outs.mean(0)
        factor = power_of_two(wanted / (outs - centre).std().item())
        shift = 0.0
        if layer.endswith("cls_score"):
            shift = [round(-factor * mean, 2) for mean in centre.tolist()]
        elif layer.endswith("mask_fcn_logits"):
            shift = round(-factor * centre.item(), 2)
        changes.append(change(net, layer, factor, shift))
    return changes


def same_masks(wide, narrow):
    return "masks" not in wide or (wide["masks"] - narrow["masks"].double()).abs().max().item() <= SCORES / 2


def nets(only=None):
    cases = []
    for number, (name, backbone, classes, proposals, objects, short, long, epsilon, shapes) in enumerate(NETS):
        if only and only not in name:
            continue
        net = build(name, backbone, classes, proposals, objects, short, long, not epsilon)
        changes = spread_heads(net, [as_input(f"rcnn{number}.picture{i}", *shape) for i, shape in enumerate(shapes)])
        assert net.roi_heads.box_roi_pool.scales == [2.0**-level for level in (2, 3, 4, 5)]
        narrow = build(name, backbone, classes, proposals, objects, short, long, not epsilon)
        narrow.load_state_dict(net.state_dict())
        narrow.float()
        narrow([as_input("rcnn.picture", 90, 90).float()])
        assert narrow.roi_heads.box_roi_pool.scales == net.roi_heads.box_roi_pool.scales
        tried, dropped, pictures = 0, 0, []
        for height, width in shapes:
            while True:
                label = f"rcnn{number}.picture{tried}"
                tried += 1
                image = as_input(label, height, width)
                wide, other = net([image])[0], narrow([image.float()])[0]
                if same(wide, other) and same_masks(wide, other):
                    break
                dropped += 1
            scores = [score for score in wide["scores"].tolist() if score < 0.999]
            assert len(set(scores)) >= min(20, objects), scores
            masks = {"masks": [of_mask(mask, 20) for mask in wide["masks"]]} if "masks" in wide else {}
            pictures.append({"picture": label, "height": height, "width": width, "found": rows(wide), **masks})
        assert dropped <= tried / 2
        cases.append({"model": name, "classes": classes, "proposals": proposals, "objects": objects, "short": short, "long": long, "epsilon": epsilon,
                      "changes": changes, "pictures": pictures})
        print(f"{name}: {tried} pictures, {dropped} dropped; {[len(p['found']) for p in pictures]} objects; {changes}", file=sys.stderr)
    return cases


def looks():
    """The second part alone: maps of all levels and boxes whose sides are 2 to 500 pixels."""
    name, backbone, classes = "fasterrcnn_resnet18_fpn", "resnet18", 5
    net = build(name, backbone, classes, 12, 100, 800, 1333, False)
    padded = [448, 512]
    maps = {str(level): fill(f"look.map{level}", (1, 256, *size), -1, 1) for level, size in enumerate(map_sizes(padded)[:4])}
    boxes = make_boxes("look.boxes", 12, *padded, least=0.004, power=1)
    boxes[0] = torch.tensor([0.0, 3.0, 512.0, 445.0])  # of the last level
    pooled = net.roi_heads.box_roi_pool(maps, [boxes], [tuple(padded)])
    levels = net.roi_heads.box_roi_pool.map_levels([boxes])
    assert len(levels.unique()) == 4
    scores, codes = net.roi_heads.box_predictor(net.roi_heads.box_head(pooled))
    return [{"model": name, "classes": classes, "padded": padded, "boxes": [float(f"{v:.9g}") for v in boxes.flatten().tolist()],
             "scores": [float(f"{v:.9g}") for v in scores.flatten().tolist()], "codes": [float(f"{v:.9g}") for v in codes.flatten().tolist()]}]


def main():
    torch.manual_seed(SEED)
    with torch.no_grad():
        parts = {"propose": propose(), "regions": regions(), "paste": paste(), "looks": looks(), "nets": nets()}
    print("{" + ",\n".join(f'"{key}": [' + ",\n".join(json.dumps(case) for case in cases) + "]" for key, cases in parts.items()) + "}")


if __name__ == "__main__":
    main()
