/* jpeg.c - JPEG by TurboJPEG: gray, RGB, YCbCr, and CMYK/YCCK turned into RGB as Pillow does it. EXIF orientation is
 * ignored, as torchvision's loader ignores it. The library pads a file that is cut off with gray and only warns; here
 * that is an error, found by looking for the end marker, since the library keeps no more than its first warning. */
#include "runtime/data/image.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "runtime/base/error.h"

enum { MARKER_TEM = 0x01, MARKER_EOI = 0xd9, MARKER_SOS = 0xda };

/* What the markers tell. */
typedef struct jpeg_outline {
    bool ends;           /* there is an end marker */
    bool buffered;       /* progressive, or a scan for a part of the colours: all coefficients are kept till the end */
    unsigned components; /* of the frame; of the largest, should there be several in a damaged file */
} jpeg_outline;

/* Frames are c0 to cf, except tables (c4, cc) and an unused number (c8). */
static bool is_frame(uint8_t code)
{
    return code >= 0xc0 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc;
}

/* segment: what follows the marker, its length first. */
static void note_segment(uint8_t code, const uint8_t *segment, size_t left, jpeg_outline *outline)
{
    if (is_frame(code) && left > 7) {
        if (outline->components < segment[7]) outline->components = segment[7];
        if ((code & 3) == 2) outline->buffered = true;
    }
    if (code == MARKER_SOS && left > 2 && segment[2] < outline->components) outline->buffered = true;
}

/* Goes from marker to marker, over the segments by their lengths and over the scans' data by its rule that 0xff is
 * followed by 0x00, a restart marker or the next real marker. */
static jpeg_outline read_outline(const uint8_t *bytes, size_t nbytes)
{
    jpeg_outline outline = {0};
    size_t at = 2; /* behind the start marker */
    while (at + 1 < nbytes && !outline.ends) {
        uint8_t code = bytes[at + 1];
        if (bytes[at] != 0xff || code == 0xff || code == 0x00 || (code >= 0xd0 && code <= 0xd7)) {
            at++; /* scan data, a fill byte, or garbage between segments, which decoders skip */
            continue;
        }
        outline.ends = code == MARKER_EOI;
        at += 2;
        if (code == MARKER_TEM || at + 1 >= nbytes) continue; /* the first stands alone */
        note_segment(code, bytes + at, nbytes - at, &outline);
        size_t length = (size_t)bytes[at] << 8 | bytes[at + 1];
        at += length < 2 ? 2 : length;
    }
    return outline;
}

/* What decoding takes: the picture, CMYK before it is turned into RGB, and coefficients of two bytes. */
static unsigned bytes_a_pixel(const jpeg_outline *outline, int colours)
{
    return 3 + (colours == TJCS_CMYK || colours == TJCS_YCCK ? 4 : 0) +
           (outline->buffered ? 2 * outline->components : 0);
}

/* cmyk holds Adobe's inverted values: 255 is no ink. */
static void cmyk_to_rgb(const uint8_t *cmyk, size_t pixels, uint8_t *rgb)
{
    for (size_t i = 0; i < pixels; i++) {
        int light = cmyk[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - cmyk[4 * i + c]) * light + 128;
            rgb[3 * i + c] = (uint8_t)(light - ((product + (product >> 8)) >> 8)); /* product / 255, rounded */
        }
    }
}

static shunt_status fail_jpeg(tjhandle decoder, const char *name)
{
    const char *message = tjGetErrorStr2(decoder);
    if (strstr(message, "nsufficient memory")) return error_memory();
    return error_fail(SHUNT_E_INVALID, "%s: damaged JPEG: %s", name, message);
}

/* Damage that leaves data missing is an error; what viewers put up with too is only worth a line in the log. */
static shunt_status check_decoded(tjhandle decoder, const char *name, int result)
{
    if (!result) return SHUNT_OK;
    const char *message = tjGetErrorStr2(decoder);
    if (tjGetErrorCode(decoder) != TJERR_WARNING || strstr(message, "remature end")) return fail_jpeg(decoder, name);
    log_write(SHUNT_LOG_WARN, "%s: %s", name, message);
    return SHUNT_OK;
}

static shunt_status decode_cmyk(tjhandle decoder, const uint8_t *bytes, size_t nbytes, const char *name,
                                shunt_image *out)
{
    size_t pixels = (size_t)out->height * (size_t)out->width;
    uint8_t *cmyk = malloc(pixels * 4);
    if (!cmyk) return error_memory();
    int result =
        tjDecompress2(decoder, bytes, nbytes, cmyk, (int)out->width, 0, (int)out->height, TJPF_CMYK, TJFLAG_LIMITSCANS);
    shunt_status status = check_decoded(decoder, name, result);
    if (!status) cmyk_to_rgb(cmyk, pixels, out->rgb);
    free(cmyk);
    return status;
}

/* The size and the colour space, TJCS_*. The library's result does not tell enough: a subsampling that it has no name for
 * is a failure, though it fills in the rest and can decode it; a file with only tables is not a picture. */
static shunt_status read_header(tjhandle decoder, const uint8_t *bytes, size_t nbytes, const char *name,
                                shunt_image *out, int *colours)
{
    int width = 0, height = 0, subsampling;
    *colours = -1;
    int result = tjDecompressHeader3(decoder, bytes, nbytes, &width, &height, &subsampling, colours);
    bool known = width > 0 && height > 0 && *colours >= 0;
    jpeg_outline outline = read_outline(bytes, nbytes);
    unsigned each = bytes_a_pixel(&outline, *colours);
    shunt_status status = known ? image_check_file(name, nbytes, height, width, each) : SHUNT_OK;
    if (!status && known) status = image_alloc(name, height, width, out);
    if (status) return status;
    if (!outline.ends)
        return error_fail(SHUNT_E_INVALID, "%s: the JPEG file is cut off: no end marker in its %zu bytes", name,
                          nbytes);
    if (known) return SHUNT_OK;
    return result ? fail_jpeg(decoder, name) : error_fail(SHUNT_E_INVALID, "%s: damaged JPEG: no picture in it", name);
}

static shunt_status decode_rgb(tjhandle decoder, const uint8_t *bytes, size_t nbytes, const char *name,
                               shunt_image *out)
{
    int result = tjDecompress2(decoder, bytes, nbytes, out->rgb, (int)out->width, 0, (int)out->height, TJPF_RGB,
                               TJFLAG_LIMITSCANS);
    return check_decoded(decoder, name, result);
}

shunt_status image_decode_jpeg(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    *out = (shunt_image){0};
    tjhandle decoder = tjInitDecompress();
    if (!decoder) return error_memory();
    int colours;
    shunt_status status = read_header(decoder, bytes, nbytes, name, out, &colours);
    if (!status && (colours == TJCS_CMYK || colours == TJCS_YCCK))
        status = decode_cmyk(decoder, bytes, nbytes, name, out);
    else if (!status)
        status = decode_rgb(decoder, bytes, nbytes, name, out);
    if (status) shunt_image_free(out);
    tjDestroy(decoder);
    return status;
}
