/* Data sets, on CIFAR files made here: record r of file f has label (f + r) % 10, and byte i of plane c is
 * (f * 50 + r + c * 7 + i) % 256; and on folders of pictures of one colour. */
#include <sys/stat.h>

#include "tests/support/temporary.h"

TestSuite(dataset, .init = enter_folder, .fini = leave_folder);

enum { RECORD = 3073, PLANE = 1024 };

static uint8_t sample(int file, int record, int c, int i)
{
    return (uint8_t)(file * 50 + record + c * 7 + i);
}

/* bad_label: that record's label is 10. extra: bytes added, or taken away. */
static void make(const char *path, int file, int records, int bad_label, int extra)
{
    uint8_t *bytes = calloc((size_t)records + 1, RECORD);
    for (int r = 0; r < records; r++) {
        bytes[r * RECORD] = (uint8_t)(r == bad_label ? 10 : (file + r) % 10);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < PLANE; i++) bytes[r * RECORD + 1 + c * PLANE + i] = sample(file, r, c, i);
    }
    put_bytes(path, bytes, (size_t)(records * RECORD + extra));
    free(bytes);
}

/* Counts differences, so that a loop over pixels needs one assertion. */
static int differences(const shunt_image *image, int file, int record)
{
    int count = 0;
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++) count += image->rgb[3 * i + c] != sample(file, record, c, i);
    return count;
}

static void expect_record(const shunt_dataset *set, size_t index, int file, int record)
{
    shunt_image image;
    int64_t label;
    cr_assert_eq(shunt_dataset_get(set, index, &image, &label), SHUNT_OK);
    cr_assert(image.height == 32 && image.width == 32);
    cr_assert_eq(label, (file + record) % 10);
    cr_assert_eq(differences(&image, file, record), 0);
    shunt_image_free(&image);
}

Test(dataset, test_split)
{
    cr_assert(!mkdir("set", 0777));
    make("set/test_batch.bin", 3, 12, -1, 0);
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open("cifar10:set", NULL, &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_dataset_count(set), 12);
    cr_assert_eq(shunt_dataset_classes(set), 10);
    expect_record(set, 0, 3, 0);
    expect_record(set, 11, 3, 11);
    shunt_image image;
    int64_t label;
    cr_assert_eq(shunt_dataset_get(set, 12, &image, &label), SHUNT_E_INVALID);
    cr_assert_null(image.rgb);
    expect_message("image 12", "of 12");
    shunt_dataset_close(set);
    shunt_dataset_close(NULL);
}

/* The folder that the archive unpacks to is found in its parent; files may differ in length. */
Test(dataset, train_split_in_a_parent_folder)
{
    cr_assert(!mkdir("cifar-10-batches-bin", 0777));
    char path[64];
    for (int f = 1; f <= 5; f++) {
        snprintf(path, sizeof path, "cifar-10-batches-bin/data_batch_%d.bin", f);
        make(path, f, f, -1, 0);
    }
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open("cifar10:.", "train", &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_dataset_count(set), 15);
    size_t index = 0;
    for (int f = 1; f <= 5; f++)
        for (int r = 0; r < f; r++) expect_record(set, index++, f, r);
    cr_assert_str_eq(shunt_dataset_label(set, 0), "airplane"); /* there is no file of names */
    cr_assert_str_eq(shunt_dataset_label(set, 9), "truck");
    shunt_dataset_close(set);
}

static void expect_refused(const char *spec, const char *split, shunt_status status, const char *path,
                           const char *reason)
{
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open(spec, split, &set), status, "%s", reason);
    cr_assert_null(set);
    expect_message(path, reason);
}

Test(dataset, refuses)
{
    expect_refused("cifar10:none", NULL, SHUNT_E_NOT_FOUND, "none/test_batch.bin", "No such file");
    expect_refused("mnist:.", NULL, SHUNT_E_NOT_FOUND, "'mnist:.'", "there are: cifar10:DIR");
    expect_refused("cifar10", NULL, SHUNT_E_NOT_FOUND, "'cifar10'", "there are: cifar10:DIR");
    expect_refused("cifar10:.", "valid", SHUNT_E_INVALID, "'valid'", "train and test");
    make("test_batch.bin", 0, 4, -1, -1);
    expect_refused("cifar10:.", "test", SHUNT_E_INVALID, "./test_batch.bin", "12291 bytes are not a whole number");
    make("test_batch.bin", 0, 4, -1, 1);
    expect_refused("cifar10:.", "test", SHUNT_E_INVALID, "./test_batch.bin", "12293 bytes are not a whole number");
    make("test_batch.bin", 0, 4, 2, 0);
    expect_refused("cifar10:.", "test", SHUNT_E_INVALID, "./test_batch.bin",
                   "record 2 (byte 6146) has label 10, expected 0 .. 9");
    put_bytes("test_batch.bin", "", 0);
    expect_refused("cifar10:.", "test", SHUNT_E_INVALID, "./test_batch.bin", "empty");
    for (int f = 1; f <= 4; f++) {
        char path[32];
        snprintf(path, sizeof path, "data_batch_%d.bin", f);
        make(path, f, 1, -1, 0);
    }
    expect_refused("cifar10:.", "train", SHUNT_E_NOT_FOUND, "./data_batch_5.bin", "No such file");
}

/* Two bytes of labels, coarse and fine, and a file of names. */
Test(dataset, cifar100)
{
    uint8_t *bytes = calloc(3, RECORD + 1);
    for (int r = 0; r < 3; r++) {
        bytes[r * (RECORD + 1)] = 19; /* coarse, not looked at */
        bytes[r * (RECORD + 1) + 1] = (uint8_t)(97 + r);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < PLANE; i++) bytes[r * (RECORD + 1) + 2 + c * PLANE + i] = sample(1, r, c, i);
    }
    cr_assert(!mkdir("cifar-100-binary", 0777));
    put_bytes("cifar-100-binary/train.bin", bytes, 3 * (RECORD + 1));
    char names[1000] = "apple\r\naquarium_fish\n";
    put_bytes("cifar-100-binary/fine_label_names.txt", names, strlen(names));
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open("cifar100:.", "train", &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(shunt_dataset_count(set) == 3 && shunt_dataset_classes(set) == 100);
    shunt_image image;
    int64_t label;
    cr_assert_eq(shunt_dataset_get(set, 2, &image, &label), SHUNT_OK);
    cr_assert_eq(label, 99);
    cr_assert_eq(differences(&image, 1, 2), 0);
    shunt_image_free(&image);
    cr_assert_str_eq(shunt_dataset_label(set, 0), "apple");
    cr_assert_str_eq(shunt_dataset_label(set, 1), "aquarium_fish");
    cr_assert_null(shunt_dataset_label(set, 2));
    cr_assert_null(shunt_dataset_label(set, 100));
    shunt_dataset_close(set);
    bytes[RECORD + 1 + 1] = 100;
    put_bytes("cifar-100-binary/train.bin", bytes, 3 * (RECORD + 1));
    expect_refused("cifar100:.", "train", SHUNT_E_INVALID, "train.bin",
                   "record 1 (byte 3075) has label 100, expected 0 .. 99");
    put_bytes("cifar-100-binary/train.bin", bytes, 3 * RECORD);
    expect_refused("cifar100:.", "train", SHUNT_E_INVALID, "train.bin", "not a whole number of records of 3074");
    free(bytes);
}
