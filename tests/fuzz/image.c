/* Fuzz target: pictures; the format is detected from the first bytes. Of large ones only those of every 64th size are read: the time would go
 * into their pixels, while what can go wrong but memory is in the headers and in how the data end. */
#include "tests/fuzz/fuzz.h"
#include "runtime/data/image.h"

#include <stdlib.h>

enum { MOST_PIXELS = 1 << 16 };

static uint64_t big_endian(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value = value << 8 | bytes[i];
    return value;
}

/* Whether any place where a PNG or a JPEG file may state its size states a large one. */
static int is_large(const uint8_t *data, size_t size)
{
    if (size >= 24 && data[0] == 0x89) return big_endian(data + 16, 4) * big_endian(data + 20, 4) > MOST_PIXELS;
    for (size_t i = 0; size >= 9 && data[0] == 0xff && i < size - 9; i++)
        if (data[i] == 0xff && data[i + 1] >= 0xc0 && data[i + 1] <= 0xcf &&
            big_endian(data + i + 5, 2) * big_endian(data + i + 7, 2) > MOST_PIXELS)
            return 1;
    return 0;
}

/* The same bytes as a map of classes. */
static void try_numbers(const uint8_t *data, size_t size)
{
    image_numbers map;
    if (image_decode_numbers(data, size, "map", &map)) {
        fuzz_check_message();
        fuzz_check(!map.numbers, "a failure that leaves a map");
        return;
    }
    fuzz_read_bytes(map.numbers, (uint64_t)(map.height * map.width));
    free(map.numbers);
}

int fuzz_input(const uint8_t *data, size_t size)
{
    shunt_image image;
    if (size % 64 && is_large(data, size)) return -1;
    try_numbers(data, size);
    if (shunt_image_decode_upright(data, size, "picture", &image)) {
        fuzz_check_message();
        fuzz_check(!image.rgb, "a failure that leaves an image");
        return 0;
    }
    fuzz_read_bytes(image.rgb, (uint64_t)(image.height * image.width * 3));
    shunt_image_free(&image);
    return 0;
}
