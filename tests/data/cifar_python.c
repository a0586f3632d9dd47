/* cifar_python.c - CIFAR's Python version, as golden/cifar_python.py wrote it with Python and numpy: the same pictures and labels
 * as in the binary version whatever the pickle's form, and files that are damaged or hostile refused with name and reason. */
#include <sys/stat.h>

#include "tests/support/temporary.h"

TestSuite(cifar_python, .init = enter_folder, .fini = leave_folder);

#define FORMS TEST_GOLDEN "/cifar/"

static shunt_dataset *open_set(const char *set, const char *form, const char *split)
{
    char spec[512];
    shunt_dataset *data;
    snprintf(spec, sizeof spec, "%s:" FORMS "%s", set, form);
    cr_assert_eq(shunt_dataset_open(spec, split, &data), SHUNT_OK, "%s", shunt_last_error());
    return data;
}

/* Bytes of the pictures that are not those of golden/cifar_python.py's formula, and labels that are not `label`. */
static int differences(const shunt_dataset *set, size_t index, int file, int record, int64_t label)
{
    shunt_image image;
    int64_t found;
    cr_assert_eq(shunt_dataset_get(set, index, &image, &found), SHUNT_OK);
    int count = found != label;
    for (int i = 0; i < 1024; i++)
        for (int c = 0; c < 3; c++) count += image.rgb[3 * i + c] != (uint8_t)(file * 50 + record + c * 7 + i);
    shunt_image_free(&image);
    return count;
}

static void expect_ten(const char *form)
{
    shunt_dataset *set = open_set("cifar10", form, NULL);
    cr_assert(shunt_dataset_count(set) == 2 && shunt_dataset_classes(set) == 10, "%s", form);
    for (int r = 0; r < 2; r++) cr_assert_eq(differences(set, (size_t)r, 3, r, 6 - r), 0, "%s: picture %d", form, r);
    cr_assert_str_eq(shunt_dataset_label(set, 0), "airplane");
    cr_assert_str_eq(shunt_dataset_label(set, 9), "truck");
    shunt_dataset_close(set);
}

Test(cifar_python, every_form_of_cifar10_is_the_binary_version)
{
    static const char *const forms[] = {"bin",
                                        "python2",
                                        "python2-protocol0",
                                        "protocol0",
                                        "protocol1",
                                        "protocol2",
                                        "protocol3",
                                        "protocol4",
                                        "protocol5",
                                        "keys2",
                                        "keys4",
                                        "columns",
                                        "numpy2",
                                        "numpy2-protocol5",
                                        "python2/cifar-10-batches-py"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) expect_ten(forms[i]);
}

Test(cifar_python, every_form_of_cifar100_is_the_binary_version)
{
    static const char *const forms[] = {"bin", "python2", "protocol2", "protocol4", "keys2", "keys4"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        shunt_dataset *set = open_set("cifar100", forms[i], "test");
        cr_assert(shunt_dataset_count(set) == 1 && shunt_dataset_classes(set) == 100);
        cr_assert_eq(differences(set, 0, 1, 0, 98), 0, "%s", forms[i]);
        if (i) cr_assert_str_eq(shunt_dataset_label(set, 99), "fine_99");
        shunt_dataset_close(set);
    }
}

Test(cifar_python, train_splits)
{
    shunt_dataset *set = open_set("cifar10", "python2", "train");
    cr_assert_eq(shunt_dataset_count(set), 5);
    for (int f = 1; f <= 5; f++) cr_assert_eq(differences(set, (size_t)f - 1, f, 0, 9 - f), 0);
    shunt_dataset_close(set);
    set = open_set("cifar100", "python2", "train");
    cr_assert_eq(shunt_dataset_count(set), 1);
    cr_assert_eq(differences(set, 0, 2, 0, 97), 0);
    shunt_dataset_close(set);
}

/* ---- Files that are no such set ----------------------------------------------------------------------------------- */

static uint8_t original[1 << 16];

static size_t read_form(const char *file)
{
    char path[512];
    snprintf(path, sizeof path, FORMS "%s", file);
    FILE *in = fopen(path, "rb");
    cr_assert(in);
    size_t size = fread(original, 1, sizeof original, in);
    fclose(in);
    return size;
}

static void expect_refused(const char *spec, const char *path, const char *reason)
{
    shunt_dataset *set;
    cr_assert_neq(shunt_dataset_open(spec, "test", &set), SHUNT_OK, "%s", reason);
    cr_assert_null(set);
    expect_message(path, reason);
}

/* The first place of `from` becomes `to` in a file of golden/cifar, which is put here as test_batch. */
static void put_changed(const char *file, const char *from, size_t nfrom, const char *to, size_t nto)
{
    size_t size = read_form(file);
    uint8_t *at = memmem(original, size, from, nfrom);
    cr_assert(at && size + nto <= sizeof original, "%s", file);
    memmove(at + nto, at + nfrom, (size_t)(original + size - at) - nfrom);
    memcpy(at, to, nto);
    put_bytes("test_batch", original, size - nfrom + nto);
}

#define TEN(form) form "/cifar-10-batches-py/test_batch"
#define REFUSE(form, from, to, reason)                                                                                 \
    do {                                                                                                               \
        put_changed(TEN(form), from, sizeof(from) - 1, to, sizeof(to) - 1);                                            \
        expect_refused("cifar10:.", "./test_batch: ", reason);                                                         \
    } while (0)

Test(cifar_python, values_that_do_not_fit)
{
    REFUSE("python2", "U\4data", "U\4date", "not a dictionary with the key 'data'");
    REFUSE("python2", "U\6labels", "U\6labelz", "not a dictionary with the key 'labels'");
    REFUSE("python2", "(K\6K\5e", "(K\6K\12e", "picture 1 has label 10, expected 0 .. 9");
    REFUSE("python2", "(K\6K\5e", "(J\xff\xff\xff\xffK\5e", "picture 0 has label -1, expected 0 .. 9");
    REFUSE("python2", "(K\6K\5e", "(K\6e", "1 labels for 2 pictures");
    REFUSE("python2", "(K\6K\5e", "(K\6Ne", "the label of picture 1 is not an integer");
    REFUSE("python2", "K\2M\0\14", "K\3M\0\14", "more or fewer bytes than its shape");
    REFUSE("python2", "K\2M\0\14", "J\xff\xff\xff\x7fM\0\14", "more or fewer bytes than its shape");
    REFUSE("python2", "K\2M\0\14", "J\xff\xff\xff\xffM\0\14", "has an invalid size");
    REFUSE("python2", "K\2M\0\14", "M\0\14K\2", "not an array of N x 3072 bytes");
    REFUSE("python2", "K\2M\0\14\x86", "N", "has no shape");
    REFUSE("python2", "U\2u1", "U\2i1", "not an array of N x 3072 bytes");
    REFUSE("python2", "U\2u1", "U\2u2", "more or fewer bytes than its shape");
    REFUSE("python2", "U\2u1", "U\2O8", "not of plain numbers");
    REFUSE("protocol1", "\xc3\xbf", "\xc4\xbf", "is not one of bytes");
    REFUSE("protocol0", "\\u0000", "\\u0100", "is not one of bytes");
    REFUSE("protocol0", "\\u0000", "\\u00xy", "is not one of bytes");
    REFUSE("python2-protocol0", "\\x80", "\\xg0", "is not one of bytes");
    REFUSE("python2-protocol0", "\\x80", "\\q80", "is not one of bytes");
    REFUSE("python2-protocol0", "I6\n", "I6a\n", "a line that is not an integer");
    REFUSE("python2-protocol0", "I6\n", "I99999999999999999999\n", "a line that is not an integer");
    REFUSE("python2-protocol0", "S'data'", "Sdata'", "a text without quotes");
    REFUSE("python2-protocol0", "p1\n", "p-1\n", "a line that is not an index");
    REFUSE("python2-protocol0", "p1\n", "p99999999\n", "values in its memo");
}

/* Names of functions are compared: another one is no array, and nothing is run. */
Test(cifar_python, programs_are_not_run)
{
    REFUSE("python2", "cnumpy.core.multiarray\n_reconstruct\n", "cposix\nsystem\n", "is another kind of value");
    REFUSE("python2", "cnumpy\ndtype\n", "cbuiltins\neval\n", "has no type");
    static const char program[] = "cos\nsystem\n(S'touch ran'\ntR.";
    put_bytes("test_batch", program, sizeof program - 1);
    expect_refused("cifar10:.", "./test_batch: ", "not a dictionary with the key 'data'");
    cr_assert(access("ran", F_OK));
    put_bytes("test_batch", "\x80\2}q\0.", 6);
    expect_refused("cifar10:.", "./test_batch: ", "not a dictionary with the key 'data'");
    put_bytes("test_batch", "plain text, no pickle", 21);
    expect_refused("cifar10:.", "./test_batch: ", "damaged pickle at byte 0");
    read_form("python2/cifar-100-python/test");
    put_bytes("test_batch", original, read_form("python2/cifar-100-python/test"));
    expect_refused("cifar10:.", "./test_batch: ", "for the other CIFAR, pass cifar10: or cifar100:");
}

Test(cifar_python, cut_off_files)
{
    static const char *const forms[] = {TEN("python2"), TEN("protocol0"), TEN("protocol2"), TEN("protocol5")};
    for (size_t i = 0; i < 4; i++) {
        size_t size = read_form(forms[i]);
        for (size_t cut = 1; cut < size; cut += cut < 64 || cut + 64 > size ? 1 : 61) {
            shunt_dataset *set;
            put_bytes("test_batch", original, cut);
            if (!shunt_dataset_open("cifar10:.", "test", &set)) cr_assert_fail("%s cut to %zu bytes", forms[i], cut);
        }
        expect_message("./test_batch: ", "cut off");
    }
}

Test(cifar_python, names)
{
    put_bytes("test_batch", original, read_form(TEN("protocol4")));
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open("cifar10:.", NULL, &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_str_eq(shunt_dataset_label(set, 3), "cat"); /* there is no file of names */
    shunt_dataset_close(set);
    size_t size = read_form("protocol4/cifar-10-batches-py/batches.meta");
    put_bytes("batches.meta", original, size - 9);
    expect_refused("cifar10:.", "./batches.meta: ", "cut off");
    put_bytes("batches.meta", "}.", 2);
    expect_refused("cifar10:.", "./batches.meta: ", "the key 'label_names'");
    put_bytes("batches.meta", "}U\13label_names](U\1aU\1bes.", 26);
    expect_refused("cifar10:.", "./batches.meta: ", "'label_names' is not a list of 10 names");
}

/* Where both versions lie, the binary one is read; folders of those names are no files. */
Test(cifar_python, which_version)
{
    cr_assert(!mkdir("test", 0777) && !mkdir("train", 0777));
    expect_refused("cifar100:.", "./test.bin", "No such file");
    put_bytes("test_batch", "no pickle", 9);
    put_bytes("test_batch.bin", original, read_form("bin/cifar-10-batches-bin/test_batch.bin"));
    shunt_dataset *set;
    cr_assert_eq(shunt_dataset_open("cifar10:.", NULL, &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_dataset_count(set), 2);
    shunt_dataset_close(set);
}
