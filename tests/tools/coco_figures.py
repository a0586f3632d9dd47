"""The figures of pycocotools as a JSON list: coco_figures.py TRUTH RESULTS. Exit status 77 where pycocotools (PyPI) is missing."""
import contextlib
import io
import json
import sys

try:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError:
    sys.exit(77)

with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(sys.argv[1])
    job = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
    for step in (job.evaluate, job.accumulate, job.summarize):
        step()
print(json.dumps(list(job.stats)))
