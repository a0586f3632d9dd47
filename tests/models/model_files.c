/* model_files.c - weight files of every origin into a model and back: names, what does not fit, labels, preprocessing. */
#include "models/model.h"
#include "runtime/graph/graph.h"
#include "runtime/weights/weights.h"
#include "tests/support/temporary.h"

#include <float.h>
#include <math.h>

TestSuite(model_files, .init = enter_folder, .fini = leave_folder);

static shunt_model *make(const char *name, const shunt_model_options *options)
{
    shunt_model *model;
    cr_assert_eq(shunt_model_create(name, options, &model), SHUNT_OK, "%s", shunt_last_error());
    return model;
}

static shunt_model *make_random(const char *name, const shunt_model_options *options)
{
    shunt_model *model = make(name, options);
    cr_assert_eq(shunt_model_randomize(model, 7), SHUNT_OK, "%s", shunt_last_error());
    return model;
}

/* Writes the model's tensors under other names. A rule that writes "" leaves a tensor out. */
typedef void (*rename_fn)(const char *name, char *out);
static void write_file(const shunt_model *model, const char *path, rename_fn rename)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(model->weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(model->weights, i);
        char name[256];
        rename(view->name, name);
        if (!*name) continue;
        if (shunt_weights_set(weights, name, &view->desc, view->data)) cr_assert_fail("%s", shunt_last_error());
    }
    cr_assert_eq(shunt_weights_save(weights, path), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(weights);
}

static void expect_same_weights(const shunt_model *a, const shunt_model *b)
{
    cr_assert_eq(shunt_weights_count(a->weights), shunt_weights_count(b->weights));
    for (size_t i = 0; i < shunt_weights_count(a->weights); i++) {
        const shunt_tensor_view *x = shunt_weights_at(a->weights, i), *y = shunt_weights_find(b->weights, x->name);
        if (!y || memcmp(&x->desc, &y->desc, sizeof x->desc) || memcmp(x->data, y->data, shunt_tensor_bytes(&x->desc)))
            cr_assert_fail("%s differs", x->name);
    }
}

static void expect_loads(const char *name, const shunt_model_options *options, rename_fn rename)
{
    shunt_model *from = make_random(name, options), *to = make(name, options);
    write_file(from, "weights.safetensors", rename);
    cr_assert_eq(shunt_model_load(to, "weights.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(from, to);
    shunt_model_destroy(from);
    shunt_model_destroy(to);
}

/* ---- Addresses ----------------------------------------------------------------------------------------------- */

/* Lengthens the header by a space, so that no number lies at a multiple of its size any more. */
static void shift_numbers(const char *from, const char *to)
{
    file_mapping file;
    cr_assert_eq(file_map(from, 0, &file), SHUNT_OK, "%s", shunt_last_error());
    const size_t begin = 8 + file.data[0] + 256 * (file.data[1] + 256 * file.data[2]);
    uint8_t *bytes = malloc(file.size + 1);
    cr_assert_not_null(bytes);
    memcpy(bytes, file.data, begin);
    memcpy(bytes + begin + 1, file.data + begin, file.size - begin);
    bytes[begin] = ' ';
    bytes[0]++;
    put_bytes(to, bytes, file.size + 1);
    free(bytes);
    file_unmap(&file);
}

static void run_file(const char *path, bool aligned, float logits[10])
{
    static float picture[3 * 32 * 32];
    for (size_t i = 0; i < sizeof picture / sizeof *picture; i++) picture[i] = (float)(i % 17) / 8 - 1;
    shunt_model *model = make("resnet8", NULL);
    shunt_device *device;
    cr_assert_eq(shunt_model_load(model, path), SHUNT_OK, "%s", shunt_last_error());
    const void *data = shunt_weights_find(model->weights, "conv1.weight")->data;
    cr_assert(weights_maps(model->weights, data) && ((uintptr_t)data % sizeof(float) == 0) == aligned);
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_run(model, device, 1, 32, 32, picture, logits), SHUNT_OK, "%s", shunt_last_error());
    shunt_model_destroy(model);
    shunt_device_close(device);
}

/* They are folded and go to the device from where they lie. */
Test(model_files, numbers_at_odd_addresses)
{
    float straight[10], shifted[10];
    shunt_model *model = make_random("resnet8", NULL);
    cr_assert_eq(shunt_weights_save(model->weights, "straight"), SHUNT_OK, "%s", shunt_last_error());
    shunt_model_destroy(model);
    shift_numbers("straight", "shifted");
    run_file("straight", true, straight);
    run_file("shifted", false, shifted);
    cr_assert_arr_eq(shifted, straight, sizeof straight);
    cr_assert_neq(straight[0], straight[1]);
}

/* ---- Names --------------------------------------------------------------------------------------------------- */

static void torchvision(const char *name, char *out)
{
    strcpy(out, name);
}

static void parallel(const char *name, char *out)
{
    sprintf(out, "module.%s", name);
}

static void akamaster(const char *name, char *out)
{
    unsigned layer, block, part;
    int end = 0;
    if (!strncmp(name, "fc.", 3))
        sprintf(out, "module.linear.%s", name + 3);
    else if (sscanf(name, "layer%u.%u.downsample.%u%n", &layer, &block, &part, &end) == 3)
        sprintf(out, "module.layer%u.%u.shortcut.%u%s", layer, block, part, name + end);
    else
        sprintf(out, "module.%s", name);
}

/* By the table of Hugging Face's ResNetForImageClassification. */
static void hugging_face(const char *name, char *out)
{
    unsigned stage, block, part;
    int end = 0;
    const char *field = strrchr(name, '.');
    if (!strncmp(name, "conv1.", 6))
        sprintf(out, "resnet.embedder.embedder.convolution%s", field);
    else if (!strncmp(name, "bn1.", 4))
        sprintf(out, "resnet.embedder.embedder.normalization%s", field);
    else if (!strncmp(name, "fc.", 3))
        sprintf(out, "classifier.1%s", field);
    else if (sscanf(name, "layer%u.%u.%n", &stage, &block, &end) == 2) {
        out += sprintf(out, "resnet.encoder.stages.%u.layers.%u.", stage - 1, block);
        name += end;
        if (sscanf(name, "conv%u", &part) == 1)
            sprintf(out, "layer.%u.convolution%s", part - 1, field);
        else if (sscanf(name, "bn%u", &part) == 1)
            sprintf(out, "layer.%u.normalization%s", part - 1, field);
        else if (sscanf(name, "downsample.%u", &part) == 1)
            sprintf(out, "shortcut.%s%s", part ? "normalization" : "convolution", field);
    }
}

Test(model_files, names_of_every_origin_are_recognised)
{
    const shunt_model_options b = {.shortcut = 'B'};
    expect_loads("resnet20", NULL, torchvision);
    expect_loads("resnet20", &b, parallel);
    expect_loads("resnet20", NULL, akamaster);
    expect_loads("resnet20", &b, akamaster);
    expect_loads("resnet18", &(shunt_model_options){.classes = 3}, hugging_face);
    expect_loads("plain8", NULL, torchvision);
}

static void expect_name(const char *theirs, const char *ours)
{
    char name[64];
    cr_expect_eq(names_canonical(theirs, name, sizeof name), ours != NULL, "%s", theirs);
    if (ours) cr_expect_str_eq(name, ours);
}

Test(model_files, names_by_the_tables)
{
    expect_name("resnet.embedder.embedder.normalization.running_var", "bn1.running_var");
    expect_name("resnet.encoder.stages.3.layers.2.layer.2.convolution.weight", "layer4.2.conv3.weight");
    expect_name("resnet.encoder.stages.0.layers.35.layer.0.normalization.bias", "layer1.35.bn1.bias");
    expect_name("module.resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "layer2.0.downsample.0.weight");
    expect_name("resnet.encoder.stages.1.layers.0.shortcut.normalization.running_mean",
                "layer2.0.downsample.1.running_mean");
    expect_name("classifier.1.bias", "fc.bias");
    expect_name("linear.weight", "fc.weight");
    expect_name("module.layer2.0.shortcut.1.running_mean", "layer2.0.downsample.1.running_mean");
    expect_name("layer2.0.bn1.num_batches_tracked", NULL);
    expect_name("num_batches_tracked", NULL);
    expect_name("n_averaged", NULL);
    expect_name("_orig_mod.n_averaged", NULL);
    expect_name("module._orig_mod.model.net.network.backbone.conv1.weight", "conv1.weight");
    expect_name("_orig_mod.linear.bias", "fc.bias");
    expect_name("models.conv1.weight", "models.conv1.weight");
    expect_name("model", "model");
    expect_name("layer2.0.conv1.weight", "layer2.0.conv1.weight");
    expect_name("resnet.encoder.stages.x.layers.0.layer.0.convolution.weight",
                "resnet.encoder.stages.x.layers.0.layer.0.convolution.weight");
    expect_name("layer1234567.0.shortcut.0.weight", "layer1234567.0.shortcut.0.weight");
    expect_name("", "");
    char tiny[8]; /* cut, not overrun */
    cr_expect(names_canonical("resnet.encoder.stages.3.layers.2.layer.2.convolution.weight", tiny, sizeof tiny));
    cr_expect_str_eq(tiny, "layer4.");
}

/* ---- What does not fit --------------------------------------------------------------------------------------- */

static shunt_weights *take_weights(const char *model_name)
{
    shunt_model *model = make_random(model_name, NULL);
    shunt_weights *weights = model->weights;
    model->weights = NULL;
    shunt_model_destroy(model);
    return weights;
}

static void set(shunt_weights *weights, const char *name, uint32_t rank, const int64_t *dims)
{
    shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = (uint8_t)rank, .block = SHUNT_PLAIN};
    for (uint32_t i = 0; i < rank; i++) desc.dims[i] = dims[i];
    float *zeros = calloc(shunt_tensor_count(&desc) + 1, sizeof *zeros);
    cr_assert_eq(shunt_weights_set(weights, name, &desc, zeros), SHUNT_OK, "%s", shunt_last_error());
    free(zeros);
}

/* Saves and destroys weights, loads them into a model that has weights, and expects these to stay. */
static void expect_refused(shunt_weights *weights, const char *model_name, const char *const *reasons)
{
    cr_assert_eq(shunt_weights_save(weights, "bad.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(weights);
    shunt_model *model = make_random(model_name, NULL);
    const shunt_weights *before = shunt_model_weights(model);
    cr_expect_eq(shunt_model_load(model, "bad.safetensors"), SHUNT_E_INVALID);
    for (; *reasons; reasons++) expect_message("bad.safetensors: ", *reasons);
    cr_expect_eq(shunt_model_weights(model), before);
    shunt_model_destroy(model);
}
#define EXPECT_REFUSED(weights, model, ...) expect_refused(weights, model, (const char *const[]){__VA_ARGS__, NULL})

static void without_some(const char *name, char *out)
{
    strcpy(out, !strcmp(name, "bn1.weight") || !strcmp(name, "layer3.2.conv2.weight") ? "" : name);
}

Test(model_files, all_that_is_wrong_is_in_one_message)
{
    shunt_model *model = make_random("resnet20", NULL);
    write_file(model, "some.safetensors", without_some);
    shunt_model_destroy(model);
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_open("some.safetensors", &weights), SHUNT_OK);
    set(weights, "layer1.0.conv1.weight", 4, (int64_t[]){16, 16, 1, 1});
    set(weights, "layer1.0.bn1.bias", 2, (int64_t[]){16, 1});
    set(weights, "module.stray", 0, NULL);
    set(weights, "bn1.num_batches_tracked", 0, NULL); /* means nothing here */
    set(weights, "conv1", 0, NULL);                   /* the name of an op, but of no parameter */
    EXPECT_REFUSED(weights, "resnet20",
                   "does not fit resnet20: bn1.weight is missing; layer1.0.conv1.weight is 16x16x1x1, not 16x16x3x3; "
                   "layer1.0.bn1.bias is 16x1, not 16; layer3.2.conv2.weight is missing; "
                   "conv1 is not the model's; module.stray is not the model's");
}

Test(model_files, names_that_are_too_long_are_cut)
{
    shunt_weights *weights = take_weights("resnet20");
    char name[2001] = "";
    for (int i = 0; i < 1000; i++) strcat(name, "\303\251");
    set(weights, name, 0, NULL);
    EXPECT_REFUSED(weights, "resnet20", "\303\251... is not the model's");
}

Test(model_files, a_long_list_is_cut_and_counted)
{
    /* depth 32 has 6 blocks more than 20, of 10 tensors each */
    EXPECT_REFUSED(take_weights("resnet20"), "resnet32", "layer1.3.conv1.weight is missing; ", "; and 50 more");
    EXPECT_REFUSED(take_weights("resnet32"), "resnet20", "layer1.3.bn1.bias is not the model's; ", "; and 50 more");
}

Test(model_files, another_number_of_classes_is_said_in_words)
{
    shunt_weights *weights = take_weights("resnet20");
    set(weights, "fc.weight", 2, (int64_t[]){100, 64});
    set(weights, "fc.bias", 1, (int64_t[]){100});
    EXPECT_REFUSED(weights, "resnet20", "the file has 100 classes, the model 10: pass --classes 100",
                   "fc.weight is 100x64, not 10x64; fc.bias is 100, not 10");
}

Test(model_files, the_same_tensor_under_two_names)
{
    shunt_weights *weights = take_weights("resnet20");
    set(weights, "linear.weight", 2, (int64_t[]){10, 64});
    EXPECT_REFUSED(weights, "resnet20", "two tensors are fc.weight");
}

static void set_element(shunt_weights *weights, const char *name, size_t index, float value)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, name);
    size_t bytes = (size_t)shunt_tensor_bytes(&view->desc);
    float *data = malloc(bytes);
    cr_assert_not_null(data);
    memcpy(data, view->data, bytes);
    data[index] = value;
    cr_assert_eq(shunt_weights_set(weights, name, &view->desc, data), SHUNT_OK, "%s", shunt_last_error());
    free(data);
}

Test(model_files, numbers_that_are_none_are_named)
{
    const struct {
        const char *tensor, *text;
        float value;
    } bad[] = {{"layer2.1.conv2.weight", "element 77 is nan", NAN},
               {"fc.weight", "element 77 is inf", INFINITY},
               {"conv1.weight", "element 77 is -inf", -INFINITY},
               {"bn1.running_var", "element 7 is -1", -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        shunt_weights *weights = take_weights("resnet20");
        set_element(weights, bad[i].tensor, i == 3 ? 7 : 77, bad[i].value);
        EXPECT_REFUSED(weights, "resnet20", bad[i].tensor, bad[i].text);
    }
    shunt_weights *weights = take_weights("resnet20"); /* the largest number is one */
    set_element(weights, "fc.weight", 0, FLT_MAX);
    cr_assert_eq(shunt_weights_save(weights, "good.safetensors"), SHUNT_OK);
    shunt_weights_destroy(weights);
    shunt_model *model = make("resnet20", NULL);
    cr_assert_eq(shunt_model_load(model, "good.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_model_destroy(model);
}

Test(model_files, integers_are_refused_by_name)
{
    shunt_weights *weights = take_weights("resnet20");
    shunt_tensor_desc desc = {.dtype = SHUNT_I32, .rank = 1, .block = SHUNT_PLAIN, .dims = {16}};
    int32_t data[16] = {0};
    cr_assert_eq(shunt_weights_set(weights, "bn1.bias", &desc, data), SHUNT_OK);
    EXPECT_REFUSED(weights, "resnet20", "bn1.bias has type i32, not floating-point");
}

/* Half precision and double: loaded as float32, each number the nearest of its type to what was saved. */
Test(model_files, other_floating_types_are_loaded)
{
    static const struct {
        uint8_t dtype;
        double error; /* of rounding to nearest, relative */
    } types[] = {{SHUNT_F16, 0x1p-11}, {SHUNT_BF16, 0x1p-8}, {SHUNT_F64, 0}};
    shunt_model *from = make_random("resnet20", NULL), *to = make("resnet20", NULL);
    for (size_t t = 0; t < 3; t++) {
        shunt_weights *weights = take_weights("resnet20");
        cr_assert_eq(shunt_weights_convert(weights, types[t].dtype), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(shunt_weights_at(weights, 5)->desc.dtype, types[t].dtype);
        cr_assert_eq(shunt_weights_save(weights, "f"), SHUNT_OK);
        shunt_weights_destroy(weights);
        cr_assert_eq(shunt_model_load(to, "f"), SHUNT_OK, "%s", shunt_last_error());
        double worst = 0;
        for (size_t i = 0; i < shunt_weights_count(from->weights); i++) {
            const shunt_tensor_view *x = shunt_weights_at(from->weights, i),
                                    *y = shunt_weights_find(to->weights, x->name);
            cr_assert_eq(y->desc.dtype, SHUNT_F32);
            for (size_t k = 0; k < shunt_tensor_count(&x->desc); k++) {
                double a = (double)((const float *)x->data)[k], b = (double)((const float *)y->data)[k];
                if (types[t].dtype != SHUNT_F16 || fabs(a) >= 0x1p-14)
                    worst = fmax(worst, fabs(b - a) / fabs(a));
                else if (fabs(b - a) > 0x1p-25) /* subnormal halves have a fixed step */
                    cr_assert_fail("%s: %g is %g", x->name, a, b);
            }
        }
        cr_assert_leq(worst, types[t].error);
        cr_assert(types[t].error == 0 || worst > types[t].error / 4, "hardly rounded: %g", worst);
    }
    shunt_model_destroy(from);
    shunt_model_destroy(to);
}

Test(model_files, what_is_infinite_as_float32_is_named)
{
    shunt_weights *weights = take_weights("resnet20");
    shunt_tensor_desc desc = {.dtype = SHUNT_F64, .rank = 1, .block = SHUNT_PLAIN, .dims = {16}};
    double data[16] = {[3] = 1e300};
    cr_assert_eq(shunt_weights_set(weights, "bn1.bias", &desc, data), SHUNT_OK);
    EXPECT_REFUSED(weights, "resnet20", "bn1.bias: element 3 is inf");
}

Test(model_files, files_that_are_not_there)
{
    shunt_model *model = make("resnet20", NULL);
    cr_expect_eq(shunt_model_load(model, "missing.safetensors"), SHUNT_E_NOT_FOUND);
    expect_message("missing.safetensors", "");
    cr_expect_neq(shunt_model_load(model, "."), SHUNT_OK);
    cr_expect_eq(shunt_model_save(model, "nothing.safetensors"), SHUNT_E_INVALID);
    expect_message("resnet20", "has no weights yet");
    cr_expect_eq(entries(), 0);
    shunt_model_destroy(model);
}

/* ---- What a file says about itself --------------------------------------------------------------------------- */

static const char ten_labels[] =
    "airplane\nautomobile\r\nbird\ncat\n\303\251l\303\251phant\n\"quoted\"\n7\n\nship\ntruck\n\n";

Test(model_files, labels_and_preprocessing_travel_with_the_weights)
{
    shunt_model *from = make_random("resnet20", NULL), *to = make("resnet20", NULL);
    put_bytes("labels.txt", ten_labels, sizeof ten_labels - 1);
    cr_assert_eq(shunt_model_load_labels(from, "labels.txt"), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_str_eq(shunt_model_label(from, 1), "automobile");
    cr_expect_str_eq(shunt_model_label(from, 7), "");
    cr_expect_str_eq(shunt_model_label(from, 9), "truck");
    cr_expect_null(shunt_model_label(from, 10));
    cr_expect_null(shunt_model_label(from, -1));
    shunt_preprocess p = {.resize = 40, .crop = 33, .mean = {0.1f, 0, -1.0f / 3}, .std = {1, 1e-3f, 0.7f}};
    shunt_model_set_preprocess(from, &p);
    cr_assert_eq(shunt_model_save(from, "all.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_load(to, "all.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(from, to);
    for (int64_t i = 0; i < 10; i++) cr_expect_str_eq(shunt_model_label(to, i), shunt_model_label(from, i));
    const shunt_preprocess *q = shunt_model_preprocess(to);
    cr_expect(q->resize == 40 && q->crop == 33);
    cr_expect(!memcmp(q->mean, p.mean, sizeof p.mean) && !memcmp(q->std, p.std, sizeof p.std));

    /* and once more, from mapped weights onto the file that they are mapped from */
    cr_assert_eq(shunt_model_save(to, "all.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_load(to, "all.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(from, to);
    shunt_model_destroy(from);
    shunt_model_destroy(to);
}

Test(model_files, a_file_of_another_network_is_refused)
{
    static const struct {
        const char *saved, *loaded, *reason;
        shunt_model_options from, to;
    } cases[] = {
        {"resnet50", "resnet50", "the file's network is v1, the model v1.5", {.v1 = 1, .classes = 2}, {.classes = 2}},
        {"resnet50", "resnet50", "the file's network is v1.5, the model v1", {.classes = 2}, {.v1 = 1, .classes = 2}},
        {"resnet20", "plain20", "the file is of a resnet20, not of a plain20", {0}, {0}},
        {"resnet20", "resnet20", "shortcuts of option 'B', the model 'A'", {.shortcut = 'B'}, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_model *from = make_random(cases[i].saved, &cases[i].from), *to = make(cases[i].loaded, &cases[i].to);
        cr_assert_eq(shunt_model_save(from, "other.safetensors"), SHUNT_OK, "%s", shunt_last_error());
        cr_expect_eq(shunt_model_load(to, "other.safetensors"), SHUNT_E_INVALID);
        expect_message("other.safetensors: ", cases[i].reason);
        shunt_model_destroy(from);
        shunt_model_destroy(to);
    }
}

Test(model_files, metadata_that_is_wrong_is_refused)
{
    static const struct {
        const char *key, *value, *reason;
    } cases[] = {
        {"labels", "cat", "metadata 'labels' is not JSON"},
        {"labels", "[]", "metadata 'labels' is not a list of 10"},
        {"labels", "{}", "metadata 'labels' is not a list of 10"},
        {"labels", "[1,2,3,4,5,6,7,8,9,0]", "label 0 is not a string"},
        {"labels", "[\"a\",\"\\u001b[2J\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]",
         "label 1 holds a control character"},
        {"preprocess", "[]", "wrong 'resize'"},
        {"preprocess", "{\"resize\":0}", "wrong 'resize'"},
        {"preprocess", "{\"resize\":40,\"crop\":1e3}", "wrong 'crop'"},
        {"preprocess", "{\"resize\":40,\"crop\":99999}", "wrong 'crop'"},
        {"preprocess", "{\"resize\":40,\"crop\":32,\"mean\":[0,0]}", "wrong 'mean'"},
        {"preprocess", "{\"resize\":40,\"crop\":32,\"mean\":[0,0,\"0\"]}", "wrong 'mean'"},
        {"preprocess", "{\"resize\":40,\"crop\":32,\"mean\":[0,0,1e99]}", "wrong 'mean'"},
        {"preprocess", "{\"resize\":40,\"crop\":32,\"mean\":[0,0,0],\"std\":[1,0,1]}", "wrong 'std'"},
        {"preprocess", "{\"crop\":32,\"crop\":32}", "metadata 'preprocess' is not JSON"},
        {"model", "{\"name\":\"resnet20\",\"v1\":false}", "metadata 'model' lacks"},
        {"model", "{\"shortcut\":\"A\"}", "metadata 'model' lacks"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_weights *weights = take_weights("resnet20");
        cr_assert_eq(shunt_weights_set_metadata(weights, cases[i].key, cases[i].value), SHUNT_OK);
        EXPECT_REFUSED(weights, "resnet20", cases[i].reason);
    }
}

/* The key means other things to others. */
Test(model_files, metadata_of_other_producers_does_no_harm)
{
    static const char *const texts[] = {"resnet18", "\"resnet20\"", "{\"name\":\"resnet20\"}", "[1",
                                        "",         "{\"arch\":1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        shunt_weights *weights = take_weights("resnet20");
        cr_assert_eq(shunt_weights_set_metadata(weights, "model", texts[i]), SHUNT_OK);
        cr_assert_eq(shunt_weights_set_metadata(weights, "architecture", "x"), SHUNT_OK);
        cr_assert_eq(shunt_weights_save(weights, "other.safetensors"), SHUNT_OK);
        shunt_weights_destroy(weights);
        shunt_model *model = make("resnet20", NULL);
        cr_expect_eq(shunt_model_load(model, "other.safetensors"), SHUNT_OK, "%s: %s", texts[i], shunt_last_error());
        shunt_model_destroy(model);
    }
}

/* The table in docs/models.md. A file that was saved here tells; others do not. */
Test(model_files, networks_of_the_same_tensors_are_named)
{
    static const struct {
        const char *name, *others; /* NULL: none looks alike */
    } nets[] = {{"resnet18", "resnetblur18 has the same tensors"},
                {"resnet50", "resnetblur50, resnetaa50 and v1 have the same tensors"},
                {"resnet152", "v1 has the same tensors"},
                {"cifar-resnet18", "cifar-pooled18 has the same tensors"},
                {"cifar-pooled50", "cifar-bottleneck50 and v1 have the same tensors"},
                {"resnet34", NULL},
                {"resnet20", NULL},
                {"cnn", NULL}};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        shunt_model *model = make_random(nets[i].name, NULL);
        cr_assert_eq(shunt_weights_save(model->weights, "bare"), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(shunt_model_save(model, "told"), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(shunt_model_load(model, "bare"), SHUNT_OK, "%s", shunt_last_error());
        const char *assumed = shunt_model_assumption(model);
        cr_expect(nets[i].others ? assumed && strstr(assumed, nets[i].others) : !assumed, "%s: %s", nets[i].name,
                  assumed ? assumed : "nothing");
        cr_assert_eq(shunt_model_load(model, "told"), SHUNT_OK, "%s", shunt_last_error());
        cr_expect_null(shunt_model_assumption(model));
        shunt_model_destroy(model);
    }
}

Test(model_files, label_files_that_are_wrong_are_refused)
{
    static const struct {
        const char *text, *reason;
        size_t size;
    } cases[] = {
        {"one\ntwo\n", "2 labels for 10 classes", 8},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11", "11 labels for 10 classes", 23},
        {"1\n2\n3\n4\n5\n6\n7\n8\n9\n1\0", "holds a zero byte", 20},
        {"1\n2\n3\n4\n\033[2J\n6\n7\n8\n9\n10", "label 4 holds a control character", 23},
        {"1\n2\n3\n4\n\xff\n6\n7\n8\n9\n10", "label 4 is not UTF-8", 20},
        {"1\n2\n3\n4\n\xc2\x9b\n6\n7\n8\n9\n10", "label 4 holds a control character", 21},
        {"\n\n\n", "0 labels for 10 classes", 3},
    };
    shunt_model *model = make("resnet20", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_bytes("labels.txt", cases[i].text, cases[i].size);
        cr_expect_eq(shunt_model_load_labels(model, "labels.txt"), SHUNT_E_INVALID, "%zu", i);
        expect_message("labels.txt: ", cases[i].reason);
    }
    cr_expect_eq(shunt_model_load_labels(model, "missing.txt"), SHUNT_E_NOT_FOUND);
    cr_expect_null(shunt_model_label(model, 0));
    shunt_model_destroy(model);
}
