/* train_data.h - a small data set in CIFAR-10's format that a network can learn: pictures of class k have a bright bar at the
 * k-th tenth of their height, and noise. Picture i's first pixel is (i / 200, i % 200, 0). */
#ifndef SHUNT_TESTS_TRAIN_DATA_H
#define SHUNT_TESTS_TRAIN_DATA_H

#include "tests/support/temporary.h"
#include <sys/stat.h>

enum { RECORD_BYTES = 3073 };

static inline void fill_record(uint8_t *record, int i)
{
    unsigned noise = 12345u + (unsigned)i * 777u;
    record[0] = (uint8_t)(i * 7 % 10);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++) {
                noise = noise * 1103515245u + 12345u;
                record[1 + c * 1024 + y * 32 + x] =
                    (uint8_t)((noise >> 16) % 100 + (y * 10 / 32 == record[0] ? 150 : 0));
            }
    record[1] = (uint8_t)(i / 200);
    record[1 + 1024] = (uint8_t)(i % 200);
    record[1 + 2048] = 0;
}

static inline void put_records(const char *path, int first, int count)
{
    uint8_t *bytes = malloc((size_t)count * RECORD_BYTES);
    cr_assert(bytes);
    for (int i = 0; i < count; i++) fill_record(bytes + i * RECORD_BYTES, first + i);
    put_bytes(path, bytes, (size_t)count * RECORD_BYTES);
    free(bytes);
}

/* folder/data_batch_1.bin ..., `count` pictures each, and test_batch.bin. */
static inline void put_training_set(const char *folder_name, int count)
{
    char path[64];
    cr_assert(!mkdir(folder_name, 0777));
    for (int f = 0; f < 5; f++) {
        snprintf(path, sizeof path, "%s/data_batch_%d.bin", folder_name, f + 1);
        put_records(path, f * count, count);
    }
    snprintf(path, sizeof path, "%s/test_batch.bin", folder_name);
    put_records(path, 5 * count, count);
}

#endif
