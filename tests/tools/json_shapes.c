/* json_shapes.c - docs/json: each command that prints JSON has its shape there, and a value that differs does not fit. What the other tests
 * of commands read as JSON is compared with these shapes, too (command_support.h). */
#include "tests/support/command_support.h"

TestSuite(json_shapes, .init = enter_folder, .fini = leave_folder);

/* Without each of the keys that must be there, and with one more. */
static void expect_exact(json_t *value, const char *file)
{
    const char *key;
    json_t *part, *copy;
    cr_assert(shape_file_fits(value, file), "%s: %s", file, shape_problem);
    json_object_foreach(value, key, part)
    {
        copy = json_copy(value);
        json_object_del(copy, key);
        cr_expect(!shape_file_fits(copy, file), "%s fits without %s", file, key);
        json_decref(copy);
        copy = json_copy(value);
        json_object_set_new(copy, key, json_pack("[[i]]", 1));
        cr_expect(!shape_file_fits(copy, file), "%s fits with a wrong %s", file, key);
        json_decref(copy);
    }
    copy = json_copy(value);
    json_object_set_new(copy, "more", json_true());
    cr_expect(!shape_file_fits(copy, file), "%s fits with more", file);
    json_decref(copy);
}

static void check_exact(const char *line, const char *file)
{
    run("%s", line);
    cr_assert(said.status <= 1 && !said.err[0], "%s: %s", line, said.err);
    json_t *value = json_said();
    expect_exact(value, file);
    json_decref(value);
}

Test(json_shapes, they_are_exact)
{
    put_weights("w.safetensors", "resnet8", 5);
    put_picture("a.ppm", 20, 30);
    check_exact("shunt doctor --json", "doctor.json");
    check_exact("shunt plugins --json", "plugins.json");
    check_exact("shunt classify --device scalar --weights w.safetensors --json a.ppm", "classify.json");
    check_exact("shunt inspect --json w.safetensors", "inspect-file.json");
    check_exact("shunt inspect --model resnet8 --device scalar --json", "inspect.json");
    check_exact("shunt convert --json w.safetensors half.safetensors --dtype f16", "convert.json");
    check_exact("shunt verify --device scalar --op relu --count 1 --json", "verify.json");
    check_exact("shunt embed --device scalar --weights w.safetensors --out e.npy --json .", "embed.json");
    check_exact("shunt embed --weights w.safetensors --list --json", "embed-list.json");
}

/* A shape that names what is not in the schema, what is missing, and where. */
Test(json_shapes, a_difference_is_named)
{
    json_t *devices = json_pack("[{s:s}]", "selector", "scalar");
    cr_assert(!shape_is_of(devices, "devices", false));
    cr_assert(strstr(shape_problem, "devices.json: /0/type: it is missing"), "%s", shape_problem);
    json_decref(devices);
    json_t *nothing = json_object();
    cr_assert(!shape_is_of(nothing, "nosuch", false) && !strcmp(shape_problem, "there is no schema"));
    json_decref(nothing);
}

/* Every command with --json has a shape; and every file is JSON and refers to what exists. */
Test(json_shapes, each_command_has_one)
{
    static char commands[sizeof said.out];
    char path[4096], *rest = commands;
    run("shunt help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p'");
    expect_success();
    strcpy(commands, said.out);
    size_t found = 0;
    for (char *name; (name = strsep(&rest, "\n"));) {
        if (!*name) continue;
        run("shunt help %s | grep -q -e ' --json '", name);
        if (said.status) continue;
        snprintf(path, sizeof path, "%s/docs/json/%s.json", getenv("SHUNT_SOURCE"), name);
        cr_expect(!access(path, R_OK), "shunt %s --json has no shape: %s", name, path);
        found++;
    }
    cr_expect_gt(found, 10);
    run("cd \"$SHUNT_SOURCE\"/docs/json && ls *.json");
    for (char *name = strtok(said.out, "\n"); name; name = strtok(NULL, "\n")) json_decref(shape_load(name));
}
