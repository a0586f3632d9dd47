/* png.c - PNG by libpng: every colour type and depth, as 8-bit RGB. Alpha is dropped and 16 bits become the upper 8, as
 * in Pillow's convert("RGB"). libpng leaves by longjmp: all that must be freed stands in one struct outside its reach. */
#include "runtime/data/image.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct png_source {
    const uint8_t *bytes;
    size_t size, left;
    const char *name;
    shunt_status status; /* of the failure that longjmp came from */
} png_source;

static void on_error(png_structp png, png_const_charp message)
{
    png_source *source = png_get_error_ptr(png);
    if (strstr(message, "ut of memory"))
        source->status = error_memory();
    else
        source->status = error_fail(SHUNT_E_INVALID, "%s: damaged PNG: %s", source->name, message);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    png_source *source = png_get_error_ptr(png);
    log_write(SHUNT_LOG_DEBUG, "%s: %s", source->name, message);
}

static void on_read(png_structp png, png_bytep dst, size_t size)
{
    png_source *source = png_get_io_ptr(png);
    if (size > source->left) png_error(png, "the file is cut off");
    memcpy(dst, source->bytes, size);
    source->bytes += size;
    source->left -= size;
}

/* Whatever there is becomes 3 bytes a pixel. */
static void ask_for_rgb(png_structp png, png_infop info)
{
    png_byte colour = png_get_color_type(png, info);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
}

static void begin(png_structp png, png_infop info, png_source *source)
{
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* the size is checked below, with a better message */
    png_set_chunk_cache_max(png, 1); /* keeps no texts: a file of them can become a thousand times larger */
    /* libpng would take as much memory for it as its length says; exif.c looks for it by itself. */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep) "eXIf", 1);
    png_set_read_fn(png, source, on_read);
    png_read_info(png, info);
}

/* height rows of this many bytes, after what a pixel is to become has been asked for. */
static void read_rows(png_structp png, png_infop info, size_t row, int64_t height, uint8_t *to)
{
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row) png_error(png, "its pixels do not become whole bytes");
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < height; y++) png_read_row(png, to + (size_t)y * row, NULL);
    png_read_end(png, NULL);
}

/* The part that longjmp may leave; so is the one below. */
static shunt_status read_picture(png_structp png, png_infop info, png_source *source, shunt_image *out)
{
    if (setjmp(png_jmpbuf(png))) return source->status;
    begin(png, info, source);
    int64_t height = png_get_image_height(png, info), width = png_get_image_width(png, info);
    shunt_status status = image_check_file(source->name, source->size, height, width, 3);
    if (!status) status = image_alloc(source->name, height, width, out);
    if (status) return status;
    ask_for_rgb(png, info);
    read_rows(png, info, (size_t)out->width * 3, out->height, out->rgb);
    return SHUNT_OK;
}

static shunt_status read_numbers(png_structp png, png_infop info, png_source *source, image_numbers *out)
{
    if (setjmp(png_jmpbuf(png))) return source->status;
    begin(png, info, source);
    const png_byte colour = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if ((colour != PNG_COLOR_TYPE_PALETTE && colour != PNG_COLOR_TYPE_GRAY) || depth > 8)
        return error_fail(SHUNT_E_INVALID, "%s: it has colours; a map of classes has a palette, or grays of 8 bits",
                          source->name);
    out->height = png_get_image_height(png, info);
    out->width = png_get_image_width(png, info);
    shunt_status status = image_check_file(source->name, source->size, out->height, out->width, 1);
    if (status) return status;
    out->numbers = malloc((size_t)out->height * (size_t)out->width);
    if (!out->numbers) return error_memory();
    png_set_packing(png);
    read_rows(png, info, (size_t)out->width, out->height, out->numbers);
    return SHUNT_OK;
}

shunt_status image_decode_numbers(const uint8_t *bytes, size_t nbytes, const char *name, image_numbers *out)
{
    *out = (image_numbers){0};
    png_source source = {bytes, nbytes, nbytes, name, SHUNT_OK};
    if (nbytes < 8 || png_sig_cmp(bytes, 0, 8))
        return error_fail(SHUNT_E_INVALID, "%s: not a PNG file, which maps of classes are", name);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    shunt_status status = info ? read_numbers(png, info, &source, out) : error_memory();
    if (status) {
        free(out->numbers);
        *out = (image_numbers){0};
    }
    if (png) png_destroy_read_struct(&png, &info, NULL);
    return status;
}

shunt_status image_decode_png(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    *out = (shunt_image){0};
    png_source source = {bytes, nbytes, nbytes, name, SHUNT_OK};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    shunt_status status = info ? read_picture(png, info, &source, out) : error_memory();
    if (status) shunt_image_free(out);
    if (png) png_destroy_read_struct(&png, &info, NULL);
    return status;
}
