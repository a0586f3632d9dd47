/* image.c - pictures: memory for them, and which decoder a file's first bytes ask for. */
#include "runtime/data/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/file.h"

enum { MAX_PIXELS = 1 << 28, FREE_BYTES = 60 << 20, BYTES_PER_BYTE = 128, DECODERS_ROWS = 64 };

shunt_status image_check(const char *name, int64_t height, int64_t width)
{
    if (height < 1 || width < 1)
        return error_fail(SHUNT_E_INVALID, "%s: a picture of %" PRId64 " x %" PRId64 " pixels", name, width, height);
    if (height > MAX_PIXELS / width)
        return error_fail(SHUNT_E_INVALID, "%s: %" PRId64 " x %" PRId64 " pixels are over the limit of %d", name, width,
                          height, MAX_PIXELS);
    return SHUNT_OK;
}

shunt_status image_check_file(const char *name, size_t nbytes, int64_t height, int64_t width, unsigned each)
{
    shunt_status status = image_check(name, height, width);
    if (status) return status;
    const uint64_t needed = (uint64_t)((height + DECODERS_ROWS) * width) * each; /* at most 65 * 2^28 times a few */
    if (needed <= FREE_BYTES || needed / BYTES_PER_BYTE <= nbytes) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "%s: %" PRId64 " x %" PRId64 " pixels need %" PRIu64
                      " MiB, too much for a file of %zu bytes; if you trust the file, make the picture smaller",
                      name, width, height, needed >> 20, nbytes);
}

shunt_status image_alloc(const char *name, int64_t height, int64_t width, shunt_image *out)
{
    *out = (shunt_image){0};
    shunt_status status = image_check(name, height, width);
    if (status) return status;
    uint8_t *rgb = malloc((size_t)height * (size_t)width * 3);
    if (!rgb) return error_memory();
    *out = (shunt_image){height, width, rgb};
    return SHUNT_OK;
}

void shunt_image_free(shunt_image *image)
{
    if (!image) return;
    free(image->rgb);
    *image = (shunt_image){0};
}

typedef shunt_status (*decode_fn)(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);

typedef struct picture_format {
    const char *magic;
    size_t length;
    decode_fn decode; /* NULL: known, but not read */
    const char *name;
} picture_format;

static const picture_format formats[] = {
    {"\xff\xd8\xff", 3, image_decode_jpeg, "JPEG"},
    {"\x89PNG\r\n\x1a\n", 8, image_decode_png, "PNG"},
    {"P2", 2, image_decode_ppm, "PGM"},
    {"P3", 2, image_decode_ppm, "PPM"},
    {"P5", 2, image_decode_ppm, "PGM"},
    {"P6", 2, image_decode_ppm, "PPM"},
    {"P1", 2, NULL, "PBM"},
    {"P4", 2, NULL, "PBM"},
    {"GIF8", 4, NULL, "GIF"},
    {"BM", 2, NULL, "BMP"},
    {"RIFF", 4, NULL, "WebP"},
    {"II*\0", 4, NULL, "TIFF"},
    {"MM\0*", 4, NULL, "TIFF"},
    {"\0\0\0\x0cjP", 6, NULL, "JPEG 2000"},
    {"\xff\x0a", 2, NULL, "JPEG XL"},
};

shunt_status shunt_image_decode(const void *bytes, size_t nbytes, const char *name_for_errors, shunt_image *out)
{
    if (!bytes || !out) return error_null(__func__, "bytes, out");
    *out = (shunt_image){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const picture_format *format = &formats[i];
        if (nbytes < format->length || memcmp(bytes, format->magic, format->length)) continue;
        if (format->decode) return format->decode(bytes, nbytes, name_for_errors, out);
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: looks like a %s picture; not supported: convert it to JPEG or PNG",
                          name_for_errors, format->name);
    }
    return error_fail(SHUNT_E_INVALID, "%s: not a picture: neither JPEG, PNG, PPM nor PGM", name_for_errors);
}

static shunt_status
read_file(const char *path, shunt_status (*decode)(const void *, size_t, const char *, shunt_image *), shunt_image *out)
{
    file_mapping file;
    *out = (shunt_image){0};
    shunt_status status = file_map(path, 0, &file);
    if (status) return status;
    status = decode(file.data, file.size, path, out);
    file_unmap(&file);
    return status;
}

shunt_status shunt_image_read(const char *path, shunt_image *out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    return read_file(path, shunt_image_decode, out);
}

shunt_status shunt_image_read_upright(const char *path, shunt_image *out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    return read_file(path, shunt_image_decode_upright, out);
}
