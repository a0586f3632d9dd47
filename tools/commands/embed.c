/* embed.c - shunt embed: what a network computes inside, for the pictures of a folder: embeddings and feature maps, as arrays
 * for other programs. */
#include "commands.h"
#include "lib/npy.h"
#include "lib/progress.h"
#include "lib/say.h"
#include <stdlib.h>
#include <string.h>

typedef struct embed_settings {
    model_settings model;
    device_settings device;
    preprocess_settings preprocess;
    const char *out, *value;
    int64_t limit, batch;
    bool list;
    json_settings output;
} embed_settings;

#define FIELD(name) offsetof(embed_settings, name)

static const option_row rows[] = {
    {"out", OPTION_TEXT, FIELD(out), "FILE",
     "Where to write: FILE.npy for NumPy, one value; or FILE.safetensors, where each value is a tensor under its name, "
     "and the "
     "metadata \"pictures\" is the list of files.",
     NULL, 0, 0},
    {"value", OPTION_TEXT, FIELD(value), "NAME[,NAME...]",
     "The values to write, by name, such as layer4.1.add. Default: what the classifier reads.", NULL, 0, 0},
    {"list", OPTION_FLAG, FIELD(list), NULL, "Only list the values that the network has, with their shapes.", NULL, 0,
     0},
    {"limit", OPTION_COUNT, FIELD(limit), "N", "The first N pictures only.", NULL, 1, INT64_MAX},
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures in one run. Default: as fits the memory.", NULL, 1, 65536},
    {0}};

enum { MOST_VALUES = 64 };

typedef struct collection {
    const shunt_dataset *data;
    size_t count; /* of pictures */
    const char *names[MOST_VALUES];
    size_t nnames;
    shunt_tensor values[MOST_VALUES]; /* of all pictures */
} collection;

/* ---- Names --------------------------------------------------------------------------------------------------------- */

static const char *shape_text(const shunt_tensor_desc *desc, char text[128])
{
    size_t used = 0;
    for (uint32_t i = 0; i < desc->rank; i++)
        used += (size_t)snprintf(text + used, 128 - used, "%s%lld", i ? "x" : "", (long long)desc->dims[i]);
    return text;
}

static int list_values(const shunt_graph *graph, bool json)
{
    char shape[128] = "";
    const char *name;
    json_t *list = json ? json_array() : NULL;
    for (shunt_value v = 0; (name = shunt_graph_value_name(graph, v)); v++) {
        const shunt_tensor_desc desc = shunt_graph_desc(graph, v);
        if (!*name) continue;
        if (json)
            json_add(list, json_pack("{s:o, s:s}", "name", json_text(name), "shape", shape_text(&desc, shape)));
        else
            say_line("%-40s %s", name, shape_text(&desc, shape));
    }
    return json ? print_json(json_pack("{s:o}", "values", list), false) : EXIT_OK;
}

/* text is cut into names at its commas. */
static int choose_values(collection *self, char *text, const shunt_graph *graph)
{
    for (char *name = text ? strtok(text, ",") : NULL; name; name = strtok(NULL, ",")) {
        if (self->nnames == MOST_VALUES) return say_usage("--value: more than %d names", MOST_VALUES);
        self->names[self->nnames++] = name;
    }
    if (self->nnames) return EXIT_OK;
    const char *usual = shunt_graph_value_name(graph, shunt_graph_features(graph));
    if (!usual) return say_usage("the network has no classifier; name what to write with --value (--list lists all)");
    self->names[self->nnames++] = usual;
    return EXIT_OK;
}

/* ---- Pictures -------------------------------------------------------------------------------------------------------- */

/* "KIND:DIR", or a folder of pictures. */
static int open_data(const char *operand, shunt_dataset **out)
{
    char spec[4200];
    const char *colon = strchr(operand, ':'), *slash = strchr(operand, '/');
    const bool is_spec = colon && (!slash || colon < slash);
    snprintf(spec, sizeof spec, "%s%s", is_spec ? "" : "pictures:", operand);
    return shunt_dataset_open(spec, NULL, out) ? say_library_failure(operand) : EXIT_OK;
}

static bool make_room(collection *self, const shunt_embedding *of)
{
    for (size_t v = 0; v < self->nnames; v++) {
        shunt_tensor *value = &self->values[v];
        value->desc = of->values[v].desc;
        value->desc.dims[0] = (int64_t)self->count;
        if (!(value->data = malloc((size_t)shunt_tensor_bytes(&value->desc)))) return false;
    }
    return true;
}

static int keep(void *context, const shunt_embedding *embedding)
{
    collection *self = context;
    if (!self->values[0].data && !make_room(self, embedding)) return 1;
    for (size_t v = 0; v < self->nnames; v++) {
        const size_t bytes = (size_t)shunt_tensor_bytes(&embedding->values[v].desc);
        memcpy((char *)self->values[v].data + embedding->index * bytes, embedding->values[v].data, bytes);
    }
    progress_advance(1);
    return 0;
}

static int collect(collection *self, const embed_settings *settings, shunt_model *model, shunt_device *device)
{
    const shunt_embed_options options = {.size = sizeof options,
                                         .names = self->names,
                                         .nnames = self->nnames,
                                         .limit = self->count,
                                         .batch = settings->batch,
                                         .handler = keep,
                                         .context = self};
    progress_begin("embedding", self->count);
    shunt_status failed = shunt_embed(model, device, self->data, &options);
    progress_end();
    if (failed) return say_library_failure(NULL);
    for (size_t v = 0; v < self->nnames; v++)
        if (!self->values[v].data) return say_failure("no memory for %zu pictures", self->count);
    return EXIT_OK;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------------- */

static json_t *pictures_json(const collection *self)
{
    json_t *list = json_array();
    for (size_t i = 0; i < self->count; i++) {
        const char *name = shunt_dataset_picture(self->data, i);
        json_add(list, name ? json_text(name) : json_integer((json_int_t)i));
    }
    return list;
}

static bool is_npy(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, ".npy");
}

static int write_safetensors(const collection *self, const char *path)
{
    json_t *pictures = pictures_json(self);
    char *text = json_dumps(pictures, JSON_COMPACT);
    shunt_weights *weights = NULL;
    shunt_status failed = text ? shunt_weights_create(&weights) : SHUNT_E_MEMORY;
    for (size_t v = 0; !failed && v < self->nnames; v++)
        failed = shunt_weights_set(weights, self->names[v], &self->values[v].desc, self->values[v].data);
    if (!failed) failed = shunt_weights_set_metadata(weights, "pictures", text);
    if (!failed) failed = shunt_weights_save(weights, path);
    shunt_weights_destroy(weights);
    free(text);
    json_decref(pictures);
    return failed ? say_library_failure(path) : EXIT_OK;
}

static int report(const collection *self, const embed_settings *settings, const shunt_model *model)
{
    char shape[128] = "";
    json_t *values = json_array();
    for (size_t v = 0; v < self->nnames; v++) {
        shape_text(&self->values[v].desc, shape);
        json_add(values, json_pack("{s:o, s:s}", "name", json_text(self->names[v]), "shape", shape));
        if (!settings->output.json) say_line("%s %s -> %s", self->names[v], shape, settings->out);
    }
    if (settings->output.json)
        return print_json(json_pack("{s:s, s:o, s:o, s:o}", "model", shunt_model_name(model), "out",
                                    json_text(settings->out), "values", values, "pictures", pictures_json(self)),
                          false);
    json_decref(values);
    for (size_t i = 0; i < self->count; i++) {
        const char *name = shunt_dataset_picture(self->data, i);
        if (name) say_line("%zu %s", i, name);
    }
    return EXIT_OK;
}

static int embed(const embed_settings *settings, const char *operand, shunt_model *model, char *names)
{
    shunt_dataset *data = NULL;
    shunt_device *device = NULL;
    collection self = {0};
    int status = choose_values(&self, names, shunt_model_graph(model));
    if (status == EXIT_OK && is_npy(settings->out) && self.nnames > 1)
        status = say_usage("a .npy file holds one value; write several to FILE.safetensors");
    if (status == EXIT_OK) status = open_data(operand, &data);
    if (status == EXIT_OK) status = device_from_settings(&settings->device, &device);
    self.data = data;
    self.count = shunt_dataset_count(data);
    if (settings->limit && (uint64_t)settings->limit < self.count) self.count = (size_t)settings->limit;
    if (status == EXIT_OK) status = collect(&self, settings, model, device);
    if (status == EXIT_OK)
        status = is_npy(settings->out) ? npy_write(settings->out, &self.values[0].desc, self.values[0].data)
                                       : write_safetensors(&self, settings->out);
    if (status == EXIT_OK) status = report(&self, settings, model);
    for (size_t v = 0; v < self.nnames; v++) free(self.values[v].data);
    shunt_dataset_close(data);
    shunt_device_close(device);
    return status;
}

static int run(const void *settings, int noperands, char **operands)
{
    const embed_settings *self = settings;
    shunt_model *model = NULL;
    if (self->list ? noperands != 0 : noperands != 1 || !self->out)
        return say_usage(self->list ? "--list takes no folder" : "give one folder of pictures, and --out FILE");
    int status = model_from_settings(&self->model, self->list ? WEIGHTS_OR_RANDOM : WEIGHTS_NEEDED, NULL, &model);
    if (status == EXIT_OK) status = model_preprocess_from_settings(&self->preprocess, model);
    char *names = status == EXIT_OK && self->value ? strdup(self->value) : NULL;
    if (status == EXIT_OK && self->value && !names) status = say_failure("no memory");
    if (status == EXIT_OK && self->list)
        status = list_values(shunt_model_graph(model), self->output.json);
    else if (status == EXIT_OK)
        status = embed(self, operands[0], model, names);
    free(names);
    shunt_model_destroy(model);
    return status;
}

const command embed_command = {
    .name = "embed",
    .summary = "Write embeddings or feature maps of pictures: what a network computes inside.",
    .operands = "FOLDER",
    .text = "Takes all pictures in FOLDER and the folders in it, or a data set, KIND:DIR as for shunt eval, and writes "
            "one row for "
            "each, as float32. The rows are in the order of the names that are printed. A picture that cannot be read "
            "is an error.",
    .groups = {{model_rows, FIELD(model)},
               {rows, 0},
               {preprocess_rows, FIELD(preprocess)},
               {device_rows, FIELD(device)},
               {json_rows, FIELD(output)}},
    .examples = {{"shunt embed --out out.npy holiday/",
                  "One row a picture: what the classifier of the network that comes with Shunt reads."},
                 {"shunt embed --model resnet50 --weights resnet50.safetensors --list",
                  "The names that --value takes."},
                 {"shunt embed --weights mine.safetensors --value layer3.0.add,avgpool --out maps.safetensors holiday/",
                  "A feature map and the embedding."}},
    .settings_size = sizeof(embed_settings),
    .run = run,
};
