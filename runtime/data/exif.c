/* exif.c - which way up a picture is: cameras store what the sensor saw, and EXIF's Orientation says how to turn it. JPEG has it in
 * the segment APP1, PNG in the chunk eXIf, WebP in the chunk EXIF. (TIFF's own tag is a part of the format: tiff.c.) What is damaged says nothing, as in viewers. */
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/data/image.h"

enum { UPRIGHT = 1, MOST_ORIENTATION = 8, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

static uint32_t number_at(const uint8_t *bytes, size_t count, bool big)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) value = value << 8 | bytes[big ? i : count - 1 - i];
    return value;
}

/* In the first list of tags. */
static uint32_t tiff_orientation(const uint8_t *bytes, size_t size)
{
    if (size < 8 || (memcmp(bytes, "II*\0", 4) && memcmp(bytes, "MM\0*", 4))) return UPRIGHT;
    const bool big = bytes[0] == 'M';
    const size_t first = number_at(bytes + 4, 4, big);
    if (first > size - 2) return UPRIGHT;
    size_t count = number_at(bytes + first, 2, big);
    for (size_t at = first + 2; count && at + ENTRY_BYTES <= size; at += ENTRY_BYTES, count--) {
        if (number_at(bytes + at, 2, big) != TAG_ORIENTATION) continue;
        const uint32_t value = number_at(bytes + at + 8, 2, big);
        const bool known = number_at(bytes + at + 2, 2, big) == TYPE_SHORT && value >= 1 && value <= MOST_ORIENTATION;
        return known ? value : UPRIGHT;
    }
    return UPRIGHT;
}

static uint32_t jpeg_orientation(const uint8_t *bytes, size_t nbytes)
{
    static const char name[] = "Exif\0"; /* and one more 0 */
    enum { APP1 = 0xe1, SCAN = 0xda, FILL = 0xff, HEAD = 4 };
    for (size_t at = 2; at + HEAD <= nbytes && bytes[at] == 0xff && bytes[at + 1] != SCAN;) {
        const size_t length = number_at(bytes + at + 2, 2, true);
        if (bytes[at + 1] == FILL) {
            at++;
            continue;
        }
        if (length < 2 || length > nbytes - at - 2) break;
        if (bytes[at + 1] == APP1 && length >= 2 + sizeof name && !memcmp(bytes + at + HEAD, name, sizeof name))
            return tiff_orientation(bytes + at + HEAD + sizeof name, length - 2 - sizeof name);
        at += 2 + length;
    }
    return UPRIGHT;
}

static uint32_t png_orientation(const uint8_t *bytes, size_t nbytes)
{
    enum { AROUND = 12 }; /* length, type and check sum of a chunk */
    for (size_t at = 8; at + AROUND <= nbytes;) {
        const size_t length = number_at(bytes + at, 4, true);
        if (length > nbytes - at - AROUND) break;
        if (!memcmp(bytes + at + 4, "eXIf", 4)) return tiff_orientation(bytes + at + 8, length);
        at += AROUND + length;
    }
    return UPRIGHT;
}

/* Some writers put "Exif\0\0" before the tags. */
static uint32_t webp_orientation(const uint8_t *bytes, size_t nbytes)
{
    enum { HEAD = 8, PREFIX = 6 };
    for (size_t at = 12; at + HEAD <= nbytes;) {
        const size_t length = number_at(bytes + at + 4, 4, false);
        const uint8_t *chunk = bytes + at + HEAD;
        if (length > nbytes - at - HEAD) break;
        if (!memcmp(bytes + at, "EXIF", 4)) {
            const size_t skip = length >= PREFIX && !memcmp(chunk, "Exif\0", PREFIX) ? PREFIX : 0;
            return tiff_orientation(chunk + skip, length - skip);
        }
        at += HEAD + length + length % 2;
    }
    return UPRIGHT;
}

static uint32_t orientation_of(const uint8_t *bytes, size_t nbytes)
{
    switch (bytes[0]) {
    case 0xff:
        return jpeg_orientation(bytes, nbytes);
    case 0x89:
        return png_orientation(bytes, nbytes);
    case 'R':
        return webp_orientation(bytes, nbytes);
    default:
        return UPRIGHT;
    }
}

/* Orientations 5 to 8 exchange rows and columns. */
shunt_status image_turn(const char *name, uint32_t orientation, shunt_image *image)
{
    const bool swapped = orientation >= 5,
               flips_rows = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7,
               flips_columns = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const int64_t height = image->height, width = image->width;
    shunt_image turned;
    shunt_status status = image_alloc(name, swapped ? width : height, swapped ? height : width, &turned);
    if (status) return status;
    uint8_t *dst = turned.rgb;
    for (int64_t y = 0; y < turned.height; y++)
        for (int64_t x = 0; x < turned.width; x++, dst += 3) {
            const int64_t row = swapped ? x : y, column = swapped ? y : x;
            const int64_t from =
                (flips_rows ? height - 1 - row : row) * width + (flips_columns ? width - 1 - column : column);
            memcpy(dst, image->rgb + 3 * from, 3);
        }
    shunt_image_free(image);
    *image = turned;
    return SHUNT_OK;
}

shunt_status shunt_image_decode_upright(const void *bytes, size_t nbytes, const char *name_for_errors, shunt_image *out)
{
    shunt_status status = shunt_image_decode(bytes, nbytes, name_for_errors, out);
    if (status) return status;
    const uint32_t orientation = orientation_of(bytes, nbytes);
    if (orientation != UPRIGHT) status = image_turn(name_for_errors, orientation, out);
    if (status) shunt_image_free(out);
    return status;
}
