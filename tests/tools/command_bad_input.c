/* command_bad_input.c - whatever the input, the command ends with one line that names it and the reason, a status that
 * says so, and no file half written. */
#include "tests/support/command_support.h"

TestSuite(bad_input, .init = enter_folder, .fini = leave_folder);

/* Memory that no honest picture of these tests needs. AddressSanitizer reserves terabytes of addresses for itself. */
#ifdef __has_feature /* clang's way of telling */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
static const char little_memory[] = "true";
#else
static const char little_memory[] = "ulimit -v 2000000";
#endif

static const char classify[] = "shunt classify --model resnet20 --random-weights --device scalar --json";

/* Standard output on a full disk. */
Test(bad_input, full_disk)
{
    static const char *const commands[] = {"devices",
                                           "devices --json",
                                           "plugins",
                                           "help",
                                           "help --man",
                                           "bench --help",
                                           "inspect --model resnet20 --device scalar"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        run("shunt %s >/dev/full", commands[i]);
        expect_failure(1, "standard output", "No space left");
    }
    run("(trap '' PIPE; shunt devices; echo $? >status) | true; cat status");
    cr_assert(said.out[0] == '1' || said.out[0] == '0', "%s", said.out); /* 0: it was faster than true */
}

Test(bad_input, pictures)
{
    /* A 60,000 x 60,000 header would need 10 GB of pixels. */
    static const char png[] = "\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\352\140\0\0\352\140\10\2\0\0\0\17\260\342\25";
    static const char *const files[] = {"missing.jpg", "empty.png", "text.jpg", "cut.ppm",
                                        "huge.ppm",    "huge.png",  "cut.jpg"};
    cr_assert(!mkdir("folder.jpg", 0777));
    put_bytes("empty.png", "", 0);
    put_bytes("text.jpg", "This is no picture at all.\n", 27);
    put_bytes("cut.ppm", "P6\n32 32\n255\nabc", 16);
    put_bytes("huge.ppm", "P6\n60000 60000\n255\nabc", 22);
    put_bytes("huge.png", png, sizeof png - 1);
    put_bytes("cut.jpg", "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        run("%s; %s %s", little_memory, classify, files[i]);
        expect_failure(1, files[i], NULL);
        json_decref(json_said());
    }
    run("%s folder.jpg", classify); /* a folder of pictures, whatever its name */
    expect_failure(1, "folder.jpg", NULL);
}

Test(bad_input, cut_png)
{
    run("head -c 2000 \"$SHUNT_SOURCE\"/examples/tracks.png >cut.png; shunt classify --model resnet20 --random-weights "
        "--device scalar cut.png");
    expect_failure(1, "cut.png", NULL);
}

/* ---- Weights -------------------------------------------------------------------------------------------------- */

/* The 8-byte length, the JSON header, and `data` zero bytes. */
static void put_safetensors(const char *path, const char *header, size_t data)
{
    uint64_t length = strlen(header);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(&length, 8, 1, file) == 1);
    fputs(header, file);
    for (size_t i = 0; i < data; i++) putc(0, file);
    cr_assert(!fclose(file));
}

Test(bad_input, hostile_weights)
{
    static const struct {
        const char *path, *header;
        size_t data;
    } files[] = {
        {"lie.st", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1000000],\"data_offsets\":[0,4000000]}}", 16},
        {"overflow.st", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4},
        {"negative.st", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4},
        {"overlap.st",
         "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],"
         "\"data_offsets\":[4,12]}}",
         12},
        {"trailing.st", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 400},
        {"twice.st",
         "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
         "\"data_offsets\":[4,8]}}",
         8},
        {"json.st", "{\"a\":", 4},
        {"deep.st", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 4},
        {"other.st", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4}, /* of no network */
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        put_safetensors(files[i].path, files[i].header, files[i].data);
        run("shunt inspect --model resnet20 --weights %s --device scalar", files[i].path);
        expect_failure(1, files[i].path, NULL);
        cr_assert_str_eq(said.out, "");
    }
    put_bytes("short.st", "\x10\0\0", 3);
    run("shunt inspect short.st");
    expect_failure(1, "short.st", NULL);
    put_bytes("length.st", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
    run("shunt inspect length.st");
    expect_failure(1, "length.st", NULL);
    run("shunt inspect --model resnet20 --weights . --device scalar");
    expect_failure(1, ".: ", "a folder without weights");
    run("shunt inspect --model resnet20 --weights missing.st --device scalar");
    expect_failure(1, "missing.st: ", "No such file");
}

Test(bad_input, truncated_weights)
{
    put_weights("w.st", "resnet20", 0);
    run("head -c 500000 w.st >cut.st; shunt classify --weights cut.st --device scalar x.ppm");
    expect_failure(1, "cut.st", NULL);
}

Test(bad_input, wrong_class_count)
{
    put_weights("w.st", "resnet20", 7);
    run("shunt classify --model resnet20 --classes 10 --weights w.st --device scalar x.ppm");
    expect_failure(1, "w.st", "7");
    put_picture("a.ppm", 32, 32);
    put_bytes("labels.txt", "ape\nbee\n", 8);
    run("shunt classify --weights w.st --labels labels.txt --device scalar a.ppm");
    expect_failure(1, "labels.txt", "7");
    put_cifar("data", 30);
    run("shunt eval --weights w.st --data cifar10:data --device scalar");
    expect_failure(1, "7", "10");
}

/* The first float of the data becomes a NaN. */
Test(bad_input, weights_that_are_not_numbers)
{
    uint64_t length = 0;
    put_weights("w.st", "resnet20", 0);
    FILE *file = fopen("w.st", "r+b");
    cr_assert(file && fread(&length, 8, 1, file) == 1 && !fseek(file, (long)(8 + length), SEEK_SET));
    cr_assert_eq(fwrite("\0\0\xc0\x7f", 1, 4, file), 4);
    cr_assert(!fclose(file));
    put_picture("a.ppm", 32, 32);
    run("shunt classify --weights w.st --device scalar a.ppm");
    expect_failure(1, "w.st", NULL);
    cr_assert_str_eq(said.out, "");
}

/* ---- Data and output ---------------------------------------------------------------------------------------- */

Test(bad_input, data_sets)
{
    put_weights("w.st", "resnet20", 0);
    run("shunt eval --weights w.st --device scalar");
    expect_failure(2, "--data", NULL);
    run("shunt eval --weights w.st --data cifar10:nosuch --device scalar");
    expect_failure(1, "nosuch", NULL);
    run("shunt eval --weights w.st --data photos:nosuch --device scalar");
    expect_failure(1, "photos", NULL);
    put_cifar("data", 30);
    cr_assert(!truncate("data/test_batch.bin", 30 * 3073 - 5));
    run("shunt eval --weights w.st --data cifar10:data --device scalar");
    expect_failure(1, "data/test_batch.bin", NULL);
}

Test(bad_input, label_out_of_range)
{
    put_weights("w.st", "resnet20", 0);
    put_cifar("data", 30);
    FILE *file = fopen("data/test_batch.bin", "r+b");
    cr_assert(file && !fseek(file, 3 * 3073, SEEK_SET) && putc(200, file) == 200 && !fclose(file));
    run("shunt eval --weights w.st --data cifar10:data --device scalar --limit 10");
    expect_failure(1, "test_batch.bin", "200");
}

Test(bad_input, predictions_are_whole_or_absent)
{
    put_weights("w.st", "resnet8", 0);
    put_cifar("data", 30);
    run("shunt eval --weights w.st --data cifar10:data --limit 5 --device scalar --threads 1 --predictions "
        "nosuch/p.csv");
    expect_failure(1, "nosuch/p.csv", NULL);
    int before = entries();
    run("ulimit -f 0; trap '' XFSZ; shunt eval --weights w.st --data cifar10:data --limit 5 --device scalar "
        "--threads 1 --predictions p.csv 2>/dev/null");
    cr_assert_eq(said.status, 1);
    cr_assert_eq(entries(), before, "something was left behind");
}

Test(bad_input, presets_and_models)
{
    put_picture("a.ppm", 32, 32);
    run("shunt classify --model resnet20 --random-weights --preset nosuch a.ppm");
    expect_failure(2, "nosuch", "imagenet");
    run("shunt classify --model resnet20 --random-weights --crop 33 a.ppm");
    expect_failure(2, "--crop 33", "give a larger --resize, too");
    run("shunt classify --model resnet20 --random-weights --resize 31 a.ppm");
    expect_failure(2, "--resize 31", "give a smaller --crop, too");
    run("shunt classify --model resnet20 --random-weights --resize 31 --crop 33 a.ppm"); /* said so, black is added around it */
    expect_success();
    run("shunt classify --model resnet19 --random-weights a.ppm");
    expect_failure(1, "resnet19", NULL);
    run("shunt classify --model resnet18 --shortcut Z --random-weights a.ppm");
    expect_failure(2, "--shortcut", NULL);
    run("shunt inspect --model resnet18 --weights x.st y.st");
    expect_failure(2, "y.st", NULL);
}
