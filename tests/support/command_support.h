/* command_support.h - runs the built command in a temporary folder and checks its output. The environment has PATH with
 * the command in it, SHUNT_PLUGIN_PATH and SHUNT_CACHE_DIR (tests/meson.build). */
#ifndef SHUNT_TESTS_COMMAND_SUPPORT_H
#define SHUNT_TESTS_COMMAND_SUPPORT_H

#include "tests/support/json_shape.h"
#include "tests/support/temporary.h"
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Of the last command. */
static struct {
    int status; /* exit status, or 128 + signal */
    char line[4096];
    char out[1 << 18], err[1 << 14];
} said;

static inline void slurp(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t n = file ? fread(text, 1, size - 1, file) : 0;
    if (file) fclose(file);
    text[n] = '\0';
}

/* A line for sh; "> FILE" in it takes standard output elsewhere. */
static inline void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void run(const char *format, ...)
{
    char whole[4400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said.line, sizeof said.line, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "exec >out.txt 2>err.txt </dev/null; %s", said.line);
    int raw = system(whole);
    said.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    slurp("out.txt", said.out, sizeof said.out);
    slurp("err.txt", said.err, sizeof said.err);
}

/* It worked, and printed only its result. */
static inline void expect_success(void)
{
    cr_assert_eq(said.status, 0, "exit status %d; stderr: %s; stdout: %.300s", said.status, said.err, said.out);
    cr_assert_str_eq(said.err, "");
}

/* Exit status, and one line on stderr that starts with "shunt" and holds all texts (up to two; NULL: any). */
static inline void expect_failure(int status, const char *text, const char *other)
{
    const char *newline = strchr(said.err, '\n');
    cr_assert_eq(said.status, status, "exit status %d, not %d; stderr: %s", said.status, status, said.err);
    cr_assert(newline && !newline[1], "not one line: \"%s\"", said.err);
    cr_assert(!strncmp(said.err, "shunt", 5), "not the command's own: %s", said.err);
    cr_assert(!text || strstr(said.err, text), "no \"%s\" in: %s", text, said.err);
    cr_assert(!other || strstr(said.err, other), "no \"%s\" in: %s", other, said.err);
}

/* Standard output as JSON, which has the shape that docs/json says; to be released. */
static inline json_t *json_said(void)
{
    json_error_t error;
    json_t *value = json_loads(said.out, 0, &error);
    cr_assert(value, "not JSON: %s at %d: %.200s", error.text, error.position, said.out);
    shape_expect(value, said.line, false);
    return value;
}

static inline double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "no number \"%s\"", key);
    return json_number_value(value);
}

static inline const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    cr_assert(text, "no text \"%s\"", key);
    return text;
}

/* ---- Files to work on ---- */

/* A picture that is not one colour: PPM. */
static inline void put_picture(const char *path, int width, int height)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    for (int i = 0; i < width * height * 3; i++) putc((i * 37 + i / width * 11) & 0xff, file);
    cr_assert(!fclose(file));
}

static inline void put_weights(const char *path, const char *model, int64_t classes)
{
    shunt_model_options options = {.classes = classes};
    shunt_model *made = NULL;
    cr_assert(!shunt_model_create(model, &options, &made) && !shunt_model_randomize(made, 1) &&
                  !shunt_model_save(made, path),
              "%s", shunt_last_error());
    shunt_model_destroy(made);
}

/* A set in CIFAR-10's format, whose label of picture i is i % 10. */
static inline void put_cifar(const char *folder_name, int count)
{
    char path[64];
    cr_assert(!mkdir(folder_name, 0777));
    snprintf(path, sizeof path, "%s/test_batch.bin", folder_name);
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    for (int i = 0; i < count; i++) {
        putc(i % 10, file);
        for (int k = 0; k < 3072; k++) putc((k * (i + 3) + 40 * i) & 0xff, file);
    }
    cr_assert(!fclose(file));
}

#endif
