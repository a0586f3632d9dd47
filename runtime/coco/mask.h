/* mask.h - masks of pictures as runs, column by column from the left: how many pixels are outside, inside, outside ... */
#ifndef SHUNT_RUNTIME_MASK_H
#define SHUNT_RUNTIME_MASK_H

#include <shunt/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MASK_MOST_PIXELS = 1 << 28 };

/* The runs' sum is height x width. Freed with mask_free. */
typedef struct mask {
    uint32_t height, width;
    uint32_t *runs; /* the first is outside, and may be 0 */
    size_t count;
} mask;

void mask_free(mask *self);

/* A polygon of npoints corners (x, y, x, y ...), rasterised as COCO's annotations are meant: the outline is drawn on a grid five times
 * as fine, and a column's pixels lie between its crossings. False: corners that are not numbers, or are millions of pixels away or
 * apart (*wrong is set), or no memory. */
bool mask_from_polygon(const double *corners, size_t npoints, uint32_t height, uint32_t width, mask *out, bool *wrong);
/* The pixels of either. False: no memory. */
bool mask_union(const mask *a, const mask *b, mask *out);
/* COCO's compressed runs: each is a number of 5 bits a character, least first, from the third on less the run two before. False: the
 * text is no such list or its runs do not add up to height x width (*wrong is set), or no memory. */
bool mask_from_text(const char *text, size_t length, uint32_t height, uint32_t width, mask *out, bool *wrong);

uint64_t mask_area(const mask *self);
/* The smallest box (x, y, width, height) around the pixels; zeros for none. */
void mask_box(const mask *self, double box[4]);
/* Pixels of both; the masks have the same size. */
uint64_t mask_common(const mask *a, const mask *b);

#endif
