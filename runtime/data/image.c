/* image.c - pictures: memory for them, and which decoder a file's first bytes ask for. */
#include "runtime/data/image.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/codecs.h"

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
    const char *second; /* at byte 8; NULL: there is none */
    decode_fn decode;   /* NULL: known, but not read */
    const char *name;
    const char *library; /* with which it is read; NULL: with none */
} picture_format;

enum { SECOND = 8 };

/* IMAGE_GIF and the like: the decoder, or NULL where the library is not built in. */
static const picture_format formats[] = {
    {"\xff\xd8\xff", 3, NULL, image_decode_jpeg, "JPEG", NULL},
    {"\x89PNG\r\n\x1a\n", 8, NULL, image_decode_png, "PNG", NULL},
    {"P2", 2, NULL, image_decode_ppm, "PGM", NULL},
    {"P3", 2, NULL, image_decode_ppm, "PPM", NULL},
    {"P5", 2, NULL, image_decode_ppm, "PGM", NULL},
    {"P6", 2, NULL, image_decode_ppm, "PPM", NULL},
    {"P1", 2, NULL, NULL, "PBM", NULL},
    {"P4", 2, NULL, NULL, "PBM", NULL},
    {"BM", 2, NULL, image_decode_bmp, "BMP", NULL},
    {"GIF8", 4, NULL, IMAGE_GIF, "GIF", "giflib"},
    {"RIFF", 4, "WEBP", IMAGE_WEBP, "WebP", "libwebp"},
    {"II*\0", 4, NULL, IMAGE_TIFF, "TIFF", "libtiff"},
    {"MM\0*", 4, NULL, IMAGE_TIFF, "TIFF", "libtiff"},
    {"\0\0\0\x0cjP", 6, NULL, NULL, "JPEG 2000", NULL},
    {"\xff\x0a", 2, NULL, NULL, "JPEG XL", NULL},
    {"\0\0\0", 3, "avif", NULL, "AVIF", NULL},
    {"\0\0\0", 3, "heic", NULL, "HEIC", NULL},
    {"\0\0\0", 3, "heix", NULL, "HEIC", NULL},
    {"\0\0\0", 3, "mif1", NULL, "HEIC", NULL},
};

static bool has_magic(const uint8_t *bytes, size_t nbytes, const picture_format *format)
{
    if (nbytes < format->length || memcmp(bytes, format->magic, format->length)) return false;
    const size_t length = format->second ? strlen(format->second) : 0;
    return !length || (nbytes >= SECOND + length && !memcmp(bytes + SECOND, format->second, length));
}

static shunt_status unsupported(const picture_format *format, const char *name)
{
    if (!format->library)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: looks like a %s picture; not supported: convert it to JPEG or PNG",
                          name, format->name);
    return error_fail(
        SHUNT_E_UNSUPPORTED,
        "%s: looks like a %s picture; not supported here, since Shunt was built without %s: convert it to "
        "JPEG or PNG",
        name, format->name, format->library);
}

shunt_status shunt_image_decode(const void *bytes, size_t nbytes, const char *name_for_errors, shunt_image *out)
{
    if (!bytes || !out) return error_null(__func__, "bytes, out");
    *out = (shunt_image){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const picture_format *format = &formats[i];
        if (!has_magic(bytes, nbytes, format)) continue;
        if (format->decode) return format->decode(bytes, nbytes, name_for_errors, out);
        return unsupported(format, name_for_errors);
    }
    return error_fail(SHUNT_E_INVALID, "%s: not a picture: neither JPEG, PNG, PPM, PGM, BMP, GIF, WebP nor TIFF",
                      name_for_errors);
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
