/* onnx_backend.c - ONNX's own backend tests, which Debian packages as libonnx-testdata: every case that is made of the
 * operators Shunt reads has to give the expected result on the scalar backend, but for those listed here, with the reason.
 * Inputs that are not floating-point numbers are bound as constants; so are further ones, if the operator needs that.
 * usage: test-onnx_backend [--table] FOLDER; without the folder it is skipped (77). --table prints a table of all cases (docs/onnx.md). */
#include "runtime/onnx/importer.h"
#include "tests/support/onnx_case.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Cases of these operators only are taken: the ones that docs/onnx.md lists. */
static const char *const operators[] = {"Add",         "AveragePool",   "BatchNormalization",
                                        "Cast",        "CastLike",      "Clip",
                                        "Concat",      "Constant",      "ConstantOfShape",
                                        "Conv",        "ConvTranspose", "Div",
                                        "Dropout",     "Expand",        "Flatten",
                                        "Gather",      "Gemm",          "GlobalAveragePool",
                                        "HardSigmoid", "HardSwish",     "Identity",
                                        "LRN",         "LogSoftmax",    "MatMul",
                                        "MaxPool",     "Mul",           "Pad",
                                        "ReduceMean",  "Relu",          "Reshape",
                                        "Resize",      "RoiAlign",      "Shape",
                                        "Sigmoid",     "Slice",         "Softmax",
                                        "Split",       "Squeeze",       "Sub",
                                        "Sum",         "Swish",         "Transpose",
                                        "Unsqueeze",   "Upsample"};

/* What Shunt is not made for. */
static const struct {
    const char *pattern, *reason;
} not_applicable[] = {
    {"node/test_identity_opt", "the value is an optional sequence, not a tensor"},
    {"node/test_identity_sequence", "the value is a sequence, not a tensor"},
    {"node/test_training_dropout*", "training: the expected result holds NumPy's random numbers"},
    {"node/test_resize_*_cubic*", "cubic interpolation"},
    {"node/test_resize_downsample_scales_linear_align_corners",
     "a scale of 0.6 makes a length of 2.4, whose last place is a corner"},
    {"node/test_resize_downsample_sizes_nearest_tf_half_pixel_for_nn", "TensorFlow's places of half pixels"},
    {"node/test_resize_tf_crop_and_resize", "a resize of a part of the picture"},
    {"node/test_maxpool_with_argmax_*", "where the maxima are is asked for; Shunt knows only what they are"},
};
static const char *const applicable_after_all[] = {"node/test_training_dropout_zero_ratio*"};

/* The expected numbers have four digits, and are up to 8.4e-5 away from what ONNX Runtime and torchvision, in float64, compute. */
static double rounded(const char *name)
{
    return fnmatch("node/test_roialign_*", name, 0) ? 0 : 1e-4;
}

static const char *excuse(const char *name)
{
    for (size_t i = 0; i < sizeof applicable_after_all / sizeof *applicable_after_all; i++)
        if (!fnmatch(applicable_after_all[i], name, 0)) return NULL;
    for (size_t i = 0; i < sizeof not_applicable / sizeof *not_applicable; i++)
        if (!fnmatch(not_applicable[i].pattern, name, 0)) return not_applicable[i].reason;
    return NULL;
}

static bool known_operator(wire_bytes op)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (wire_is(op, operators[i])) return true;
    return false;
}

/* Whether all nodes of the model are of known operators; op becomes the first one's. */
static bool takes(const char *path, char *op, size_t size)
{
    file_mapping file;
    wire_field field, part;
    bool all = true;
    *op = '\0';
    if (file_map(path, 0, &file)) return false;
    wire model = wire_open((wire_bytes){file.data, file.size}, file.data);
    while (wire_next(&model, &field)) {
        if (field.number != 7) continue;
        wire graph = wire_open(field.bytes, file.data);
        while (wire_next(&graph, &part)) {
            if (part.number != 1) continue;
            wire node = wire_open(part.bytes, file.data);
            wire_bytes type = {0}, domain = {0};
            while (wire_next(&node, &part)) {
                if (part.number == 4) type = part.bytes;
                if (part.number == 7) domain = part.bytes;
            }
            all = all && known_operator(type) && !domain.size;
            if (!*op) snprintf(op, size, "%.*s", (int)type.size, (const char *)type.data);
        }
    }
    file_unmap(&file);
    return all && *op;
}

enum { NOPERATORS = sizeof operators / sizeof *operators };

typedef struct tally {
    shunt_device *device;
    FILE *rows; /* of the table, or NULL */
    int passed, excused, failed;
    int passed_by[NOPERATORS], excused_by[NOPERATORS];
} tally;

static int operator_number(const char *op)
{
    int i = 0;
    while (i < NOPERATORS - 1 && strcmp(operators[i], op)) i++;
    return i;
}

static void run_one(tally *t, const char *folder, const char *name)
{
    char path[4096], op[64], note[512];
    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    if (!takes(path, op, sizeof op)) return;
    const char *why = excuse(name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    bool passed = onnx_case_run(t->device, path, rounded(name), note, sizeof note);
    if (passed && !why) {
        t->passed++;
        t->passed_by[operator_number(op)]++;
        if (t->rows) fprintf(t->rows, "| %s | %s | passed%s%s |\n", name, op, *note ? "; constant: " : "", note);
    } else if (!passed && why) {
        t->excused++;
        t->excused_by[operator_number(op)]++;
        if (t->rows) fprintf(t->rows, "| %s | %s | not applicable: %s |\n", name, op, why);
    } else {
        t->failed++;
        fprintf(stderr, "%s: %s\n", name, passed ? "passes, though it is listed as not applicable" : note);
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_suite(tally *t, const char *folder, const char *suite)
{
    char path[4096], name[512];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/%s", folder, suite);
    int count = scandir(path, &entries, visible, by_name);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%s", suite, entries[i]->d_name);
        run_one(t, folder, name);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    return count;
}

/* By operators first, then case by case. */
static void print_table(const tally *t, const char *rows)
{
    puts("# ONNX's backend tests\n\nWritten by test-onnx_backend --table; what the words mean: [onnx.md](onnx.md).\n");
    puts("| first operator of a case | passed | not applicable |\n|---|---|---|");
    for (int i = 0; i < NOPERATORS; i++)
        if (t->passed_by[i] + t->excused_by[i])
            printf("| %s | %d | %d |\n", operators[i], t->passed_by[i], t->excused_by[i]);
    printf("| **all** | **%d** | **%d** |\n\n| case | first operator | result |\n|---|---|---|\n%s", t->passed,
           t->excused, rows);
}

int main(int argc, char **argv)
{
    tally t = {0};
    char *rows = NULL;
    size_t size;
    const char *folder = argv[argc - 1];
    struct stat info;
    if (argc < 2 || stat(folder, &info)) {
        fprintf(stderr, "skipped: %s is not there; install libonnx-testdata\n", argc < 2 ? "the folder" : folder);
        return 77;
    }
    if (shunt_device_open("scalar", NULL, &t.device)) {
        fprintf(stderr, "%s\n", shunt_last_error());
        return 1;
    }
    if (argc > 2 && !strcmp(argv[1], "--table")) t.rows = open_memstream(&rows, &size);
    static const char *const suites[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) run_suite(&t, folder, suites[i]);
    shunt_device_close(t.device);
    if (t.rows && !fclose(t.rows)) print_table(&t, rows);
    free(rows);
    fprintf(stderr, "%d cases passed, %d not applicable, %d failed\n", t.passed, t.excused, t.failed);
    return t.failed || t.passed == 0;
}
