/* Fuzz target: CIFAR-10's binary files. */
#include "tests/fuzz/fuzz.h"

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_put("test_batch.bin", data, size);
    int64_t count = fuzz_read_cifar10(fuzz_make_folder());
    fuzz_check(count < 0 || (size_t)count == size / 3073, "another number of pictures than the file has room for");
    return 0;
}
