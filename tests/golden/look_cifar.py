#!/usr/bin/env python3
"""Writes look_cifar.json: what look.py computes, for a trained ResNet-20 on CIFAR-10's test pictures: deviations of responses
over the first 500 and over all 10,000; errors without each block, and without some, on the first 500 and on all; gradients on the first 128.

Run with Debian's python3-torch and python3-torchvision, safetensors read by hand:
python3 look_cifar.py resnet20-cifar10-akamaster.safetensors cifar-10-batches-bin/test_batch.bin > look_cifar.json
(some ten minutes of one processor)"""
import json
import sys

import numpy as np
import torch

from logits import build
from look import Responses, gradients, normalize, number, shorten, take_out

FEW, BATCH, GRADIENT_BATCH = 500, 250, 128
SOME = [["layer1.1", "layer2.2"], ["layer1.2", "layer2.1", "layer3.1"], ["layer2.0", "layer3.0"]]


def read_weights(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = torch.from_numpy(np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"]).copy())
    return tensors


def network(path):
    net = build("resnet20", "A", 0)
    state = {name.replace("linear.", "fc."): tensor for name, tensor in read_weights(path).items()}
    missing, extra = net.load_state_dict(state, strict=False)
    assert not extra and all(name.endswith("num_batches_tracked") for name in missing), (missing, extra)
    return net.eval()


def wrong(net, images, labels):
    """Of the first few, and of all."""
    with torch.no_grad():
        bad = torch.cat([net(x).argmax(1) for x in images.split(BATCH)]) != labels
    return [int(bad[:FEW].sum()), int(bad.sum())]


def deviations(weights, images):
    net = network(weights).float()
    responses = Responses(net)
    with torch.no_grad():
        for x in images.split(BATCH):
            net(x)
    return shorten(responses.deviations())


def main(weights, data):
    records = np.fromfile(data, np.uint8).reshape(-1, 3073)
    labels = torch.from_numpy(records[:, 0].astype(np.int64))
    images = normalize(records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float64))
    made = {"deviations_few": deviations(weights, images[:FEW].float())}
    made["deviations"] = deviations(weights, images.float())
    made["wrong"] = wrong(network(weights).float(), images.float(), labels)
    made["lesions"] = []
    blocks = [f"layer{stage}.{i}" for stage in (1, 2, 3) for i in range(3)]
    for lesion in [[block] for block in blocks] + SOME:
        count = wrong(take_out(network(weights).float(), lesion), images.float(), labels)
        made["lesions"].append({"blocks": lesion, "wrong": count})
        print(lesion, count, file=sys.stderr, flush=True)
    loss, norms = gradients(network(weights).double(), images[:GRADIENT_BATCH], labels[:GRADIENT_BATCH])
    made["loss"], made["gradients"] = number(loss), shorten(norms)
    print(json.dumps(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
