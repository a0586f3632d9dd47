/* names_command.c - names of files, tensors, labels and metadata with control characters in them: nothing that a terminal
 * would obey comes out as text, and JSON has them as they are. */
#include "tests/support/command_support.h"

TestSuite(names_command, .init = enter_folder, .fini = leave_folder);

/* Clears the screen, sets the window's title, goes back in the line, turns the writing around, and is no UTF-8. */
#define EVIL "a\x1b[2J\x1b]0;b\x07\rc\x7f\xc2\x9b\xe2\x80\xae\xff.d"
static const char shown[] = "a?[2J?]0;b? c????.d";

static void expect_harmless(const char *text, const char *of)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c < 0x20 && *c != '\n') || *c == 0x7f || *c == 0xff || (*c == 0xc2 && c[1] < 0xa0) ||
            (*c == 0xe2 && c[1] == 0x80 && c[2] == 0xae))
            cr_assert_fail("%s: byte %02x in: %s", of, *c, text);
}

static void check(const char *line, bool names_it)
{
    run("%s", line);
    expect_harmless(said.out, line);
    expect_harmless(said.err, line);
    cr_assert(!names_it || strstr(said.out, shown) || strstr(said.err, shown), "%s: %s%s", line, said.out, said.err);
}

/* Control characters are refused in names; what turns the writing around, and any value, is not. */
static void put_evil_weights(const char *path)
{
    static const char header[] = "{\"t\\u202e2J\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                 "\"__metadata__\":{\"k\\u202e2J\":\"v\\u001b]0;x\\u0007\"}}";
    uint64_t size = sizeof header - 1;
    float value = 1;
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(&size, 8, 1, file) && fwrite(header, size, 1, file) && fwrite(&value, 4, 1, file));
    cr_assert(!fclose(file));
}

Test(names_command, files)
{
    put_picture("picture.ppm", 32, 32);
    put_weights("w.st", "resnet8", 0);
    cr_assert(!rename("picture.ppm", EVIL) && !mkdir("set", 0777) && !mkdir("set/" EVIL, 0777));
    put_picture("set/" EVIL "/x.ppm", 32, 32);
    check("shunt classify --device scalar --weights w.st *.d", true);
    check("shunt classify --device scalar --weights w.st no*.d *.st", false);
    check("shunt classify --device scalar --weights *.d w.st", true);
    check("shunt inspect *.d", true);
    check("shunt convert *.d x.st", true);
    check("shunt convert w.st \"$(echo set/*.d)\"/none/out", true);
    check("shunt eval --device scalar --weights w.st --data imagefolder:set", false);
    check("shunt train --data imagefolder:set --out o", false);
    check("shunt *.d", true);
    check("shunt classify --*.d", false);
    check("SHUNT_PLUGIN_PATH=\"$(echo set/*.d)\" SHUNT_CACHE_DIR=\"$(echo set/*.d)\" shunt doctor", true);
    check("SHUNT_PLUGIN_PATH=\"$(echo set/*.d)\" shunt plugins", true);
    run("shunt classify --device scalar --weights w.st --json ./*.d");
    expect_success();
    json_t *report = json_said();
    cr_assert(strstr(text_at(json_array_get(json_object_get(report, "images"), 0), "image"), "a\x1b[2J\x1b]0;b"));
    json_decref(report);
}

Test(names_command, tensors_and_metadata)
{
    put_evil_weights("evil.st");
    check("shunt inspect evil.st", false);
    cr_assert(strstr(said.out, "t?2J") && strstr(said.out, "k?2J: v?]0;x?"), "%s%s", said.out, said.err);
    check("shunt classify --weights evil.st --model resnet8 x.ppm", false);
}

Test(names_command, labels)
{
    FILE *labels = fopen("labels.txt", "w");
    cr_assert(labels);
    for (int i = 0; i < 10; i++)
        fprintf(labels,
                "l%d\xe2\x80\xae"
                "2J\n",
                i);
    cr_assert(!fclose(labels));
    put_picture("picture.ppm", 32, 32);
    put_weights("w.st", "resnet8", 0);
    check("shunt classify --device scalar --weights w.st --labels labels.txt picture.ppm", false);
    cr_assert(strstr(said.out, "?2J"), "%s%s", said.out, said.err);
}
