/* bmp.c - BMP: pixels of 1, 4, 8, 16, 24 and 32 bits, uncompressed. No library: those that read it are made for whole windows. As in Pillow, a
 * fourth channel is dropped. */
#include "runtime/data/image.h"

#include <string.h>

#include "runtime/base/error.h"

enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, UNCOMPRESSED = 0, BIT_FIELDS = 3, MOST_COLOURS = 256 };

typedef struct bitmap {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    int64_t height, width;
    bool down; /* the first row is the upper one */
    unsigned bits;
    uint32_t masks[3];
    const uint8_t *palette;
    unsigned colours, each; /* of the palette; bytes of a colour */
    size_t pixels;          /* where they begin */
} bitmap;

static uint32_t number_at(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    while (count--) value = value << 8 | bytes[count];
    return value;
}

static shunt_status damaged(const bitmap *self, const char *why)
{
    return error_fail(SHUNT_E_INVALID, "%s: damaged BMP: %s", self->name, why);
}

/* 16 and 32 bits: which bits are red, green and blue, as the file says or as is usual. */
static shunt_status read_masks(bitmap *self, uint32_t compression)
{
    static const uint32_t usual[2][3] = {{0x7c00, 0x3e0, 0x1f}, {0xff0000, 0xff00, 0xff}};
    memcpy(self->masks, usual[self->bits == 32], sizeof self->masks);
    if (compression != BIT_FIELDS) return SHUNT_OK;
    if (self->size < FILE_HEADER + INFO_HEADER + 12) return damaged(self, "the file is cut off");
    for (int c = 0; c < 3; c++)
        self->masks[c] = number_at(self->bytes + FILE_HEADER + INFO_HEADER + (size_t)(4 * c), 4);
    for (int c = 0; c < 3; c++)
        if (!self->masks[c]) return damaged(self, "a colour has no bits");
    return SHUNT_OK;
}

static shunt_status read_palette(bitmap *self, size_t header, uint32_t colours)
{
    const uint32_t most = 1u << self->bits;
    self->palette = self->bytes + FILE_HEADER + header;
    self->colours = colours && colours < most ? colours : most;
    self->each = header == CORE_HEADER ? 3 : 4;
    if (FILE_HEADER + header + (size_t)self->colours * self->each > self->size)
        return damaged(self, "the palette is cut off");
    return SHUNT_OK;
}

static shunt_status read_header(bitmap *self)
{
    if (self->size < FILE_HEADER + CORE_HEADER) return damaged(self, "the file is cut off");
    const uint8_t *at = self->bytes + FILE_HEADER;
    const size_t header = number_at(at, 4);
    const bool core = header == CORE_HEADER;
    if (!core && (header < INFO_HEADER || header > self->size - FILE_HEADER))
        return damaged(self, "a header of another length");
    const int64_t height = core ? (int64_t)number_at(at + 6, 2) : (int32_t)number_at(at + 8, 4);
    self->width = core ? (int64_t)number_at(at + 4, 2) : (int32_t)number_at(at + 4, 4);
    self->down = height < 0;
    self->height = height < 0 ? -height : height;
    self->bits = number_at(at + (core ? 10 : 14), 2);
    self->pixels = number_at(self->bytes + 10, 4);
    const uint32_t compression = core ? UNCOMPRESSED : number_at(at + 16, 4);
    if (compression != UNCOMPRESSED && (compression != BIT_FIELDS || (self->bits != 16 && self->bits != 32)))
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: a compressed BMP; not supported: convert it to PNG", self->name);
    if (self->bits == 16 || self->bits == 32) return read_masks(self, compression);
    if (self->bits == 24) return SHUNT_OK;
    if (self->bits != 1 && self->bits != 4 && self->bits != 8) return damaged(self, "pixels of another size");
    return read_palette(self, header, core ? 0 : number_at(at + 32, 4));
}

/* The bits of a mask, from 0 to 255, rounded down as in Pillow. */
static uint8_t channel(uint32_t pixel, uint32_t mask)
{
    const unsigned shift = (unsigned)__builtin_ctz(mask);
    const uint64_t most = mask >> shift;
    return (uint8_t)((uint64_t)((pixel & mask) >> shift) * 255 / most);
}

static void read_colour(const bitmap *self, const uint8_t *row, int64_t x, uint8_t rgb[3])
{
    const size_t bit = (size_t)x * self->bits;
    if (self->bits == 16 || self->bits == 32) {
        const uint32_t pixel = number_at(row + bit / 8, self->bits / 8);
        for (int c = 0; c < 3; c++) rgb[c] = channel(pixel, self->masks[c]);
        return;
    }
    const uint8_t *bgr = row + bit / 8, black[3] = {0};
    if (self->bits < 24) {
        const unsigned index = (unsigned)(row[bit / 8] >> (8 - self->bits - bit % 8)) & ((1u << self->bits) - 1);
        bgr = index < self->colours ? self->palette + (size_t)index * self->each : black;
    }
    for (int c = 0; c < 3; c++) rgb[c] = bgr[2 - c];
}

shunt_status image_decode_bmp(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    *out = (shunt_image){0};
    bitmap self = {.bytes = bytes, .size = nbytes, .name = name};
    shunt_status status = read_header(&self);
    if (!status) status = image_check(name, self.height, self.width);
    if (status) return status;
    const size_t row = ((size_t)self.width * self.bits + 31) / 32 * 4; /* of whole words */
    if (self.pixels > nbytes || (nbytes - self.pixels) / row < (size_t)self.height)
        return damaged(&self, "the pixels are cut off");
    status = image_alloc(name, self.height, self.width, out);
    for (int64_t y = 0; !status && y < self.height; y++) {
        const uint8_t *from = bytes + self.pixels + row * (size_t)(self.down ? y : self.height - 1 - y);
        for (int64_t x = 0; x < self.width; x++) read_colour(&self, from, x, out->rgb + 3 * (y * self.width + x));
    }
    return status;
}
