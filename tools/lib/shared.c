/* shared.c - options, model and device set-up, and JSON output that several sub-commands have in common. */
#include "commands/commands.h"
#include "progress.h"
#include "published.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

const option_row json_rows[] = {
    {"json", OPTION_FLAG, offsetof(json_settings, json), NULL, "Print one JSON value instead of text.", NULL, 0, 0},
    {0}};

const option_row device_rows[] = {
    {"device", OPTION_TEXT, offsetof(device_settings, device), "D",
     "Where to run: scalar, opencl, opencl:0, opencl:gpu, opencl:TEXT, auto ... (see shunt devices). Default: the "
     "environment's SHUNT_DEVICE, or auto.",
     NULL, 0, 0},
    {"threads", OPTION_COUNT, offsetof(device_settings, threads), "T",
     "Threads, for a device that is a processor. Default: the device decides.", NULL, 1, 4096},
    {"precision", OPTION_TEXT, offsetof(device_settings, precision), "f32|f16|bf16|fast",
     "What activations and weights are stored in while a network runs: f32, f16 or bf16 (docs/precision.md); fast: "
     "what "
     "shunt tune found to be fastest for this network, batch and device, else f32. Default: the environment's "
     "SHUNT_PRECISION, or f32.",
     NULL, 0, 0},
    {0}};

const option_row model_rows[] = {
    {"model", OPTION_TEXT, offsetof(model_settings, model), "M",
     "The network: resnet50, resnext50_32x4d, wide_resnet50_2, resnet50d ... for ImageNet; resnet20, plain56, "
     "cifar-resnet18 ... for CIFAR; an unknown name lists all. Or an ONNX file, such as ./net.onnx, which contains its "
     "weights. Default: the network that the weight file names, or that its tensors fit.",
     NULL, 0, 0},
    {"weights", OPTION_TEXT, offsetof(model_settings, weights), "FILE",
     "Weights: safetensors or PyTorch's .pth (detected from the content), with the tensor names of torchvision, timm, "
     "Hugging Face or Shunt. Without --model also an ONNX file, which contains its network. Default: the weights that "
     "shunt pull fetched last for the model; for resnet20, or if no model is named, the CIFAR-10 network that comes "
     "with Shunt.",
     NULL, 0, 0},
    {"classes", OPTION_COUNT, offsetof(model_settings, classes), "N",
     "Number of classes. Default: 1000, 10 for the CIFAR nets, 21 or 91 for those that label pixels or find objects.",
     NULL, 1, 1000000},
    {"shortcut", OPTION_TEXT, offsetof(model_settings, shortcut), "A|B|C",
     "Shortcut option of the paper. Default: B, or A for the CIFAR nets.", NULL, 0, 0},
    {"v1", OPTION_FLAG, offsetof(model_settings, v1), NULL,
     "Bottlenecks with the stride in the 1x1 convolution, as in the paper; published weights need it in the 3x3.", NULL,
     0, 0},
    {0}};

int device_from_settings(const device_settings *settings, shunt_device **out)
{
    char params[32] = "";
    if (settings->precision && shunt_set_option("precision", settings->precision)) return say_library_failure(NULL);
    if (settings->threads) snprintf(params, sizeof params, "threads=%lld", (long long)settings->threads);
    if (shunt_device_open(settings->device, params[0] ? params : NULL, out)) return say_library_failure(NULL);
    return EXIT_OK;
}

/* *is_network: the file is ONNX, which may need no name of a network. */
static int read_format(const char *path, bool *is_network)
{
    shunt_weights *weights = NULL;
    if (shunt_weights_open(path, &weights)) return say_library_failure(path);
    *is_network = !strcmp(shunt_weights_format(weights), "ONNX");
    shunt_weights_destroy(weights);
    return EXIT_OK;
}

bool model_is_file(const model_settings *settings)
{
    return settings->model && (strpbrk(settings->model, "./") || !strcmp(settings->model, "-"));
}

int ghost_from_text(const char *text, shunt_model *const *models, size_t nmodels)
{
    char *end;
    if (!text) return EXIT_OK;
    const double threshold = strtod(text, &end);
    size_t set = 0;
    if (end == text || *end || !(threshold >= 0 && threshold <= 1))
        return say_usage("--ghost %s: must be a number from 0 to 1", text);
    for (size_t m = 0; m < nmodels; m++) set += !shunt_model_set_ghost(models[m], threshold);
    return set ? EXIT_OK : say_library_failure("--ghost");
}

static int check_settings(const model_settings *settings, int policy)
{
    if (settings->shortcut && (strlen(settings->shortcut) != 1 || !strchr("ABC", settings->shortcut[0])))
        return say_usage("--shortcut %s: must be A, B or C", settings->shortcut);
    if (model_is_file(settings) || settings->weights || policy != WEIGHTS_NEEDED) return EXIT_OK;
    bool listed = settings->model && published_find(settings->model);
    return say_usage(
        "no weights: %s%s%sname a file with --weights, or say --random-weights to see it run with meaningless results",
        listed ? "get published ones with shunt pull " : "", listed ? settings->model : "", listed ? ", " : "");
}

/* The first option that says what an ONNX file says itself, or NULL. */
static const char *needless_option(const model_settings *settings)
{
    if (model_is_file(settings) && settings->weights) return "--weights";
    return settings->classes ? "--classes" : settings->shortcut ? "--shortcut" : settings->v1 ? "--v1" : NULL;
}

/* A file that no --model names the network of: ONNX, or weights that say of which network they are. */
static int check_file(const char *path, const model_settings *settings)
{
    bool is_network = false;
    const char *other = needless_option(settings);
    int status = other ? read_format(path, &is_network) : EXIT_OK;
    if (!other || status) return status;
    if (is_network) return say_usage("%s: an ONNX file is a whole network; leave out %s", path, other);
    if (!model_is_file(settings) || !settings->weights) return EXIT_OK;
    return say_usage("%s: a file of weights; leave out --weights or name a model", path);
}

static int open_file(const char *path, const model_settings *settings, const shunt_model_options *options,
                     shunt_model **out)
{
    int status = options->name ? EXIT_OK : check_file(path, settings);
    if (status) return status;
    return shunt_model_open(path, options, out) ? say_library_failure(NULL) : EXIT_OK;
}

static int make_random(const char *name, const shunt_model_options *options, shunt_model **out)
{
    shunt_model *model;
    if (!name) return say_usage("no model; name one with --model, such as resnet18");
    if (shunt_model_create(name, options, &model)) return say_library_failure(NULL);
    if (!shunt_model_randomize(model, 0)) {
        *out = model;
        return EXIT_OK;
    }
    shunt_model_destroy(model);
    return say_library_failure(NULL);
}

static int make_model(const model_settings *settings, int policy, const shunt_model_options *sizes, shunt_model **out)
{
    shunt_model_options options = sizes ? *sizes : (shunt_model_options){.size = sizeof options};
    const bool is_file = model_is_file(settings);
    const char *path = is_file ? settings->model : settings->weights;
    int status = check_settings(settings, policy);
    if (status) return status;
    if (settings->shortcut) options.shortcut = settings->shortcut[0];
    options.classes = settings->classes;
    options.v1 = settings->v1;
    if (!path) return make_random(settings->model, &options, out);
    options.name = is_file ? NULL : settings->model;
    return open_file(path, settings, &options, out);
}

/* Says which file it is, since nobody has named it, and preprocesses as its publisher says. */
static int make_found_model(const model_settings *settings, const char *path, const shunt_model_options *sizes,
                            shunt_model **out)
{
    model_settings with = *settings;
    const published *listed = published_of_file(path);
    shunt_preprocess preprocess;
    with.weights = path;
    char line[4096];
    snprintf(line, sizeof line, "weights: %s", path);
    say_info(line);
    int status = make_model(&with, WEIGHTS_NEEDED, sizes, out);
    if (status == EXIT_OK && listed && !shunt_preprocess_preset(listed->preset, &preprocess))
        shunt_model_set_preprocess(*out, &preprocess);
    return status;
}

int model_from_settings(const model_settings *settings, int policy, const shunt_model_options *sizes, shunt_model **out)
{
    bool wanted = policy == WEIGHTS_NEEDED && !settings->weights && !model_is_file(settings);
    char *found = wanted && settings->model ? pulled_find(settings->model) : NULL;
    if (wanted && !found) found = shipped_find(settings->model);
    int status = found ? make_found_model(settings, found, sizes, out) : make_model(settings, policy, sizes, out);
    free(found);
    return status;
}

int model_from_operand(const model_settings *usual, char *operand, shunt_model **out)
{
    model_settings settings = *usual;
    char *equals = operand + strcspn(operand, "=./");
    settings.weights = operand;
    if (*equals == '=') {
        *equals = '\0';
        settings.model = operand;
        settings.weights = equals + 1;
    }
    return model_from_settings(&settings, WEIGHTS_NEEDED, NULL, out);
}

int epsilon_from_text(const char *text, shunt_epsilon *out)
{
    char *end;
    if (!text) return EXIT_OK;
    const double value = strtod(text, &end);
    if (end == text || *end || (value != 0 && value != 1e-5)) return say_usage("--epsilon %s: must be 0 or 1e-5", text);
    *out = value == 0 ? SHUNT_EPSILON_0 : SHUNT_EPSILON_1E_5;
    return EXIT_OK;
}

const char *command_for(const shunt_model *model)
{
    static const char *const names[] = {
        [SHUNT_TASK_CLASSIFY] = "classify", [SHUNT_TASK_SEGMENT] = "segment", [SHUNT_TASK_DETECT] = "detect"};
    return names[shunt_model_task(model)];
}

shunt_tensor_desc model_input(const shunt_model *model, int64_t batch, const int64_t size[2])
{
    int64_t own = shunt_model_preprocess(model)->crop;
    const int64_t dims[] = {batch, shunt_preprocess_planes(shunt_model_preprocess(model)), size[0] ? size[0] : own,
                            size[1] ? size[1] : own};
    return shunt_tensor_make(SHUNT_F32, 4, dims);
}

size_t model_inputs(const shunt_model *model, int64_t batch, const int64_t size[2],
                    shunt_tensor_desc inputs[MODEL_MOST_INPUTS])
{
    const shunt_graph *graph = shunt_model_graph(model);
    shunt_value value;
    size_t count = 1;
    inputs[0] = model_input(model, batch, size);
    for (; count < MODEL_MOST_INPUTS && (value = shunt_graph_input_value(graph, count)) != SHUNT_NO_VALUE; count++)
        inputs[count] = shunt_graph_desc(graph, value);
    return count;
}
