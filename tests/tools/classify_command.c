/* shunt classify, as it was built: many pictures in folders and lists, in batches, in each form of answer. What one picture gives
 * alone is what it gives among others. */
#include "tests/support/command_support.h"
#include "tests/support/onnx_file.h"

TestSuite(classify_command, .init = enter_folder, .fini = leave_folder);

#define CLASSIFY "shunt classify --device scalar --weights w.safetensors "

enum { PICTURES = 11 };

/* As they are found: a folder's own pictures come before those in its folders. */
static const char *const paths[PICTURES] = {"set/a.ppm",    "set/b,\"c\".ppm",   "set/d.PPM",    "set/e.ppm",
                                            "set/f.ppm",    "set/g.ppm",         "set/in/a.ppm", "set/in/b.ppm",
                                            "set/in/c.ppm", "set/in/deep/a.ppm", "set/z/a.ppm"};

static void make_files(void)
{
    cr_assert(!mkdir("set", 0700) && !mkdir("set/in", 0700) && !mkdir("set/in/deep", 0700) && !mkdir("set/z", 0700));
    cr_assert(!mkdir("set/.hidden", 0700));
    for (int i = 0; i < PICTURES; i++) put_picture(paths[i], 20 + 3 * i, 40 - 2 * i);
    put_picture("set/.hidden/a.ppm", 9, 9);
    put_bytes("set/notes.txt", "no picture\n", 11);
    put_weights("w.safetensors", "resnet8", 5);
}

/* Each picture's guesses when it is classified alone: a list of all objects "image". */
static json_t *alone(void)
{
    json_t *list = json_array();
    for (int i = 0; i < PICTURES; i++) {
        run(CLASSIFY "--top 3 --json '%s'", paths[i]);
        expect_success();
        json_t *report = json_said();
        json_array_append(list, json_array_get(json_object_get(report, "images"), 0));
        json_decref(report);
    }
    return list;
}

/* Batches may be computed by another algorithm. */
static void expect_same(const json_t *image, const json_t *expected)
{
    const json_t *is = json_object_get(image, "guesses"), *wanted = json_object_get(expected, "guesses");
    cr_assert_str_eq(text_at(image, "image"), text_at(expected, "image"));
    cr_assert_eq(json_array_size(is), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *a = json_array_get(is, i), *b = json_array_get(wanted, i);
        cr_assert_eq(number_at(a, "class"), number_at(b, "class"));
        cr_assert_float_eq(number_at(a, "probability"), number_at(b, "probability"), 1e-6);
    }
}

static void expect_images(const json_t *expected)
{
    expect_success();
    json_t *report = json_said();
    const json_t *images = json_object_get(report, "images");
    cr_assert_eq(json_array_size(images), PICTURES, "%s", said.out);
    for (size_t i = 0; i < PICTURES; i++) expect_same(json_array_get(images, i), json_array_get(expected, i));
    json_decref(report);
}

Test(classify_command, folders_lists_and_batches)
{
    make_files();
    json_t *expected = alone();
    run(CLASSIFY "--top 3 --json set");
    expect_images(expected);
    run(CLASSIFY "--top 3 --json --batch 1 set/");
    expect_images(expected);
    FILE *list = fopen("list", "w");
    cr_assert(list);
    for (int i = 6; i < PICTURES; i++) fprintf(list, "%s%s", paths[i], i % 2 ? "\n" : "\r\n\n");
    cr_assert(!fclose(list));
    const char *const forms[] = {"--list list", "--list - <list", "--list <(cat list)"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        run("bash -c '" CLASSIFY
            "--top 3 --json set/a.ppm \"$@\" %s' - 'set/b,\"c\".ppm' set/d.PPM set/e.ppm set/f.ppm set/g.ppm",
            forms[i]);
        expect_images(expected);
    }
    json_decref(expected);
}

/* The fields of a CSV line, which is cut up; quotes as RFC 4180 has them. */
static size_t cut_line(char *line, char *fields[], size_t most)
{
    size_t count = 0;
    while (line && count < most) {
        char *to = line;
        fields[count++] = line;
        bool quoted = *line == '"';
        if (quoted) line++;
        for (; *line && (quoted || *line != ','); line++) {
            if (quoted && *line == '"' && *++line != '"') break;
            *to++ = *line;
        }
        char *next = *line == ',' ? line + 1 : NULL;
        *to = '\0';
        line = next;
    }
    return count;
}

Test(classify_command, forms_of_answers)
{
    make_files();
    json_t *expected = alone();
    run(CLASSIFY "--top 3 --jsonl set");
    expect_success();
    size_t n = 0;
    for (char *line = strtok(said.out, "\n"); line; line = strtok(NULL, "\n"), n++) {
        json_t *image = json_loads(line, 0, NULL);
        shape_expect(image, said.line, true);
        cr_assert(image, "%s", line);
        expect_same(image, json_array_get(expected, n));
        json_decref(image);
    }
    cr_assert_eq(n, PICTURES);
    run(CLASSIFY "--top 3 --csv set");
    expect_success();
    char *line = strtok(said.out, "\n"), *fields[8];
    cr_assert_str_eq(line, "image,rank,class,label,probability,chosen,error");
    for (n = 0; (line = strtok(NULL, "\n")); n++) {
        const json_t *image = json_array_get(expected, n / 3),
                     *guess = json_array_get(json_object_get(image, "guesses"), n % 3);
        cr_assert_eq(cut_line(line, fields, 8), 7);
        cr_assert_str_eq(fields[0], text_at(image, "image"));
        cr_assert_eq(atoi(fields[1]), (int)(n % 3) + 1);
        cr_assert_eq(atoi(fields[2]), (int)number_at(guess, "class"));
        cr_assert_str_empty(fields[3]); /* no labels */
        cr_assert_float_eq(atof(fields[4]), number_at(guess, "probability"), 1e-6);
        cr_assert_eq(atoi(fields[5]), n % 3 == 0);
        cr_assert_str_empty(fields[6]);
    }
    cr_assert_eq(n, 3 * PICTURES);
    json_decref(expected);
    run(CLASSIFY "--csv --json set");
    expect_failure(2, "--csv, --json and --jsonl", NULL);
}

/* One that cannot be read has its place among the others, and its reason. */
Test(classify_command, failures_keep_their_place)
{
    make_files();
    put_bytes("set/c.ppm", "P6\n3 3\n255\nabc", 14);
    put_bytes("set/in/aa.ppm", "", 0);
    run(CLASSIFY "--top 1 --jsonl set");
    cr_assert_eq(said.status, 1);
    size_t n = 0, failed = 0;
    const char *before = "";
    json_t *images[PICTURES + 2];
    for (char *line = strtok(said.out, "\n"); line && n < PICTURES + 2; line = strtok(NULL, "\n")) {
        json_t *image = images[n++] = json_loads(line, 0, NULL);
        shape_expect(image, said.line, true);
        const char *path = text_at(image, "image");
        cr_assert(n == 1 || strcmp(before, path) < 0 || strchr(path + 4, '/'), "%s after %s", path, before);
        cr_assert_eq(json_object_get(image, "error") != NULL,
                     !strcmp(path, "set/c.ppm") || !strcmp(path, "set/in/aa.ppm"));
        failed += json_object_get(image, "error") != NULL;
        before = path;
    }
    cr_assert(n == PICTURES + 2 && failed == 2);
    for (size_t i = 0; i < n; i++) json_decref(images[i]);
    run(CLASSIFY "--top 1 --csv set");
    cr_assert(said.status == 1 && strstr(said.out, "\nset/c.ppm,,,,,,"), "%s", said.out);
    run("SHUNT_LOG=info " CLASSIFY "--top 1 set");
    cr_assert(said.status == 1 && strstr(said.err, ": 13 pictures on scalar (") && strstr(said.err, ", 2 failed\n"),
              "%s", said.err);
    cr_assert(!strstr(said.out, "set/c.ppm"), "%s", said.out);
}

/* A picture whose scores are not finite fails alone, not with its batch: white is beyond what float32 holds, black is 0. */
Test(classify_command, one_of_a_batch_fails)
{
    text graph = {0};
    put_input(&graph, "x", (int64_t[]){1, 3, 4, 4}, 4);
    put_output(&graph, "y");
    put_node(&graph, "GlobalAveragePool", "x", "p", NULL);
    put_node(&graph, "Flatten", "p", "f", NULL);
    put_node(&graph, "Mul", "f f", "a", NULL);
    const char *const squares[] = {"a", "b", "c", "d", "e", "g", "h", "y"};
    for (size_t i = 0; i + 1 < sizeof squares / sizeof *squares; i++) {
        char twice[8];
        snprintf(twice, sizeof twice, "%s %s", squares[i], squares[i]);
        put_node(&graph, "Mul", twice, squares[i + 1], NULL);
    }
    text model = model_of(&graph, 17);
    put_bytes("net.onnx", model.data, model.size);
    free(model.data);
    for (int i = 0; i < 9; i++) {
        char path[16], file[16 + 48];
        snprintf(path, sizeof path, "p%d.ppm", i);
        const int head = snprintf(file, 16, "P6\n4 4\n255\n");
        memset(file + head, i == 5 ? 255 : 0, 48);
        put_bytes(path, file, (size_t)head + 48);
    }
    run("shunt classify --device scalar --model ./net.onnx --preset raw --jsonl p*.ppm");
    cr_assert_eq(said.status, 1, "%s", said.err);
    cr_assert(strstr(said.err, "p5.ppm: net gives inf"), "%s", said.err);
    int n = 0;
    for (char *line = strtok(said.out, "\n"); line; line = strtok(NULL, "\n"), n++)
        cr_assert_eq(strstr(line, "\"error\"") != NULL, n == 5, "%s", line);
    cr_assert_eq(n, 9);
}

/* The picture without its tags. */
static void put_stored(const char *path, const char *to)
{
    shunt_image image;
    cr_assert_eq(shunt_image_read(path, &image), SHUNT_OK, "%s", shunt_last_error());
    FILE *file = fopen(to, "wb");
    cr_assert(file);
    fprintf(file, "P6\n%d %d\n255\n", (int)image.width, (int)image.height);
    cr_assert_eq(fwrite(image.rgb, 3, (size_t)(image.height * image.width), file),
                 (size_t)(image.height * image.width));
    cr_assert(!fclose(file));
    shunt_image_free(&image);
}

/* A picture is shown to the network as a viewer shows it, unless that is not wanted: then as eval takes it. */
Test(classify_command, orientation)
{
    static const char *const options[] = {"", "--no-exif"}, *const same[] = {"upright6.png.ppm", "stored.ppm"};
    put_weights("w.safetensors", "resnet8", 5);
    run("cp \"$SHUNT_SOURCE\"/tests/golden/images/upright6.png* .");
    cr_assert_eq(said.status, 0, "%s", said.err);
    put_stored("upright6.png", "stored.ppm");
    for (int i = 0; i < 2; i++) {
        run(CLASSIFY "--csv %s upright6.png | cut -d, -f2-", options[i]);
        expect_success();
        char *answer = strdup(said.out);
        run(CLASSIFY "--csv %s | cut -d, -f2-", same[i]);
        cr_assert_str_eq(said.out, answer, "%s", options[i]);
        run(CLASSIFY "--csv %s upright6.png | cut -d, -f2-", options[!i]);
        cr_assert_str_neq(said.out, answer, "%s", options[i]);
        free(answer);
    }
}

Test(classify_command, the_last_line_says_what_was_done)
{
    make_files();
    run("SHUNT_LOG=info " CLASSIFY "--top 1 set");
    cr_assert(said.status == 0 && strstr(said.err, "shunt classify: info: 11 pictures on scalar ("), "%s", said.err);
    cr_assert(strstr(said.err, "), all ") && strstr(said.err, " steps on it: ") &&
                  strstr(said.err, " a second, none failed\n"),
              "%s", said.err);
    run("SHUNT_LOG=info " CLASSIFY "--top 1 set/a.ppm");
    cr_assert(strstr(said.err, ": 1 picture on scalar ("), "%s", said.err);
    run("SHUNT_LOG=error " CLASSIFY "--top 1 set/a.ppm");
    expect_success();
}

Test(classify_command, bad_input)
{
    make_files();
    cr_assert(!mkdir("empty", 0700));
    run(CLASSIFY "empty");
    expect_failure(1, "empty: no picture in it", NULL);
    run(CLASSIFY "--list nosuch");
    expect_failure(1, "nosuch: No such file", NULL);
    run(CLASSIFY "--list /dev/null");
    expect_failure(1, "/dev/null: no file is named in it", NULL);
    put_bytes("zero", "set/a.ppm\nset/\0b\n", 17);
    run(CLASSIFY "--list zero");
    expect_failure(1, "zero: not a list of files", "line 2");
    run(CLASSIFY "--list set");
    expect_failure(1, "set: Is a directory", NULL);
    run(CLASSIFY "--batch 0 set");
    expect_failure(2, "--batch 0", NULL);
    run(CLASSIFY);
    expect_failure(2, "no picture", NULL);
}

/* ---- Names of classes ---------------------------------------------------------------------------------------------- */

/* The label of a guess is the class's line in the file of ImageNet's names; true if there is one. */
static bool has_imagenet_label(const json_t *guess)
{
    static char names[1 << 15];
    const char *label = json_string_value(json_object_get(guess, "label")), *at = names;
    slurp(getenv("IMAGENET"), names, sizeof names);
    for (int i = 0; i < (int)number_at(guess, "class"); i++) at = strchr(at, '\n') + 1;
    return label && strlen(label) == strcspn(at, "\n") && !strncmp(label, at, strlen(label));
}

/* The first guess; *assumed: what the report says. To be released. */
static json_t *first_guess(const char *options, bool *assumed)
{
    run("shunt classify --device scalar --json %s a.ppm", options);
    expect_success();
    json_t *report = json_said();
    json_t *guess = json_array_get(json_object_get(json_array_get(json_object_get(report, "images"), 0), "guesses"), 0);
    cr_assert(guess);
    *assumed = json_is_true(json_object_get(report, "labels_assumed"));
    json_incref(guess);
    json_decref(report);
    return guess;
}

static void expect_number(const char *options)
{
    bool assumed;
    json_t *guess = first_guess(options, &assumed);
    cr_expect(!assumed && json_is_null(json_object_get(guess, "label")), "%s", options);
    json_decref(guess);
}

/* Numbers and names as everyone who uses ImageNet's networks knows them. */
Test(classify_command, the_names_of_imagenet_are_in_their_order)
{
    static const struct {
        int line;
        const char *name;
    } known[] = {{1, "tench"},   {2, "goldfish"},       {208, "golden retriever"},
                 {282, "tabby"}, {286, "Egyptian cat"}, {388, "lesser panda"},
                 {755, "radio"}, {955, "banana"},       {1000, "toilet tissue"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        run("sed -n %dp \"$SHUNT_DATA_DIR/labels/imagenet.txt\"", known[i].line);
        cr_expect(!strncmp(said.out, known[i].name, strlen(known[i].name)), "%d: %s", known[i].line, said.out);
    }
    run("sort \"$SHUNT_DATA_DIR/labels/imagenet.txt\" | uniq | grep -c .");
    cr_expect_str_eq(said.out, "1000\n");
}

Test(classify_command, a_thousand_classes_without_names_are_taken_as_imagenets)
{
    char path[4096];
    bool assumed;
    put_picture("a.ppm", 40, 30);
    put_weights("w.safetensors", "resnet8", 1000);
    snprintf(path, sizeof path, "%s/labels/imagenet.txt", getenv("SHUNT_DATA_DIR"));
    cr_assert(!setenv("IMAGENET", path, 1));
    json_t *guess = first_guess("--weights w.safetensors", &assumed);
    cr_expect(assumed && has_imagenet_label(guess));
    json_decref(guess);
    run("SHUNT_LOG=info shunt classify --device scalar --weights w.safetensors a.ppm");
    cr_assert_eq(said.status, 0);
    cr_expect(strstr(said.err, "does not name its 1000 classes: they are taken as those of ImageNet"), "%s", said.err);
    cr_expect(!strstr(said.out, "class "), "%s", said.out);

    run("seq 1000 >names.txt");
    guess = first_guess("--weights w.safetensors --labels names.txt", &assumed);
    cr_expect(!assumed && atoi(text_at(guess, "label")) == (int)number_at(guess, "class") + 1);
    json_decref(guess);
    expect_number("--model resnet8 --classes 1000 --random-weights");
    put_weights("w.safetensors", "resnet8", 999);
    expect_number("--weights w.safetensors");
    run("mkdir data; SHUNT_DATA_DIR=data shunt classify --device scalar --model resnet8 --classes 1000 "
        "--random-weights a.ppm");
    expect_success();
    put_weights("w.safetensors", "resnet8", 1000);
    run("SHUNT_DATA_DIR=data shunt classify --device scalar --weights w.safetensors a.ppm");
    expect_success();
    cr_expect(strstr(said.out, "class "), "%s", said.out);
}
