/* tiff.c - TIFF by libtiff: the first picture of a file, in whatever colours and compression the library knows. It is turned as its tag says,
 * which is a part of the format, as in Pillow. */
#include "runtime/data/image.h"

#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "runtime/base/error.h"

enum { MOST_BYTES_AT_ONCE = 1 << 30 };

typedef struct tiff_source {
    const uint8_t *bytes;
    uint64_t size, at;
    char reason[200]; /* the library's last error */
} tiff_source;

static tmsize_t on_read(thandle_t handle, void *to, tmsize_t count)
{
    tiff_source *source = handle;
    const uint64_t left = source->at < source->size ? source->size - source->at : 0;
    const uint64_t n = count < 0 ? 0 : (uint64_t)count < left ? (uint64_t)count : left;
    memcpy(to, source->bytes + (left ? source->at : 0), n);
    source->at += n;
    return (tmsize_t)n;
}

static tmsize_t on_write(thandle_t handle, void *from, tmsize_t count)
{
    (void)handle, (void)from, (void)count;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    tiff_source *source = handle;
    source->at = (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source->at : source->size) + offset;
    return source->at;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    return ((tiff_source *)handle)->size;
}

__attribute__((format(printf, 4, 0))) static int on_error(TIFF *tiff, void *context, const char *module,
                                                          const char *format, va_list args)
{
    tiff_source *source = context;
    (void)tiff, (void)module;
    vsnprintf(source->reason, sizeof source->reason, format, args);
    return 1;
}

static int on_warning(TIFF *tiff, void *context, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)context, (void)module, (void)format, (void)args;
    return 1;
}

static shunt_status damaged(const tiff_source *source, const char *name)
{
    return error_fail(SHUNT_E_INVALID, "%s: damaged TIFF, or of a kind that is not read: %s", name,
                      source->reason[0] ? source->reason : "its pixels cannot be decoded");
}

/* The library gives 4 bytes a pixel, the last row first. */
static shunt_status read_pixels(TIFFRGBAImage *from, const tiff_source *source, const char *name, shunt_image *out)
{
    const size_t width = from->width, height = from->height;
    uint32_t *pixels = malloc(width * height * sizeof *pixels);
    if (!pixels) return error_memory();
    from->req_orientation = from->orientation; /* as stored: the rows are in their order */
    shunt_status status = TIFFRGBAImageGet(from, pixels, from->width, from->height) ? SHUNT_OK : damaged(source, name);
    for (size_t i = 0; !status && i < width * height; i++) {
        out->rgb[3 * i] = (uint8_t)TIFFGetR(pixels[i]);
        out->rgb[3 * i + 1] = (uint8_t)TIFFGetG(pixels[i]);
        out->rgb[3 * i + 2] = (uint8_t)TIFFGetB(pixels[i]);
    }
    free(pixels);
    return status;
}

static shunt_status read_picture(TIFF *tiff, tiff_source *source, const char *name, shunt_image *out)
{
    TIFFRGBAImage from;
    char reason[1024] = "";
    uint32_t width = 0, height = 0;
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height))
        return damaged(source, name);
    shunt_status status = image_check_file(name, source->size, height, width, 11); /* twice the library's 4, and 3 */
    if (status) return status;
    if (!TIFFRGBAImageOK(tiff, reason) || !TIFFRGBAImageBegin(&from, tiff, 1, reason)) {
        if (*reason) snprintf(source->reason, sizeof source->reason, "%.190s", reason);
        return damaged(source, name);
    }
    const uint32_t orientation = from.orientation;
    status = image_alloc(name, from.height, from.width, out);
    if (!status) status = read_pixels(&from, source, name, out);
    if (!status && orientation > 1 && orientation <= 8) status = image_turn(name, orientation, out);
    TIFFRGBAImageEnd(&from);
    return status;
}

shunt_status image_decode_tiff(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    tiff_source source = {.bytes = bytes, .size = nbytes};
    *out = (shunt_image){0};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return error_memory();
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &source);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, NULL);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MOST_BYTES_AT_ONCE);
    TIFF *tiff =
        TIFFClientOpenExt(name, "rm", &source, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    if (!tiff) return damaged(&source, name);
    shunt_status status = read_picture(tiff, &source, name, out);
    if (status) shunt_image_free(out);
    TIFFClose(tiff);
    return status;
}
