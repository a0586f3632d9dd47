/* npy.c - see npy.h. The format: "\x93NUMPY", version 1.0, the header's length, a header in Python's words, the data. */
#include "npy.h"
#include "args.h"
#include "output.h"

#include <string.h>

enum { MAGIC = 10, ALIGNMENT = 64, MOST_HEADER = 4 * ALIGNMENT };

/* All of what stands before the data; returns its length. */
static size_t make_header(const shunt_tensor_desc *desc, char text[MOST_HEADER])
{
    char shape[128];
    size_t used = 0;
    for (uint32_t i = 0; i < desc->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%lld,", (long long)desc->dims[i]);
    shape[used] = '\0';
    size_t length = MAGIC + (size_t)snprintf(text + MAGIC, MOST_HEADER - MAGIC,
                                             "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    while ((length + 1) % ALIGNMENT) text[length++] = ' ';
    text[length++] = '\n';
    memcpy(text, "\x93NUMPY\x01\x00", 8);
    text[8] = (char)((length - MAGIC) & 0xff);
    text[9] = (char)((length - MAGIC) >> 8);
    return length;
}

int npy_write(const char *path, const shunt_tensor_desc *desc, const float *data)
{
    output file;
    char header[MOST_HEADER];
    const size_t length = make_header(desc, header), count = (size_t)shunt_tensor_count(desc);
    int status = output_begin(&file, path);
    if (status) return status;
    const bool written =
        fwrite(header, 1, length, file.file) == length && fwrite(data, sizeof *data, count, file.file) == count;
    status = output_end(&file, written);
    return status ? status : written ? EXIT_OK : EXIT_FAILED;
}
