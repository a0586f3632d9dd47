/* webp.c - WebP by libwebp: lossy and lossless, one picture. Transparency is dropped. */
#include "runtime/data/image.h"

#include <webp/decode.h>

#include "runtime/base/error.h"

shunt_status image_decode_webp(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    WebPBitstreamFeatures about;
    *out = (shunt_image){0};
    if (WebPGetFeatures(bytes, nbytes, &about) != VP8_STATUS_OK)
        return error_fail(SHUNT_E_INVALID, "%s: damaged WebP: its header is wrong", name);
    if (about.has_animation)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: an animated WebP; not supported: save one of its pictures", name);
    shunt_status status = image_check_file(name, nbytes, about.height, about.width, 7); /* libwebp works in 4 bytes */
    if (!status) status = image_alloc(name, about.height, about.width, out);
    if (status) return status;
    const size_t row = (size_t)out->width * 3, size = row * (size_t)out->height;
    if (row <= INT32_MAX && WebPDecodeRGBInto(bytes, nbytes, out->rgb, size, (int)row)) return SHUNT_OK;
    shunt_image_free(out);
    return error_fail(SHUNT_E_INVALID, "%s: damaged WebP: its pixels cannot be decoded", name);
}
