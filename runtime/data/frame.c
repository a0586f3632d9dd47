/* frame.c - pictures in the application's memory, of whatever order of bytes, as the RGB that everything else works on. */
#include <math.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/data/image.h"

static const frame_packing packings[] = {
    [SHUNT_PIXELS_RGB] = {3, 0, 1, 2},  [SHUNT_PIXELS_BGR] = {3, 2, 1, 0},  [SHUNT_PIXELS_RGBA] = {4, 0, 1, 2},
    [SHUNT_PIXELS_BGRA] = {4, 2, 1, 0}, [SHUNT_PIXELS_GRAY] = {1, 0, 0, 0}, [SHUNT_PIXELS_NV12] = {0},
};
enum { NPIXELS = sizeof packings / sizeof *packings };

frame_packing frame_packing_of(shunt_pixels pixels)
{
    return packings[pixels];
}

int64_t frame_row_bytes(const shunt_frame *frame, int plane)
{
    const int64_t bytes = packings[frame->pixels].bytes;
    return bytes ? bytes * frame->width : plane ? (frame->width + 1) / 2 * 2 : frame->width;
}

int64_t frame_stride(const shunt_frame *frame, int plane)
{
    return frame->strides[plane] ? frame->strides[plane] : frame_row_bytes(frame, plane);
}

shunt_status frame_check(const shunt_frame *frame)
{
    if ((unsigned)frame->pixels >= NPIXELS || (unsigned)frame->yuv > SHUNT_YUV_BT709_FULL)
        return error_fail(SHUNT_E_INVALID, "frame: no pixels of kind %d, or no YUV of kind %d", (int)frame->pixels,
                          (int)frame->yuv);
    for (int i = 0; i < 8; i++)
        if (frame->reserved[i]) return error_fail(SHUNT_E_UNSUPPORTED, "frame: its reserved fields are not 0");
    shunt_status status = image_check("frame", frame->height, frame->width);
    for (int plane = 0; !status && plane <= (frame->pixels == SHUNT_PIXELS_NV12); plane++) {
        const int64_t bytes = frame_stride(frame, plane), row = frame_row_bytes(frame, plane);
        if (bytes < row && bytes > -row)
            status = error_fail(SHUNT_E_INVALID, "frame: a stride of %lld bytes is less than the %lld of a row",
                                (long long)bytes, (long long)row);
    }
    return status;
}

static shunt_status check_planes(const shunt_frame *frame)
{
    const shunt_status status = frame_check(frame);
    if (status) return status;
    for (int plane = 0; plane <= (frame->pixels == SHUNT_PIXELS_NV12); plane++)
        if (!frame->planes[plane]) return error_fail(SHUNT_E_INVALID, "frame: plane %d is NULL", plane);
    return SHUNT_OK;
}

/* ---- YUV ------------------------------------------------------------------------------------------------------------ */

/* From the shares of red and blue in Y, as BT.601 and BT.709 define them. */
frame_yuv frame_yuv_of(shunt_yuv yuv)
{
    const bool full = yuv >= SHUNT_YUV_BT601_FULL, hd = yuv == SHUNT_YUV_BT709 || yuv == SHUNT_YUV_BT709_FULL;
    const double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
    const double chroma = 65536 * (full ? 1 : 255. / 224);
    return (frame_yuv){.black = full ? 0 : 16,
                       .luma = (int32_t)lround(65536 * (full ? 1 : 255. / 219)),
                       .red = (int32_t)lround(chroma * 2 * (1 - kr)),
                       .green_u = (int32_t)lround(chroma * 2 * (1 - kb) * kb / kg),
                       .green_v = (int32_t)lround(chroma * 2 * (1 - kr) * kr / kg),
                       .blue = (int32_t)lround(chroma * 2 * (1 - kb))};
}

static uint8_t clamped(int32_t sum)
{
    const int32_t value = (sum + 32768) >> 16;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void nv12_row(const shunt_frame *frame, const frame_yuv *n, int64_t row, uint8_t *dst)
{
    const uint8_t *luma = frame->planes[0] + row * frame_stride(frame, 0);
    const uint8_t *chroma = frame->planes[1] + row / 2 * frame_stride(frame, 1);
    for (int64_t x = 0; x < frame->width; x++, dst += 3) {
        const int32_t y = n->luma * (luma[x] - n->black), u = chroma[x / 2 * 2] - 128, v = chroma[x / 2 * 2 + 1] - 128;
        dst[0] = clamped(y + n->red * v);
        dst[1] = clamped(y - n->green_u * u - n->green_v * v);
        dst[2] = clamped(y + n->blue * u);
    }
}

/* ---- Frames ----------------------------------------------------------------------------------------------------------- */

static void packed_row(const shunt_frame *frame, int64_t row, uint8_t *dst)
{
    const frame_packing how = packings[frame->pixels];
    const uint8_t *src = frame->planes[0] + row * frame_stride(frame, 0);
    for (int64_t x = 0; x < frame->width; x++, src += how.bytes, dst += 3) {
        dst[0] = src[how.red];
        dst[1] = src[how.green];
        dst[2] = src[how.blue];
    }
}

shunt_status shunt_image_from_frame(const shunt_frame *frame, shunt_image *out)
{
    if (!frame || !out) return error_null(__func__, "frame, out");
    shunt_status status = check_planes(frame);
    if (!status) status = image_alloc("frame", frame->height, frame->width, out);
    if (status) return status;
    const frame_yuv numbers = frame_yuv_of(frame->yuv);
    for (int64_t row = 0; row < frame->height; row++) {
        uint8_t *dst = out->rgb + row * frame->width * 3;
        if (frame->pixels == SHUNT_PIXELS_NV12)
            nv12_row(frame, &numbers, row, dst);
        else
            packed_row(frame, row, dst);
    }
    return SHUNT_OK;
}

/* RGB without gaps is used where it lies. */
static shunt_status preprocess_frame(const shunt_preprocess *preprocess, const shunt_frame *frame, float *dst)
{
    shunt_image image;
    shunt_status status = check_planes(frame);
    if (status) return status;
    if (frame->pixels == SHUNT_PIXELS_RGB && frame_stride(frame, 0) == frame_row_bytes(frame, 0)) {
        image = (shunt_image){frame->height, frame->width, (uint8_t *)(uintptr_t)frame->planes[0]};
        return shunt_preprocess_apply(preprocess, &image, dst);
    }
    status = shunt_image_from_frame(frame, &image);
    if (status) return status;
    status = shunt_preprocess_apply(preprocess, &image, dst);
    shunt_image_free(&image);
    return status;
}

shunt_status shunt_preprocess_frames(const shunt_preprocess *preprocess, const shunt_frame *frames, size_t n,
                                     float *dst)
{
    if (!preprocess || !frames || !dst) return error_null(__func__, "preprocess, frames, dst");
    shunt_status status = preprocess_check(preprocess);
    const size_t each =
        status ? 0 : (size_t)(shunt_preprocess_planes(preprocess) * preprocess->crop * preprocess->crop);
    for (size_t i = 0; !status && i < n; i++) {
        status = preprocess_frame(preprocess, &frames[i], dst + i * each);
        if (status && n > 1) error_context(status, "picture %zu", i);
    }
    return status;
}
