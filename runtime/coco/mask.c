/* mask.c - operations on runs; polygons stand in polygon.c. */
#include "runtime/coco/mask.h"

#include <stdlib.h>
#include <string.h>

void mask_free(mask *self)
{
    free(self->runs);
    *self = (mask){0};
}

/* Walks the runs of two masks of one size side by side. */
typedef struct walk {
    const mask *of[2];
    size_t at[2];     /* the run */
    uint32_t left[2]; /* of it */
} walk;

static void skip_empty(walk *self, int w)
{
    while (!self->left[w] && self->at[w] + 1 < self->of[w]->count) self->left[w] = self->of[w]->runs[++self->at[w]];
}

static walk walk_begin(const mask *a, const mask *b)
{
    walk self = {.of = {a, b}, .left = {a->count ? a->runs[0] : 0, b->count ? b->runs[0] : 0}};
    skip_empty(&self, 0);
    skip_empty(&self, 1);
    return self;
}

/* The next pixels that lie in one run of each, and whether these are inside. 0: the end. */
static uint32_t walk_on(walk *self, bool inside[2])
{
    const uint32_t n = self->left[0] < self->left[1] ? self->left[0] : self->left[1];
    for (int w = 0; w < 2; w++) {
        inside[w] = self->at[w] & 1;
        self->left[w] -= n;
        skip_empty(self, w);
    }
    return n;
}

uint64_t mask_common(const mask *a, const mask *b)
{
    uint64_t common = 0;
    bool inside[2];
    walk at = walk_begin(a, b);
    for (uint32_t n; (n = walk_on(&at, inside));)
        if (inside[0] && inside[1]) common += n;
    return common;
}

bool mask_union(const mask *a, const mask *b, mask *out)
{
    bool inside[2];
    *out = (mask){.height = a->height, .width = a->width};
    out->runs = malloc((a->count + b->count + 1) * sizeof *out->runs);
    if (!out->runs) return false;
    out->runs[out->count++] = 0;
    walk at = walk_begin(a, b);
    for (uint32_t n; (n = walk_on(&at, inside));) {
        const bool in = inside[0] || inside[1], last = (out->count - 1) & 1;
        if (in != last) out->runs[out->count++] = 0;
        out->runs[out->count - 1] += n;
    }
    return true;
}

uint64_t mask_area(const mask *self)
{
    uint64_t area = 0;
    for (size_t r = 1; r < self->count; r += 2) area += self->runs[r];
    return area;
}

void mask_box(const mask *self, double box[4])
{
    uint32_t left = self->width, right = 0, top = self->height, bottom = 0;
    uint64_t begin = 0;
    for (size_t r = 0; r < self->count; begin += self->runs[r++]) {
        if (!(r & 1) || !self->runs[r]) continue;
        const uint64_t last = begin + self->runs[r] - 1;
        const uint32_t x0 = (uint32_t)(begin / self->height), x1 = (uint32_t)(last / self->height);
        const uint32_t y0 = x0 < x1 ? 0 : (uint32_t)(begin % self->height);
        const uint32_t y1 = x0 < x1 ? self->height - 1 : (uint32_t)(last % self->height);
        if (x0 < left) left = x0;
        if (x1 > right) right = x1;
        if (y0 < top) top = y0;
        if (y1 > bottom) bottom = y1;
    }
    const bool none = left > right || top > bottom;
    box[0] = none ? 0 : left;
    box[1] = none ? 0 : top;
    box[2] = none ? 0 : right - left + 1;
    box[3] = none ? 0 : bottom - top + 1;
}

/* One number of the text. False: it does not end, or is too long for a run. */
static bool read_number(const char **at, const char *end, int64_t *out)
{
    int64_t value = 0;
    for (int bits = 0; *at < end && bits <= 35; bits += 5) {
        const int c = *(*at)++ - 48;
        if (c < 0 || c > 63) return false;
        value |= (int64_t)(c & 31) << bits;
        if (c & 32) continue;
        if (c & 16) value -= (int64_t)1 << (bits + 5); /* negative */
        *out = value;
        return true;
    }
    return false;
}

bool mask_from_text(const char *text, size_t length, uint32_t height, uint32_t width, mask *out, bool *wrong)
{
    const uint64_t pixels = (uint64_t)height * width;
    const char *at = text, *end = text + length;
    uint64_t sum = 0;
    *wrong = false;
    *out = (mask){.height = height, .width = width, .runs = malloc((length + 1) * sizeof *out->runs)};
    if (!out->runs) return false;
    while (at < end && !*wrong) {
        int64_t run = 0;
        *wrong = !read_number(&at, end, &run);
        if (out->count > 2) run += out->runs[out->count - 2];
        if (*wrong || run < 0 || (uint64_t)run > pixels - sum) {
            *wrong = true;
        } else {
            out->runs[out->count++] = (uint32_t)run;
            sum += (uint64_t)run;
        }
    }
    if (sum != pixels) *wrong = true;
    if (*wrong) mask_free(out);
    return !*wrong;
}
