/* Fuzz target: CIFAR-10's binary files. */
#include "tests/fuzz/fuzz.h"

int fuzz_input(const uint8_t *data, size_t size)
{
    char spec[96];
    shunt_dataset *set;
    fuzz_put("test_batch.bin", data, size);
    snprintf(spec, sizeof spec, "cifar10:%s", fuzz_make_folder());
    if (shunt_dataset_open(spec, "test", &set)) {
        fuzz_check_message();
        return 0;
    }
    fuzz_check(shunt_dataset_count(set) == size / 3073, "another number of pictures than the file has room for");
    for (size_t i = 0; i < shunt_dataset_count(set); i++) {
        shunt_image image;
        int64_t label;
        fuzz_check(!shunt_dataset_get(set, i, &image, &label), "a picture of an open set cannot be read");
        fuzz_check(label >= 0 && label < 10, "a label is not in 0 .. 9");
        fuzz_read_bytes(image.rgb, 3072);
        shunt_image_free(&image);
    }
    shunt_dataset_close(set);
    return 0;
}
