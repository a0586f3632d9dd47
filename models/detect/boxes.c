/* boxes.c - anchors, and the boxes that a network makes of them, as torchvision's AnchorGenerator and BoxCoder have them. */
#include "models/detect/detect.h"

#include <math.h>

static const float ratios[] = {0.5f, 1, 2}; /* height to width */
enum { RATIOS = sizeof ratios / sizeof *ratios };

int64_t anchors_each(const net_anchors *anchors)
{
    return RATIOS * anchors->nscales;
}

/* In float32, whose roundings decide some halves. */
detect_box anchor_at(const detect_grid *grid, int64_t place, int64_t shape)
{
    const net_anchors *anchors = grid->anchors;
    const float scale = anchors->scales[grid->level][shape % anchors->nscales];
    const float taller = sqrtf(ratios[shape / anchors->nscales]), wider = 1 / taller;
    const double half_width = (double)rintf(wider * scale / 2), half_height = (double)rintf(taller * scale / 2);
    const double x = (double)(place % grid->size[1] * (grid->padded[1] / grid->size[1]));
    const double y = (double)(place / grid->size[1] * (grid->padded[0] / grid->size[0]));
    return (detect_box){x - half_width, y - half_height, x + half_width, y + half_height};
}

detect_box box_decode(const detect_box *from, const double code[4])
{
    const double most = log(1000. / 16); /* a side grows by no more, whatever the network says */
    const double width = from->right - from->left, height = from->bottom - from->top;
    const double x = code[0] * width + from->left + width / 2;
    const double y = code[1] * height + from->top + height / 2;
    const double half_width = exp(fmin(code[2], most)) * width / 2;
    const double half_height = exp(fmin(code[3], most)) * height / 2;
    return (detect_box){x - half_width, y - half_height, x + half_width, y + half_height};
}

static double within(double x, int64_t side)
{
    return fmin(fmax(x, 0), (double)side);
}

detect_box box_clip(const detect_box *box, const int64_t size[2])
{
    return (detect_box){within(box->left, size[1]), within(box->top, size[0]), within(box->right, size[1]),
                        within(box->bottom, size[0])};
}

bool box_has_sides(const detect_box *box, double least)
{
    return box->right - box->left >= least && box->bottom - box->top >= least;
}

detect_box box_to_picture(const detect_box *box, const padded_frame *frame)
{
    const double x = (double)frame->picture[1] / (double)frame->resized[1];
    const double y = (double)frame->picture[0] / (double)frame->resized[0];
    return (detect_box){x * box->left, y * box->top, x * box->right, y * box->bottom};
}
