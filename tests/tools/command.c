/* command.c - the command shunt as a user meets it: help, devices, pipes, exit statuses. What is wrong in its input is in
 * command_bad_input.c. */
#include "tests/support/command_support.h"

TestSuite(command, .init = enter_folder, .fini = leave_folder);

static const char *const names[] = {"pull", "classify", "eval",    "score",   "train",  "bench", "inspect",
                                    "tune", "verify",   "devices", "plugins", "doctor", "help"};

/* ---- Help --------------------------------------------------------------------------------------------------- */

Test(command, every_help_has_an_example)
{
    char usage[64], line[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        run("shunt %s --help", names[i]);
        expect_success();
        snprintf(usage, sizeof usage, "Usage: shunt %s", names[i]);
        snprintf(line, sizeof line, "shunt %s", names[i]);
        const char *examples = strstr(said.out, "\nExamples:\n");
        cr_assert(strstr(said.out, usage) && examples && strstr(examples, line), "%s", said.out);
        run("shunt help %s > same.txt; shunt %s --help | cmp - same.txt", names[i], names[i]);
        expect_success();
    }
    run("shunt");
    expect_success();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) cr_assert(strstr(said.out, names[i]));
}

/* Every option that --help shows is in the manual page, and the page shows every command. */
Test(command, manual_page_has_every_option)
{
    static char page[sizeof said.out];
    run("shunt help --man | mandoc -T utf8 | sed 's/.\\x08//g'");
    if (said.status || !said.out[0]) cr_skip_test("no mandoc here");
    strcpy(page, said.out);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        run("shunt help %s | grep -oE '^  --[a-z0-9-]+' | grep -v help", names[i]);
        for (char *option = strtok(said.out, " \n"); option; option = strtok(NULL, " \n"))
            cr_assert(strstr(page, option), "shunt %s %s is not in the manual page", names[i], option);
        char heading[32];
        snprintf(heading, sizeof heading, "shunt %s", names[i]);
        cr_assert(strstr(page, heading));
    }
}

Test(command, usage_errors_suggest)
{
    run("shunt clasify");
    expect_failure(2, "clasify", "did you mean classify?");
    run("shunt zzzzzz");
    expect_failure(2, "zzzzzz: no such command", NULL);
    run("shunt bench --bacth 3");
    expect_failure(2, "--bacth", "did you mean --batch?");
    run("shunt bench --batch");
    expect_failure(2, "--batch: needs a value", NULL);
    run("shunt bench --batch=three");
    expect_failure(2, "--batch three", "number");
    run("shunt bench --batch 99999999999999999999");
    expect_failure(2, "--batch", "number");
    run("shunt inspect --model resnet18 --size 0x7");
    expect_failure(2, "--size 0x7", NULL);
    run("shunt devices scalar");
    expect_failure(2, "scalar: takes no such argument", NULL);
    run("shunt devices -x");
    expect_failure(2, "-x", NULL);
    run("shunt classify --random-weights --model resnet20");
    expect_failure(2, "no picture", NULL);
    run("SHUNT_DATA_DIR=. shunt classify cat.jpg");
    expect_failure(2, "no weights", "--random-weights");
    run("shunt bench");
    expect_failure(2, "no model", "--model");
}

/* The page names every variable that the sources read: options of the library and of backends, and what other programs set. */
Test(command, manual_page_has_every_variable)
{
    static char page[sizeof said.out];
    run("shunt help --man");
    expect_success();
    strcpy(page, said.out);
    run("cd \"$SHUNT_SOURCE\" && grep -rhoE 'shunt_option\\(\"[a-z_]+\"\\)' runtime models tools backends "
        "--include=*.c | sort -u | "
        "sed 's/.*\"\\(.*\\)\".*/SHUNT_\\1/' | tr a-z A-Z; "
        "grep -rhoE '(getenv|option_environment)\\(\"[A-Z_]+\"\\)' runtime models tools backends --include=*.c | sort "
        "-u | cut -d'\"' -f2");
    size_t count = 0;
    for (char *name = strtok(said.out, "\n"); name; name = strtok(NULL, "\n"), count++)
        cr_expect(strstr(page, name), "%s is not in the manual page", name);
    cr_expect_gt(count, 10);
}

/* SHUNT_LOG=error leaves errors alone. */
Test(command, log_level_silences_lines)
{
    put_picture("a.ppm", 20, 20);
    put_weights("w.safetensors", "resnet8", 1000);
    run("SHUNT_LOG=info shunt classify --device scalar --weights w.safetensors a.ppm");
    cr_assert(said.status == 0 && strstr(said.err, "info: "), "%s", said.err);
    run("SHUNT_LOG=error shunt classify --device scalar --weights w.safetensors a.ppm");
    expect_success();
    run("SHUNT_LOG=error shunt classify --device scalar --weights w.safetensors nosuch.ppm");
    expect_failure(1, "nosuch.ppm", NULL);
}

/* ---- Devices ------------------------------------------------------------------------------------------------- */

Test(command, environment_has_known_values)
{
    static const char *const wrong[] = {
        "SHUNT_LOG=foo",        "SHUNT_LOG=war",       "SHUNT_TUNE=quick",         "SHUNT_FALLBACK=no",
        "SHUNT_PROBE=1",        "SHUNT_PRECISION=f64", "SHUNT_PROBE_SECONDS=soon", "SHUNT_PROBE_SECONDS=0",
        "SHUNT_RANKS_LIMIT=2s", "SHUNT_RANKS_LIMIT=-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run("%s shunt devices", wrong[i]);
        expect_failure(2, wrong[i], "it must be ");
        run("%s shunt help", wrong[i]);
        cr_assert_eq(said.status, 0);
    }
    run("SHUNT_LOG=error SHUNT_TUNE=off SHUNT_FALLBACK=quiet SHUNT_PROBE=isolated SHUNT_PROFILE= shunt devices");
    cr_assert_eq(said.status, 0);
}

Test(command, devices_and_plugins)
{
    run("shunt devices --json");
    expect_success();
    json_t *devices = json_said();
    bool scalar = false;
    size_t i;
    json_t *device;
    json_array_foreach(devices, i, device)
    {
        scalar |= !strcmp(text_at(device, "selector"), "scalar");
        cr_assert(number_at(device, "memory") > 0);
    }
    cr_assert(scalar);
    json_decref(devices);

    cr_assert(!system("mkdir folder && echo 'not a plugin' > folder/shunt-odd.so"));
    run("SHUNT_PLUGIN_PATH=$PWD/folder shunt plugins --json");
    expect_success();
    json_t *report = json_said(), *plugin, *list = json_object_get(report, "plugins");
    bool odd = false;
    json_array_foreach(list, i, plugin)
    {
        if (!strstr(text_at(plugin, "path"), "shunt-odd.so")) continue;
        odd = true;
        cr_assert(json_is_false(json_object_get(plugin, "loaded")) && strlen(text_at(plugin, "message")) > 0);
    }
    cr_assert(odd && strstr(text_at(report, "folders"), "/folder"));
    json_decref(report);
    run("SHUNT_PLUGIN_PATH=$PWD/folder shunt devices | grep -c scalar");
    expect_success();
}

Test(command, device_is_never_replaced_in_silence)
{
    run("SHUNT_DEVICE=opencl:nosuch shunt bench --model resnet8");
    expect_failure(1, "opencl:nosuch", "scalar (");
    run("SHUNT_DEVICE=opencl:nosuch shunt bench --model resnet8 --device scalar --threads 1 --repeats 1 --warm-up 0");
    expect_success();
    run("SHUNT_DEVICE=auto shunt bench --model resnet8 --repeats 1 --warm-up 0");
    expect_success();
}

/* The same picture and weights give the same answer on every device, however it is named. */
Test(command, devices_agree)
{
    static const char *const selectors[] = {"scalar", "auto", "opencl", "opencl:0", "opencl:cpu"};
    double expected[10] = {0}, p;
    put_picture("a.ppm", 60, 50);
    run("shunt devices | grep -q '^opencl:0 *cpu'");
    size_t count = said.status == 0 ? 5 : 2; /* machines without OpenCL have the first two */
    for (size_t i = 0; i < count; i++) {
        run("SHUNT_DEVICE=%s shunt classify --model resnet20 --random-weights --top 10 --json a.ppm", selectors[i]);
        expect_success();
        json_t *report = json_said();
        json_t *guesses = json_object_get(json_array_get(json_object_get(report, "images"), 0), "guesses"), *guess;
        size_t k;
        json_array_foreach(guesses, k, guess)
        {
            size_t class = (size_t)number_at(guess, "class");
            cr_assert(class < 10);
            p = number_at(guess, "probability");
            if (i == 0) expected[class] = p;
            cr_assert_float_eq(p, expected[class], 1e-4, "%s: class %zu", selectors[i], class);
        }
        cr_assert(k == 10 && (i < 2 || !strncmp(text_at(report, "device"), "opencl:", 7)));
        json_decref(report);
    }
}

/* The pictures that come with Shunt are called by what they show, and the network that comes with it says so. */
Test(command, classify_needs_nothing_but_a_picture)
{
    for (int opencl = 0; opencl < 2; opencl++) {
        run("shunt devices | grep -q '^opencl:0 *cpu'");
        if (opencl && said.status) break; /* a machine without it */
        run("SHUNT_LOG=info SHUNT_DEVICE=%s shunt classify --json \"$SHUNT_DATA_DIR\"/samples/*.png",
            opencl ? "opencl" : "scalar");
        cr_assert(said.status == 0 && strstr(said.err, "info: weights: "), "%s", said.err);
        json_t *report = json_said(), *images = json_object_get(report, "images"), *image;
        size_t i;
        json_array_foreach(images, i, image)
        {
            const char *path = text_at(image, "image"), *name = strrchr(path, '/') + 1;
            const char *label = text_at(json_array_get(json_object_get(image, "guesses"), 0), "label");
            size_t length = strlen(label);
            cr_assert(!strncmp(name, label, length) && !strcmp(name + length, ".png"), "%s: %s", name, label);
        }
        cr_assert_eq(json_array_size(images), 10);
        json_decref(report);
    }
}

/* ---- Classifying ------------------------------------------------------------------------------------------------ */

Test(command, classify_goes_on_after_a_bad_picture)
{
    put_picture("a.ppm", 50, 40);
    put_picture("b.ppm", 33, 70);
    put_weights("w.safetensors", "resnet8", 0);
    run("shunt classify --weights w.safetensors --device scalar a.ppm nosuch.ppm b.ppm");
    expect_failure(1, "shunt classify: nosuch.ppm: ", NULL);
    cr_assert(strstr(said.out, "a.ppm\n") && strstr(said.out, "b.ppm\n") && strchr(said.out, '%'));

    run("shunt classify --weights w.safetensors --device scalar --top 10 --json a.ppm nosuch.ppm b.ppm");
    expect_failure(1, "nosuch.ppm", NULL);
    json_t *report = json_said(), *images = json_object_get(report, "images");
    cr_assert_eq(json_array_size(images), 3);
    cr_assert(json_object_get(json_array_get(images, 1), "error"));
    cr_assert(json_is_false(json_object_get(report, "random_weights")));
    json_t *guesses = json_object_get(json_array_get(images, 0), "guesses");
    double sum = 0, before = 1;
    for (size_t i = 0; i < 10; i++) {
        double p = number_at(json_array_get(guesses, i), "probability");
        cr_assert(p <= before);
        sum += before = p;
    }
    cr_assert_float_eq(sum, 1, 1e-4); /* ten classes in all */
    json_decref(report);
}

Test(command, random_weights_are_named)
{
    put_picture("a.ppm", 40, 40);
    run("shunt classify --model resnet8 --random-weights --device scalar --top 1 a.ppm");
    expect_success();
    cr_assert(strstr(said.out, "Random weights") && strstr(said.out, "mean nothing"));
    run("shunt classify --model resnet8 --random-weights --device scalar --json a.ppm");
    expect_success();
    json_t *report = json_said();
    cr_assert(json_is_true(json_object_get(report, "random_weights")));
    json_decref(report);
}

Test(command, labels_are_shown)
{
    put_picture("a.ppm", 40, 40);
    put_weights("w.safetensors", "resnet8", 3);
    put_bytes("labels.txt", "ape\nbee\ncow\n", 12);
    run("shunt classify --weights w.safetensors --labels labels.txt --device scalar a.ppm");
    expect_success();
    cr_assert(strstr(said.out, "ape") && strstr(said.out, "bee") && strstr(said.out, "cow"), "%s", said.out);
}

/* ---- Pipes --------------------------------------------------------------------------------------------------------- */

/* The guesses of the command before. To be released. */
static json_t *guesses_said(void)
{
    cr_assert_eq(said.status, 0, "%s", said.err);
    json_t *report = json_said();
    json_t *guesses = json_incref(json_object_get(json_array_get(json_object_get(report, "images"), 0), "guesses"));
    json_decref(report);
    cr_assert(json_array_size(guesses));
    return guesses;
}

/* Whatever is a file can come from standard input, too, and is read as often as it is needed: weights are opened once for what
 * they are of, and once for themselves. */
Test(command, files_from_pipes)
{
    static const char *const lines[] = {
        "cat a.ppm | shunt classify --weights w.safetensors --labels l -",
        "shunt classify --weights w.safetensors --labels l - <a.ppm",
        "cat a.ppm | shunt classify --weights w.safetensors --labels l /dev/stdin",
        "cat w.safetensors | shunt classify --weights - --labels l a.ppm",
        "{ head -c 5000 w.safetensors; sleep 0.2; tail -c +5001 w.safetensors; } | shunt classify --weights /dev/stdin "
        "--labels l a.ppm",
        "cat l | shunt classify --weights w.safetensors --labels - a.ppm",
        "bash -c 'shunt \"$@\" --weights <(cat w.safetensors) --labels <(cat l) <(cat a.ppm)' - classify",
    };
    put_picture("a.ppm", 40, 40);
    put_weights("w.safetensors", "resnet8", 3);
    put_bytes("l", "ape\nbee\ncow\n", 12);
    run("shunt classify --json --device scalar --weights w.safetensors --labels l a.ppm");
    json_t *expected = guesses_said();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        run("SHUNT_DEVICE=scalar; export SHUNT_DEVICE; %s --json", lines[i]);
        json_t *guesses = guesses_said();
        cr_assert(json_equal(guesses, expected), "%s: %s", lines[i], said.out);
        json_decref(guesses);
    }
    json_decref(expected);
    run("cp \"$SHUNT_SOURCE\"/tests/golden/onnx/torch_17/model.onnx net.onnx; "
        "shunt classify --weights net.onnx --device scalar --json a.ppm");
    expected = guesses_said();
    run("cat net.onnx | shunt classify --weights - --device scalar --json a.ppm");
    json_t *guesses = guesses_said();
    cr_assert(json_equal(guesses, expected));
    json_decref(guesses);
    run("cat net.onnx | shunt classify --model - --device scalar --json a.ppm");
    guesses = guesses_said();
    cr_assert(json_equal(guesses, expected));
    json_decref(guesses);
    json_decref(expected);
    run("cat w.safetensors | shunt inspect -");
    expect_success();
    cr_assert(strstr(said.out, "conv1"), "%s", said.out);
    run(": | shunt classify --weights w.safetensors --device scalar -");
    expect_failure(1, "-: the file is empty", NULL);
    run("shunt classify --weights w.safetensors --device scalar - <&-");
    expect_failure(1, "-: ", NULL);
    cr_assert(!mkfifo("fifo", 0666));
    run("shunt classify --weights w.safetensors --device scalar fifo"); /* does not wait for a writer */
    expect_failure(1, "fifo: is a FIFO", "- <FIFO");
}

/* ---- Evaluating -------------------------------------------------------------------------------------------------- */

Test(command, eval_counts_what_it_predicts)
{
    put_cifar("data", 30);
    put_weights("w.safetensors", "resnet8", 0);
    run("shunt eval --weights w.safetensors --data cifar10:data --limit 25 --batch 10 --device scalar --threads 1 "
        "--json --predictions p.csv");
    expect_success();
    json_t *report = json_said();
    FILE *file = fopen("p.csv", "r");
    char line[128];
    int rows = 0, wrong = 0, index, label, predicted;
    double probability;
    cr_assert(file && fgets(line, sizeof line, file));
    for (; fgets(line, sizeof line, file); rows++) {
        cr_assert_eq(sscanf(line, "%d,%d,%d,%lf", &index, &label, &predicted, &probability), 4);
        cr_assert(index == rows && label == rows % 10 && probability > 0.09 && probability <= 1, "%s", line);
        wrong += predicted != label;
    }
    fclose(file);
    cr_assert_eq(rows, 25);
    cr_assert_eq(number_at(report, "wrong"), wrong);
    cr_assert_float_eq(number_at(report, "top1_error"), 4.0 * wrong, 1e-9);
    cr_assert(number_at(report, "top5_error") <= number_at(report, "top1_error"));
    json_decref(report);
}

/* A file with a network in it is a model by itself; a dot or a slash in its name and its content say so. */
Test(command, onnx_files_are_models)
{
    put_picture("a.ppm", 50, 40);
    run("cp \"$SHUNT_SOURCE\"/tests/golden/onnx/torch_17/model.onnx net.onnx");
    run("shunt classify --model ./net.onnx --device scalar --top 10 --json a.ppm");
    expect_success();
    json_t *report = json_said();
    cr_assert_str_eq(text_at(report, "model"), "net");
    json_t *guesses = json_incref(json_object_get(json_array_get(json_object_get(report, "images"), 0), "guesses"));
    double sum = 0;
    for (size_t i = 0; i < 10; i++) sum += number_at(json_array_get(guesses, i), "probability");
    cr_assert_float_eq(sum, 1, 1e-4); /* ten classes in all */
    json_decref(report);

    run("shunt inspect --model net.onnx --device scalar --batch 4 --size 37x33 --json");
    expect_success();
    report = json_said();
    cr_assert_eq(number_at(report, "batch"), 4);
    json_t *steps = json_object_get(report, "steps"); /* pool and Gemm last, the flattening between them gone */
    size_t count = json_array_size(steps);
    cr_assert_str_eq(text_at(json_array_get(steps, count - 2), "name"), "/average/GlobalAveragePool");
    cr_assert_str_eq(text_at(json_array_get(steps, count - 1), "name"), "/fc/Gemm");
    json_decref(report);
    run("shunt inspect net.onnx --json");
    expect_success();
    json_decref(json_said());
    cr_assert(strstr(said.out, "\"fc.weight\""));

    run("shunt classify --weights net.onnx --device scalar --top 10 --json a.ppm"); /* detected from its content alone */
    expect_success();
    report = json_said();
    cr_assert(json_equal(json_object_get(json_array_get(json_object_get(report, "images"), 0), "guesses"), guesses));
    cr_assert_str_eq(text_at(report, "model"), "net");
    json_decref(report);
    json_decref(guesses);
    run("shunt classify --weights net.onnx --classes 10 a.ppm");
    expect_failure(2, "an ONNX file is a whole network; leave out --classes", NULL);

    run("shunt classify --model ./nosuch.onnx a.ppm");
    expect_failure(1, "./nosuch.onnx: cannot open", NULL);
    run("shunt classify --model ./a.ppm a.ppm");
    expect_failure(1, "./a.ppm: ", NULL);
    run("shunt classify --model ./net.onnx --weights net.onnx a.ppm");
    expect_failure(2, "an ONNX file is a whole network; leave out --weights", NULL);
    run("shunt classify --model ./net.onnx --random-weights a.ppm");
    expect_failure(2, "--random-weights", NULL);
}
