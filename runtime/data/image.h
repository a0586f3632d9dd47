/* image.h - decoders and their common checks. */
#ifndef SHUNT_RUNTIME_IMAGE_H
#define SHUNT_RUNTIME_IMAGE_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* A size from a file: at most 2^28 pixels. name is for the message. */
shunt_status image_check(const char *name, int64_t height, int64_t width);
/* Also checks that decoding, which takes `each` bytes per pixel and some rows for the decoder's own buffers, takes at most 60 MiB, or
 * 128 bytes for each of the file's nbytes. So a small file cannot ask for much memory, and real pictures do not need more. */
shunt_status image_check_file(const char *name, size_t nbytes, int64_t height, int64_t width, unsigned each);
/* Memory for height x width pixels, allocated after these checks. */
shunt_status image_alloc(const char *name, int64_t height, int64_t width, shunt_image *out);

/* Each decodes one whole file in memory; its first bytes have been checked. After a failure *out is empty. */
shunt_status image_decode_jpeg(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status image_decode_png(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status image_decode_ppm(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status image_decode_bmp(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
/* Those that need a library, and are built where it is there: see codecs.h, which the build makes. */
shunt_status image_decode_gif(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status image_decode_tiff(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status image_decode_webp(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);

/* exif.c: turns a picture of EXIF's orientation 1 to 8 upright. After a failure it is as it was. */
shunt_status image_turn(const char *name, uint32_t orientation, shunt_image *image);

/* The numbers of a PNG file with a palette, or of one of grays: one byte a pixel, whatever the depth; to be freed. */
typedef struct image_numbers {
    int64_t height, width;
    uint8_t *numbers;
} image_numbers;
shunt_status image_decode_numbers(const uint8_t *bytes, size_t nbytes, const char *name, image_numbers *out);

/* preset.c: whether two are equal. */
bool preprocess_same(const shunt_preprocess *a, const shunt_preprocess *b);

/* Frames (frame.c). Where the bytes of a packed pixel are. */
typedef struct frame_packing {
    int64_t bytes; /* a pixel; 0: not packed */
    int red, green, blue;
} frame_packing;
frame_packing frame_packing_of(shunt_pixels pixels);
/* R = luma * (Y - black) + red * (V - 128), B = luma * (Y - black) + blue * (U - 128),
 * G = luma * (Y - black) - green_u * (U - 128) - green_v * (V - 128), in 16.16; what lies behind the point is rounded. */
typedef struct frame_yuv {
    int32_t black, luma, red, green_u, green_v, blue;
} frame_yuv;
frame_yuv frame_yuv_of(shunt_yuv yuv);
/* Of a plane: the bytes of a row, and from a row to the next. */
int64_t frame_row_bytes(const shunt_frame *frame, int plane);
int64_t frame_stride(const shunt_frame *frame, int plane);
/* All but where the planes lie. */
shunt_status frame_check(const shunt_frame *frame);

/* The steps of shunt_preprocess_apply, for those who do more between them. */
enum { PREPROCESS_MOST_SIDE = 1 << 14 };
extern const char *const preprocess_orders[]; /* preset.c: the names of shunt_channels, ended by NULL */
shunt_status preprocess_check(const shunt_preprocess *preprocess);
/* A picture's size becomes the one that torchvision's Resize gives: short side to `resize`, the long one in proportion, cut off to whole
 * pixels. */
shunt_status preprocess_size(const shunt_preprocess *preprocess, int64_t *height, int64_t *width);
shunt_status preprocess_resize(const shunt_preprocess *preprocess, const shunt_image *src, shunt_image *out);
/* Where the centre crop begins along one side; negative where the side is shorter and zeros come before it. */
int64_t preprocess_crop_begin(int64_t size, int64_t crop);
/* dst: planes x crop x crop, normalised, from (top, left) on, which may be outside: there the picture is black. */
void preprocess_crop(const shunt_preprocess *preprocess, const shunt_image *src, int64_t top, int64_t left,
                     int mirrored, float *dst);

#endif
