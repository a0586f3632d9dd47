/* Fuzz target: CIFAR-10's Python version, a pickle with numpy arrays. */
#include "tests/fuzz/fuzz.h"

int fuzz_input(const uint8_t *data, size_t size)
{
    fuzz_put("test_batch", data, size);
    int64_t count = fuzz_read_cifar10(fuzz_make_folder());
    fuzz_check(count < 0 || (size_t)count <= size / 3072, "more pictures than the file has room for");
    return 0;
}
