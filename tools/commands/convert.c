/* convert.c - shunt convert: any weight file becomes safetensors, in the precision asked for. */
#include "commands.h"
#include "lib/say.h"
#include "lib/table.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct convert_settings {
    const char *dtype, *note;
    bool drop_zero_blocks;
    preprocess_settings preprocess;
    json_settings output;
} convert_settings;

#define FIELD(name) offsetof(convert_settings, name)

static const option_row rows[] = {
    {"dtype", OPTION_TEXT, FIELD(dtype), "f32|f16|bf16|f64",
     "Type of the floating-point numbers: f32, f16, bf16 or f64. Default: each tensor keeps its type.", NULL, 0, 0},
    {"note", OPTION_TEXT, FIELD(note), "TEXT",
     "Store this text in the file: where the weights come from, how good they are.", NULL, 0, 0},
    {"drop-zero-blocks", OPTION_FLAG, FIELD(drop_zero_blocks), NULL,
     "Leave out the blocks that compute exactly their input, as shunt train --prune makes them: a smaller network with "
     "the same "
     "logits, under a name such as resnet56-5-3-8. The file must name its network.",
     NULL, 0, 0},
    {0}};

/* The dtype of that name, 0 for none that weights are converted to. */
static uint8_t dtype_of(const char *name)
{
    static const uint8_t dtypes[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16, SHUNT_F64};
    for (size_t i = 0; i < sizeof dtypes; i++)
        if (!strcmp(name, shunt_dtype_name(dtypes[i]))) return dtypes[i];
    return 0;
}

/* What cannot be written must not be lost without a word. */
static int check_all_listed(const shunt_weights *weights, const char *in)
{
    const char *name = shunt_weights_unusable_next(weights, NULL);
    if (!name) return EXIT_OK;
    return say_failure("%s: tensor '%.100s' cannot be converted: %s", in, name, shunt_weights_unusable(weights, name));
}

/* Takes the place of the weights. *dropped: how many blocks. */
static int drop_blocks(const char *in, shunt_weights **weights, int64_t *dropped)
{
    shunt_model *model = NULL;
    shunt_weights *smaller = NULL;
    size_t count = 0;
    const bool failed = shunt_model_open(in, NULL, &model) || shunt_model_drop_zero_blocks(model, &smaller, &count);
    const int status = failed ? say_library_failure(in) : EXIT_OK;
    shunt_model_destroy(model);
    if (failed) return status;
    shunt_weights_destroy(*weights);
    *weights = smaller;
    *dropped = (int64_t)count;
    return EXIT_OK;
}

/* dropped: how many blocks; -1: that was not asked for. */
static int report(const shunt_weights *weights, const char *in, const char *format, const char *out, int64_t dropped,
                  bool json)
{
    char text[16];
    uint64_t bytes = 0;
    const shunt_tensor_view *view;
    for (size_t i = 0; (view = shunt_weights_at(weights, i)); i++) bytes += shunt_tensor_bytes(&view->desc);
    const size_t count = shunt_weights_count(weights);
    if (json) {
        json_t *object = json_pack("{s:o, s:s, s:o, s:I, s:I}", "in", json_text(in), "format", format, "out",
                                   json_text(out), "tensors", (json_int_t)count, "bytes", (json_int_t)bytes);
        if (dropped >= 0) json_object_set_new(object, "dropped_blocks", json_integer(dropped));
        return print_json(object, false);
    }
    if (dropped >= 0) say_line("%lld blocks dropped", (long long)dropped);
    say_line("%s (%s) -> %s: %zu tensors, %s", in, format, out, count, human_bytes(bytes, text));
    return EXIT_OK;
}

/* A safetensors file may be replaced by its own conversion; one of another format would be gone, its name telling lies. */
static int check_kept(const shunt_weights *weights, const char *in, const char *out)
{
    struct stat from, to;
    const char *format = shunt_weights_format(weights);
    if (!strcmp(format, "safetensors") || stat(in, &from) || stat(out, &to)) return EXIT_OK;
    if (from.st_dev != to.st_dev || from.st_ino != to.st_ino) return EXIT_OK;
    return say_usage("%s is the %s file that is read, and would be lost; name another to write", out, format);
}

/* Then the weights go there, and nothing else may. */
static bool is_stdout(const char *path)
{
    struct stat named, printed;
    return !stat(path, &named) && !fstat(STDOUT_FILENO, &printed) && named.st_dev == printed.st_dev &&
           named.st_ino == printed.st_ino;
}

/* Puts the options into the metadata, on top of what is there. */
static int set_preprocess(shunt_weights *weights, const char *in, const preprocess_settings *settings)
{
    char text[SHUNT_PREPROCESS_TEXT];
    shunt_preprocess made = {0};
    const char *own = shunt_weights_metadata(weights, "preprocess");
    if (!preprocess_option(settings)) return EXIT_OK;
    if (own && shunt_preprocess_parse(own, &made)) return say_library_failure(in);
    int status = preprocess_from_settings(settings, &made);
    if (status) return status;
    if (made.resize < 1 || made.crop < 1 || !(made.std[0] > 0))
        return say_usage("%s does not say how pictures are prepared; name a preset with a size, such as "
                         "cifar10-kuangliu, or give --resize and --crop, too, and --std",
                         in);
    shunt_preprocess_print(&made, text, sizeof text);
    return shunt_weights_set_metadata(weights, "preprocess", text) ? say_library_failure(NULL) : EXIT_OK;
}

static int convert(const char *in, const char *out, uint8_t dtype, const convert_settings *settings)
{
    shunt_weights *weights = NULL;
    int64_t dropped = -1;
    if (shunt_weights_open(in, &weights)) return say_library_failure(in);
    const char *format = shunt_weights_format(weights); /* lives on */
    int status = check_kept(weights, in, out);
    if (status == EXIT_OK) status = check_all_listed(weights, in);
    if (status == EXIT_OK && settings->drop_zero_blocks) status = drop_blocks(in, &weights, &dropped);
    bool torch = !strncmp(format, "PyTorch", 7); /* other programs want to know */
    if (status == EXIT_OK && torch && shunt_weights_set_metadata(weights, "format", "pt"))
        status = say_library_failure(in);
    if (status == EXIT_OK && settings->note && shunt_weights_set_metadata(weights, "note", settings->note))
        status = say_library_failure(NULL);
    if (status == EXIT_OK) status = set_preprocess(weights, in, &settings->preprocess);
    if (status == EXIT_OK && dtype && shunt_weights_convert(weights, dtype)) status = say_library_failure(in);
    if (status == EXIT_OK && shunt_weights_save(weights, out)) status = say_library_failure(out);
    if (status == EXIT_OK && !is_stdout(out)) status = report(weights, in, format, out, dropped, settings->output.json);
    shunt_weights_destroy(weights);
    return status;
}

static int run(const void *settings, int noperands, char **operands)
{
    const convert_settings *self = settings;
    uint8_t dtype = 0;
    if (noperands != 2) return say_usage("give one file to read and one to write: shunt convert IN OUT.safetensors");
    if (self->dtype && !(dtype = dtype_of(self->dtype)))
        return say_usage("--dtype %s: must be f32, f16, bf16 or f64", self->dtype);
    return convert(operands[0], operands[1], dtype, self);
}

const command convert_command = {
    .name = "convert",
    .summary = "Write the weights of any file as safetensors, in full or half precision.",
    .operands = "IN OUT.safetensors",
    .text = "Reads what --weights takes (safetensors, PyTorch's .pth, ONNX) and writes its tensors and metadata. "
            "Integers, such as counters, keep their type. A number that is too large for the chosen type is an error, "
            "which names it. All commands load half precision files as float32. The preprocessing that --preset and "
            "similar options describe is stored in the file, and is used wherever the file is loaded.",
    .groups = {{rows, 0}, {preprocess_rows, FIELD(preprocess)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt convert resnet50.pth resnet50.safetensors", "From PyTorch's format."},
                 {"shunt convert resnet50.safetensors half.safetensors --dtype f16", "Half the size."},
                 {"shunt convert run/best.safetensors small.safetensors --drop-zero-blocks",
                  "What shunt train --prune has left of a network."},
                 {"shunt convert resnet20.pth mine.safetensors --preset cifar10-kuangliu",
                  "Keep in the file how its author normalised pictures."}},
    .settings_size = sizeof(convert_settings),
    .run = run,
};
