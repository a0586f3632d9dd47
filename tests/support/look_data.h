/* look_data.h - the pictures of tests/golden/look.py as a data set in CIFAR-10's format, in the folder `set`. */
#ifndef SHUNT_TESTS_LOOK_DATA_H
#define SHUNT_TESTS_LOOK_DATA_H

#include "runtime/base/random.h"
#include "tests/support/temporary.h"

#include <sys/stat.h>

enum { PICTURES = 6, RECORD = 3073 };

static inline void put_pictures(void)
{
    uint8_t *bytes = malloc((size_t)PICTURES * RECORD);
    cr_assert(bytes && !mkdir("set", 0777));
    uint64_t labels = random_key("labels", 1), pictures = random_key("pictures", 1);
    for (uint64_t i = 0; i < PICTURES; i++) {
        bytes[i * RECORD] = (uint8_t)(10 * random_at(labels, i));
        for (uint64_t k = 0; k < RECORD - 1; k++)
            bytes[i * RECORD + 1 + k] = (uint8_t)(256 * random_at(pictures, i * (RECORD - 1) + k));
    }
    put_bytes("set/test_batch.bin", bytes, (size_t)PICTURES * RECORD);
    free(bytes);
}

#endif
