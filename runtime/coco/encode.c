/* encode.c - masks of pixels as COCO's compressed runs; mask_from_text reads them. */
#include <shunt/coco.h>
#include <stdbool.h>

/* The text so far; what does not fit is only counted. */
typedef struct sink {
    char *text;
    size_t size, length;
} sink;

static void put(sink *to, char c)
{
    if (to->length + 1 < to->size) to->text[to->length] = c;
    to->length++;
}

/* Five bits a character, the least first, until the rest is the sign. */
static void put_number(sink *to, int64_t x)
{
    enum { BITS = 5, LOW = 31, SIGN = 16, MORE = 32, FIRST = 48 };
    for (bool more = true; more;) {
        int64_t digit = x & LOW;
        x >>= BITS;
        more = digit & SIGN ? x != -1 : x != 0;
        put(to, (char)(FIRST + digit + (more ? MORE : 0)));
    }
}

/* From the third on, a run is written as what it is longer than the run two before; the first two and the third are whole. */
typedef struct runs {
    int64_t before[2];
    size_t count;
} runs;

static void put_run(sink *to, runs *past, int64_t length)
{
    put_number(to, past->count > 2 ? length - past->before[past->count % 2] : length);
    past->before[past->count % 2] = length;
    past->count++;
}

size_t shunt_coco_runs(const unsigned char *inside, int64_t height, int64_t width, char *text, size_t size)
{
    sink to = {text, text ? size : 0, 0};
    runs past = {.count = 0};
    int64_t length = 0;
    bool within = false;
    if (!inside) return 0;
    for (int64_t x = 0; x < width; x++) {
        for (int64_t y = 0; y < height; y++, length++) {
            if ((inside[y * width + x] != 0) == within) continue;
            put_run(&to, &past, length);
            within = !within;
            length = 0;
        }
    }
    put_run(&to, &past, length);
    if (to.size) to.text[to.length < to.size ? to.length : to.size - 1] = '\0';
    return to.length;
}
