/* Pictures: decoded as Pillow decodes them, resized and preprocessed as Pillow and torchvision do it, to the bit (golden
 * data and the script that makes it are in tests/golden); damaged and hostile ones are refused with the reason. */
#include "runtime/base/file.h"
#include "runtime/codecs.h"
#include "runtime/data/image.h"
#include "runtime/base/random.h"

#include <math.h>
#include <sys/stat.h>

#include "tests/support/temporary.h"

#define IMAGES TEST_GOLDEN "/images/"
#define HAS(kind) (IMAGE_##kind != NULL)
/* Of a file that is cut off after what tells its kind. */
#define IMAGE_STATUS(kind) (HAS(kind) ? SHUNT_E_INVALID : SHUNT_E_UNSUPPORTED)

static const char *const pictures[] = {
    "420.jpg",
    "422.jpg",
    "444.jpg",
    "progressive.jpg",
    "gray.jpg",
    "cmyk.jpg",
    "ycck.jpg",
    "rgb.jpg",
    "odd.jpg",
    "turned.jpg",
    "rgb.png",
    "rgba.png",
    "gray.png",
    "gray2.png",
    "gray4.png",
    "gray_alpha.png",
    "palette.png",
    "palette4.png",
    "palette_transparent.png",
    "bilevel.png",
    "rgb_transparent.png",
    "interlaced.png",
    "rgb16.png",
    "gray16.png",
    "raw.ppm",
    "raw.pgm",
    "raw51.pgm",
    "raw16.ppm",
    "plain.pgm",
    "plain.ppm",
};
enum { NPICTURES = sizeof pictures / sizeof *pictures };

/* Read where their library is built in; BMP needs none. */
static const struct {
    const char *name;
    shunt_status (*decode)(const uint8_t *bytes, size_t nbytes, const char *name,
                           shunt_image *out); /* NULL: not built in */
} further[] = {
    {"rgb.bmp", image_decode_bmp},
    {"rgba.bmp", image_decode_bmp},
    {"gray.bmp", image_decode_bmp},
    {"bilevel.bmp", image_decode_bmp},
    {"palette.bmp", image_decode_bmp},
    {"rgb555.bmp", image_decode_bmp},
    {"rgb565.bmp", image_decode_bmp},
    {"down.bmp", image_decode_bmp},
    {"palette.gif", IMAGE_GIF},
    {"interlaced.gif", IMAGE_GIF},
    {"transparent.gif", IMAGE_GIF},
    {"frames.gif", IMAGE_GIF},
    {"lossless.webp", IMAGE_WEBP},
    {"lossy.webp", IMAGE_WEBP},
    {"turned.webp", IMAGE_WEBP},
    {"raw.tiff", IMAGE_TIFF},
    {"tiff_lzw.tiff", IMAGE_TIFF},
    {"tiff_adobe_deflate.tiff", IMAGE_TIFF},
    {"tiff_packbits.tiff", IMAGE_TIFF},
    {"gray.tiff", IMAGE_TIFF},
    {"bilevel.tiff", IMAGE_TIFF},
    {"palette.tiff", IMAGE_TIFF},
    {"turned.tiff", IMAGE_TIFF},
};
enum { NFURTHER = sizeof further / sizeof *further };

/* What Pillow sees: a P6 file of its making, "P6\nWIDTH HEIGHT\n255\n" and the bytes. */
static void read_expected(const char *name, shunt_image *out)
{
    char path[512];
    snprintf(path, sizeof path, IMAGES "%s.ppm", name);
    FILE *file = fopen(path, "rb");
    long width, height;
    if (!file || fscanf(file, "P6 %ld %ld 255", &width, &height) != 2) cr_assert_fail("%s", path);
    size_t size = (size_t)(width * height * 3);
    *out = (shunt_image){height, width, malloc(size)};
    cr_assert(fgetc(file) == '\n' && fread(out->rgb, 1, size, file) == size && fgetc(file) == EOF);
    fclose(file);
}

static void expect_as_pillow(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, IMAGES "%s", name);
    shunt_image image, expected;
    cr_assert_eq(shunt_image_read(path, &image), SHUNT_OK, "%s", shunt_last_error());
    read_expected(name, &expected);
    cr_assert_eq(image.width, expected.width, "%s", name);
    cr_assert_eq(image.height, expected.height, "%s", name);
    int worst = 0;
    for (int64_t k = 0; k < image.width * image.height * 3; k++) {
        int difference = abs(image.rgb[k] - expected.rgb[k]);
        worst = difference > worst ? difference : worst;
    }
    cr_expect_eq(worst, 0, "%s: differs by up to %d", name, worst);
    shunt_image_free(&image);
    shunt_image_free(&expected);
}

Test(image, formats)
{
    for (int i = 0; i < NPICTURES; i++) expect_as_pillow(pictures[i]);
}

Test(image, formats_of_further_libraries)
{
    shunt_image image;
    char path[512];
    for (int i = 0; i < NFURTHER; i++) {
        snprintf(path, sizeof path, IMAGES "%s", further[i].name);
        if (further[i].decode) {
            expect_as_pillow(further[i].name);
        } else {
            cr_assert_eq(shunt_image_read(path, &image), SHUNT_E_UNSUPPORTED);
            expect_message(path, "since Shunt was built without");
        }
    }
}

/* Orientation 6: the left column of the result is the lower row of what is stored. TIFF is turned in any case, as Pillow does. */
Test(image, webp_is_turned)
{
    shunt_image stored, turned;
    if (!HAS(WEBP)) cr_skip_test("built without libwebp");
    cr_assert_eq(shunt_image_read(IMAGES "turned.webp", &stored), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_image_read_upright(IMAGES "turned.webp", &turned), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(turned.width == stored.height && turned.height == stored.width);
    for (int64_t y = 0; y < turned.height; y++)
        for (int64_t x = 0; x < turned.width; x++)
            cr_assert(!memcmp(turned.rgb + 3 * (y * turned.width + x),
                              stored.rgb + 3 * ((stored.height - 1 - x) * stored.width + y), 3));
    shunt_image_free(&stored);
    shunt_image_free(&turned);
}

/* Cut off anywhere, or with a byte changed: decoded, or refused with a message. */
Test(image, further_formats_damaged)
{
    for (int i = 0; i < NFURTHER; i++) {
        char path[512];
        file_mapping file;
        shunt_image image;
        snprintf(path, sizeof path, IMAGES "%s", further[i].name);
        cr_assert_eq(file_map(path, 0, &file), SHUNT_OK);
        uint8_t *copy = malloc(file.size);
        for (size_t n = 0; copy && n < file.size; n += n < 80 ? 1 : 17) {
            memcpy(copy, file.data, file.size);
            const bool cut = n % 2;
            if (!cut) copy[n] ^= (uint8_t)(0x55 << n % 3);
            if (shunt_image_decode_upright(copy, cut ? n : file.size, "copy", &image))
                cr_assert(!image.rgb && *shunt_last_error());
            shunt_image_free(&image);
        }
        free(copy);
        file_unmap(&file);
    }
}

/* ---- Bad input -------------------------------------------------------------------------------------------------- */

static void expect_refused(const void *bytes, size_t size, shunt_status status, const char *reason)
{
    shunt_image image;
    shunt_status found = shunt_image_decode(bytes, size, "NAME", &image);
    if (found != status || image.rgb) cr_assert_fail("%d, not %d: %s", found, status, reason);
    expect_message("NAME: ", reason);
}

static file_mapping map_picture(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, IMAGES "%s", name);
    file_mapping mapping;
    cr_assert_eq(file_map(path, 0, &mapping), SHUNT_OK);
    return mapping;
}

/* Each picture, cut off at each of its bytes. */
Test(image, cut_off)
{
    for (int i = 0; i < NPICTURES; i++) {
        file_mapping file = map_picture(pictures[i]);
        /* In a plain file the last number's last digits may go and leave a number. */
        size_t end = strncmp(pictures[i], "plain", 5) ? file.size : file.size - 5;
        for (size_t size = 8; size < end; size++) {
            /* A block of its own, so that a sanitizer sees a read past it. */
            uint8_t *bytes = malloc(size);
            memcpy(bytes, file.data, size);
            expect_refused(bytes, size, SHUNT_E_INVALID, "");
            if (size > 100 && size + 100 < end) expect_refused(bytes, size, SHUNT_E_INVALID, "cut off");
            free(bytes);
        }
        file_unmap(&file);
    }
}

/* The data of a JPEG is cut short, but an end marker follows: the library would pad it with gray. */
Test(image, jpeg_with_an_early_end)
{
    file_mapping file = map_picture("420.jpg");
    uint8_t *bytes = malloc(file.size);
    memcpy(bytes, file.data, file.size);
    bytes[file.size - 150] = 0xff;
    bytes[file.size - 149] = 0xd9;
    expect_refused(bytes, file.size, SHUNT_E_INVALID, "damaged JPEG: Corrupt JPEG data: premature end");
    free(bytes);
    file_unmap(&file);
}

/* Garbage behind the end is common, and harmless. */
Test(image, jpeg_with_garbage_behind)
{
    file_mapping file = map_picture("420.jpg");
    uint8_t *bytes = calloc(file.size + 50, 1);
    memcpy(bytes, file.data, file.size);
    shunt_image image, expected;
    cr_assert_eq(shunt_image_decode(bytes, file.size + 50, "NAME", &image), SHUNT_OK);
    read_expected("420.jpg", &expected);
    cr_assert(!memcmp(image.rgb, expected.rgb, (size_t)(image.width * image.height * 3)));
    shunt_image_free(&image);
    shunt_image_free(&expected);
    free(bytes);
    file_unmap(&file);
}

/* A picture of three colours whose header, of this kind, says another size. */
static uint8_t *resized_jpeg(const char *name, const char *kind, const char size[4], size_t *bytes)
{
    file_mapping file = map_picture(name);
    uint8_t *copy = malloc(file.size);
    char head[5] = {'\xff', *kind, '\0', '\x11', '\x08'};
    memcpy(copy, file.data, file.size);
    uint8_t *frame = memmem(copy, file.size, head, sizeof head);
    cr_assert(frame);
    memcpy(frame + 5, size, 4);
    *bytes = file.size;
    file_unmap(&file);
    return copy;
}

Test(image, huge)
{
    static const char reason[] = "60000 x 60000 pixels are over the limit of 268435456";
    size_t size;
    file_mapping file = map_picture("huge.png");
    expect_refused(file.data, file.size, SHUNT_E_INVALID, reason);
    file_unmap(&file);
    uint8_t *bytes = resized_jpeg("420.jpg", "\xc0", "\xea\x60\xea\x60", &size);
    expect_refused(bytes, size, SHUNT_E_INVALID, reason);
    free(bytes);
}

/* Sizes below the limit, but memory out of all proportion to the file: refused before there is any for them. */
Test(image, larger_than_the_file)
{
    size_t size;
    file_mapping file = map_picture("hollow.png");
    expect_refused(file.data, file.size, SHUNT_E_INVALID, "16000 x 16000 pixels need 735 MiB, too much for a file of");
    file_unmap(&file);
    uint8_t *bytes = resized_jpeg("420.jpg", "\xc0", "\x3e\x80\x3e\x80", &size);
    expect_refused(bytes, size, SHUNT_E_INVALID, "16000 x 16000 pixels need 735 MiB, too much for a file of");
    free(bytes);
    /* A progressive one keeps its coefficients, too. */
    bytes = resized_jpeg("progressive.jpg", "\xc2", "\x10\x00\x10\x00", &size);
    expect_refused(bytes, size, SHUNT_E_INVALID, "4096 x 4096 pixels need 146 MiB, too much for a file of");
    /* Nor does another frame behind it make it a plain one. */
    static const uint8_t frame[] = {0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0};
    uint8_t *longer = malloc(size + sizeof frame);
    memcpy(longer, bytes, size - 2);
    memcpy(longer + size - 2, frame, sizeof frame);
    memcpy(longer + size - 2 + sizeof frame, bytes + size - 2, 2);
    expect_refused(longer, size + sizeof frame, SHUNT_E_INVALID,
                   "4096 x 4096 pixels need 146 MiB, too much for a file of");
    free(longer);
    free(bytes);
}

Test(image, most_memory)
{
    enum { MIB = 1 << 20 };
    cr_assert_eq(image_check_file("small", 100, 3776, 4096, 4), SHUNT_OK);
    cr_assert_eq(image_check_file("small", MIB / 4, 3777, 4096, 4), SHUNT_E_INVALID);
    cr_assert_eq(image_check_file("large", MIB, 4032, 8192, 4), SHUNT_OK);
    cr_assert_eq(image_check_file("large", MIB, 4033, 8192, 4), SHUNT_E_INVALID);
    /* Few pixels, but a decoder holds several of such rows. */
    cr_assert_eq(image_check_file("row", 100, 1, MIB, 3), SHUNT_E_INVALID);
}

static long kilobytes(const char *what)
{
    char line[128];
    long found = -1;
    FILE *file = fopen("/proc/self/status", "r");
    cr_assert(file);
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, what, strlen(what))) found = atol(line + strlen(what));
    fclose(file);
    return found;
}

/* A text of a mebibyte, 200 times: what does not show in the picture must not take memory. */
Test(image, texts_in_a_png)
{
    enum { COPIES = 200, BEFORE = 33 }; /* the signature and the header */
    file_mapping file = map_picture("text.png");
    size_t chunk = 12 + ((size_t)file.data[BEFORE + 2] << 8 | file.data[BEFORE + 3]);
    uint8_t *bytes = malloc(file.size + COPIES * chunk), *to = bytes + BEFORE;
    memcpy(bytes, file.data, BEFORE);
    for (int i = 0; i < COPIES; i++, to += chunk) memcpy(to, file.data + BEFORE, chunk);
    memcpy(to, file.data + BEFORE, file.size - BEFORE);
    size_t size = file.size + COPIES * chunk;
    shunt_image image, expected;
    long before = kilobytes("VmHWM:");
    cr_assert_eq(shunt_image_decode(bytes, size, "NAME", &image), SHUNT_OK, "%s", shunt_last_error());
    long more = kilobytes("VmHWM:") - before;
    cr_assert(before > 0 && more < 32 << 10, "%ld KiB for a file of %zu bytes", more, size);
    read_expected("rgb.png", &expected);
    cr_assert(!memcmp(image.rgb, expected.rgb, (size_t)(image.width * image.height * 3)));
    shunt_image_free(&image);
    shunt_image_free(&expected);
    free(bytes);
    file_unmap(&file);
}

Test(image, ppm_refuses)
{
    static const char *const bad[][2] = {
        {"P6 60000 60000 255 ", "60000 x 60000 pixels are over the limit"},
        {"P6 99999999999 1 255 ", "the width is over 2147483647"},
        {"P6 0 1 255 ", "0 x 1 pixels"},
        {"P6 -1 1 255 ", "the width is not a number"},
        {"P6 2 x 255 ", "the height is not a number"},
        {"P6 2 2 0 ", "the largest sample value is 0"},
        {"P6 2 2 65536 ", "the largest sample value is over 65535"},
        {"P6 2 2", "cut off before the largest sample value"},
        {"P6 2 2 # no end", "cut off before the largest sample value"},
        {"P6 2 2 255 abcdefghijk", "cut off: 11 bytes of samples, expected 12"},
        {"P5 2 1 1023 \1\2\3", "cut off: 3 bytes of samples, expected 4"},
        {"P5 1 1 9 a", "a sample is over 9"},
        {"P2 2 1 9 1", "cut off: 1 bytes of samples, expected at least 3"},
        {"P3 23 3100286 10 ", "cut off: 0 bytes of samples"}, /* found by fuzzing: 200 MB were asked for */
        {"P2 2 1 9   1 ", "cut off before a sample"},
        {"P2 2 1 9 1 10", "a sample is over 9"},
        {"P2 2 1 9 1 -1", "a sample is not a number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(bad[i][0], strlen(bad[i][0]), SHUNT_E_INVALID, bad[i][1]);
}

Test(image, other_content)
{
    expect_refused("GIF89a.....", 11, IMAGE_STATUS(GIF), "GIF");
    expect_refused("RIFF....WEBP", 12, IMAGE_STATUS(WEBP), "WebP");
    expect_refused("II*\0....", 8, IMAGE_STATUS(TIFF), "TIFF");
    expect_refused("RIFF....WAVE", 12, SHUNT_E_INVALID, "not a picture");
    expect_refused("\0\0\0\x1c"
                   "ftypavif....",
                   16, SHUNT_E_UNSUPPORTED, "looks like a AVIF picture; not supported");
    expect_refused("\0\0\0\x1c"
                   "ftypheic....",
                   16, SHUNT_E_UNSUPPORTED, "looks like a HEIC picture; not supported");
    expect_refused("P4 1 1 x", 8, SHUNT_E_UNSUPPORTED, "PBM");
    expect_refused("hello, world", 12, SHUNT_E_INVALID, "not a picture");
    expect_refused("", 0, SHUNT_E_INVALID, "not a picture");
    expect_refused("\xff\xd8\xff", 3, SHUNT_E_INVALID, "cut off");
    expect_refused("\xff\xd8\xff\xd9", 4, SHUNT_E_INVALID, "damaged JPEG");
}

Test(image, paths, .init = enter_folder, .fini = leave_folder)
{
    shunt_image image;
    cr_assert_eq(shunt_image_read("none.png", &image), SHUNT_E_NOT_FOUND);
    expect_message("none.png", "No such file");
    cr_assert(!mkdir("dir.png", 0777));
    cr_assert_eq(shunt_image_read("dir.png", &image), SHUNT_E_INVALID);
    expect_message("dir.png", "is a directory");
    put_bytes("empty.png", "", 0);
    cr_assert_eq(shunt_image_read("empty.png", &image), SHUNT_E_INVALID);
    expect_message("empty.png", "empty");
}

/* Pictures with some bytes changed: decoded or refused with a message. The sizes that a header claims grow with it, so
 * the pixels are read: a sanitizer sees what was not there or not written. */
Test(image, mutations)
{
    uint64_t key = random_key("mutations", 0), draw = 0;
    unsigned decoded = 0, refused = 0, sum = 0;
    for (int i = 0; i < NPICTURES; i++) {
        file_mapping file = map_picture(pictures[i]);
        for (int round = 0; round < 400; round++) {
            uint8_t *bytes = malloc(file.size);
            memcpy(bytes, file.data, file.size);
            int flips = 1 + (int)(random_at(key, draw++) * 4);
            for (int k = 0; k < flips; k++) {
                size_t at = (size_t)(random_at(key, draw++) * (double)file.size);
                bytes[at] = (uint8_t)(random_at(key, draw++) * 256);
            }
            shunt_image image;
            if (shunt_image_decode(bytes, file.size, "NAME", &image)) {
                refused++;
                expect_message("NAME: ", "");
                if (image.rgb) cr_assert_fail("a refused picture has pixels");
            } else {
                decoded++;
                sum += image.rgb[0] + image.rgb[image.height * image.width * 3 - 1];
                shunt_image_free(&image);
            }
            free(bytes);
        }
        file_unmap(&file);
    }
    cr_assert(decoded > 1000 && refused > 1000, "%u decoded, %u refused, sum %u", decoded, refused, sum);
}

/* As Pillow's exif_transpose turns them; without being asked for it, no picture is turned. */
Test(image, upright)
{
    FILE *table = fopen(IMAGES "upright.txt", "r");
    char name[64], path[512];
    int rows = 0, turned = 0;
    cr_assert(table);
    for (; fscanf(table, "%63s", name) == 1; rows++) {
        shunt_image expected, is, stored;
        read_expected(name, &expected);
        snprintf(path, sizeof path, IMAGES "%s", name);
        cr_assert_eq(shunt_image_read_upright(path, &is), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(shunt_image_read(path, &stored), SHUNT_OK, "%s", shunt_last_error());
        const size_t size = (size_t)(expected.height * expected.width * 3);
        cr_assert(is.height == expected.height && is.width == expected.width, "%s", name);
        cr_assert_arr_eq(is.rgb, expected.rgb, size, "%s", name);
        cr_assert_eq(stored.width, 14);
        turned += memcmp(stored.rgb, is.rgb, size) != 0;
        shunt_image_free(&expected);
        shunt_image_free(&stored);
        shunt_image_free(&is);
    }
    fclose(table);
    cr_assert(rows == 17 && turned == 15, "%d, %d turned", rows, turned);
}

/* Tags that are damaged say nothing, and nothing is read beyond the file's end: sanitizers look at copies of its size. */
Test(image, damaged_orientations)
{
    static const char *const names[] = {"upright6.jpg", "upright6.png", "upright_little.jpg"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[512];
        file_mapping file;
        shunt_image image;
        snprintf(path, sizeof path, IMAGES "%s", names[k]);
        cr_assert_eq(file_map(path, 0, &file), SHUNT_OK, "%s", shunt_last_error());
        uint8_t *copy = malloc(file.size);
        for (size_t at = 1; at < 200 && at < file.size; at++)
            for (int value = 0; value < 256; value += 51) {
                memcpy(copy, file.data, file.size);
                copy[at] = (uint8_t)value;
                shunt_status status = shunt_image_decode_upright(copy, file.size, "copy", &image);
                cr_assert_eq(status == SHUNT_OK, image.rgb != NULL);
                shunt_image_free(&image);
            }
        free(copy);
        file_unmap(&file);
    }
}

/* Headers that ask for more memory than the file is worth. */
Test(image, further_formats_that_lie)
{
    static const char bmp[] =
        "BM....\0\0\0\0\x36\0\0\0\x28\0\0\0\0\x40\0\0\0\x40\0\0\1\0\x18\0\0\0\0\0.........................";
    static const char gif[] = "GIF89a\xff\xff\xff\xff\x80\0\0abcdef,\0\0\0\0\xff\xff\xff\xff\0\2\2D\1\0;";
    expect_refused(bmp, sizeof bmp - 1, SHUNT_E_INVALID, "the pixels are cut off");
    if (HAS(GIF)) expect_refused(gif, sizeof gif - 1, SHUNT_E_INVALID, "pixels");
    expect_refused("BM", 2, SHUNT_E_INVALID, "cut off");
}
