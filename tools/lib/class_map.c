/* class_map.c - maps of classes as PNG files with a palette: see class_map.h. */
#include "class_map.h"
#include "args.h"
#include "output.h"
#include "say.h"
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>

enum { COLORS = 256 };

/* VOC's colours: the number's bits, lowest first, go to red, green and blue by turns, each from the highest bit down. */
static void fill_palette(png_color *palette)
{
    for (unsigned i = 0; i < COLORS; i++) {
        unsigned rgb[3] = {0};
        for (unsigned bit = 0; bit < 8; bit++) rgb[bit % 3] |= (i >> bit & 1) << (7 - bit / 3);
        palette[i] = (png_color){(png_byte)rgb[0], (png_byte)rgb[1], (png_byte)rgb[2]};
    }
}

static void quiet(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

/* libpng leaves by longjmp; only memory and the disk can make it. */
static bool write_rows(png_structp png, png_infop info, const shunt_segmentation *map, FILE *file)
{
    png_color palette[COLORS];
    if (setjmp(png_jmpbuf(png))) return false;
    fill_palette(palette);
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)map->width, (png_uint_32)map->height, 8, PNG_COLOR_TYPE_PALETTE,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_PLTE(png, info, palette, COLORS);
    png_write_info(png, info);
    for (int64_t y = 0; y < map->height; y++) png_write_row(png, map->classes + y * map->width);
    png_write_end(png, info);
    return true;
}

int class_map_write(const shunt_segmentation *map, const char *path)
{
    output file;
    int status = output_begin(&file, path);
    if (status) return status;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, quiet);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    const bool written = info && write_rows(png, info, map, file.file);
    png_destroy_write_struct(&png, &info);
    status = output_end(&file, written);
    if (status == EXIT_OK && !written)
        status = say_failure("%s: the picture cannot be made: no memory, or no room", path);
    return status;
}
