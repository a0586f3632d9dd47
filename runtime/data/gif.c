/* gif.c - GIF by giflib: the first picture of a file, on a canvas of the file's size. Where the picture does not cover it, and where it is
 * transparent, the canvas has the colour that stands for transparency, as in Pillow. */
#include "runtime/data/image.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

typedef struct gif_source {
    const uint8_t *at;
    size_t left;
} gif_source;

static int on_read(GifFileType *gif, GifByteType *to, int count)
{
    gif_source *source = gif->UserData;
    const size_t n = (size_t)count < source->left ? (size_t)count : source->left;
    memcpy(to, source->at, n);
    source->at += n;
    source->left -= n;
    return (int)n;
}

static shunt_status damaged(const char *name, const GifFileType *gif)
{
    const char *why = GifErrorString(gif ? gif->Error : 0);
    return error_fail(SHUNT_E_INVALID, "%s: damaged GIF: %s", name, why ? why : "it is cut off");
}

/* Goes on to the first picture. *transparent: the colour's number, or -1. */
static bool find_picture(GifFileType *gif, int *transparent)
{
    GifRecordType type;
    GraphicsControlBlock control;
    *transparent = -1;
    while (DGifGetRecordType(gif, &type) == GIF_OK) {
        int code = 0;
        GifByteType *block = NULL;
        if (type == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) == GIF_OK;
        if (type != EXTENSION_RECORD_TYPE || DGifGetExtension(gif, &code, &block) != GIF_OK) return false;
        if (code == GRAPHICS_EXT_FUNC_CODE && block && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            *transparent = control.TransparentColor;
        while (block)
            if (DGifGetExtensionNext(gif, &block) != GIF_OK) return false;
    }
    return false;
}

static void put_colour(const ColorMapObject *map, int index, uint8_t rgb[3])
{
    const GifColorType black = {0, 0, 0}, *colour = index < map->ColorCount ? &map->Colors[index] : &black;
    rgb[0] = colour->Red;
    rgb[1] = colour->Green;
    rgb[2] = colour->Blue;
}

/* The rows of an interlaced picture come in four passes. */
static bool read_rows(GifFileType *gif, const ColorMapObject *map, uint8_t *line, shunt_image *out)
{
    static const int begins[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *picture = &gif->Image;
    for (int pass = 0; pass < (picture->Interlace ? 4 : 1); pass++)
        for (int y = picture->Interlace ? begins[pass] : 0; y < picture->Height;
             y += picture->Interlace ? steps[pass] : 1) {
            if (DGifGetLine(gif, line, picture->Width) != GIF_OK) return false;
            uint8_t *to = out->rgb + 3 * ((int64_t)(picture->Top + y) * out->width + picture->Left);
            for (int x = 0; x < picture->Width; x++) put_colour(map, line[x], to + 3 * x);
        }
    return true;
}

static shunt_status read_picture(GifFileType *gif, const char *name, size_t nbytes, shunt_image *out)
{
    int transparent;
    if (!find_picture(gif, &transparent)) return damaged(name, gif);
    const GifImageDesc *picture = &gif->Image;
    const ColorMapObject *map = picture->ColorMap ? picture->ColorMap : gif->SColorMap;
    if (!map) return error_fail(SHUNT_E_INVALID, "%s: damaged GIF: it has no colours", name);
    if (picture->Left < 0 || picture->Top < 0 || picture->Width < 1 || picture->Height < 1 ||
        picture->Left + picture->Width > gif->SWidth || picture->Top + picture->Height > gif->SHeight)
        return error_fail(SHUNT_E_INVALID, "%s: damaged GIF: its picture is outside of the canvas", name);
    shunt_status status = image_check_file(name, nbytes, gif->SHeight, gif->SWidth, 3);
    if (!status) status = image_alloc(name, gif->SHeight, gif->SWidth, out);
    if (status) return status;
    for (int64_t i = 0; i < out->height * out->width; i++)
        put_colour(map, transparent < 0 ? 0 : transparent, out->rgb + 3 * i);
    uint8_t *line = malloc((size_t)picture->Width);
    if (!line) return error_memory();
    if (!read_rows(gif, map, line, out)) status = damaged(name, gif);
    free(line);
    return status;
}

shunt_status image_decode_gif(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out)
{
    int error = 0;
    gif_source source = {bytes, nbytes};
    *out = (shunt_image){0};
    GifFileType *gif = DGifOpen(&source, on_read, &error);
    if (!gif && error == D_GIF_ERR_NOT_ENOUGH_MEM) return error_memory();
    if (!gif) return damaged(name, NULL);
    shunt_status status = read_picture(gif, name, nbytes, out);
    if (status) shunt_image_free(out);
    DGifCloseFile(gif, &error);
    return status;
}
