/* Fuzz target: a PyTorch file, zip or legacy, as a whole. */
#include "tests/fuzz/fuzz.h"

int fuzz_input(const uint8_t *data, size_t size)
{
    return fuzz_weights(data, size);
}
