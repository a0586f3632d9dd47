/* model_files.c - weight files of every origin into a model: addresses, names, and tensors that do not fit. */
#include "runtime/graph/graph.h"
#include "runtime/weights/weights.h"
#include "tests/support/model_setup.h"

#include <float.h>
#include <math.h>

TestSuite(model_files, .init = enter_folder, .fini = leave_folder);

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

static void expect_loads(const char *name, const shunt_model_options *options, rename_fn rename)
{
    shunt_model *from = make_random_model(name, options), *to = make_model(name, options);
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
    shunt_model *model = make_model("resnet8", NULL);
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
    shunt_model *model = make_random_model("resnet8", NULL);
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
    cr_expect_eq(names_canonical(NULL, theirs, name, sizeof name), ours != NULL, "%s", theirs);
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
    cr_expect(names_canonical(NULL, "resnet.encoder.stages.3.layers.2.layer.2.convolution.weight", tiny, sizeof tiny));
    cr_expect_str_eq(tiny, "layer4.");
}

/* ---- What does not fit --------------------------------------------------------------------------------------- */

static void set(shunt_weights *weights, const char *name, uint32_t rank, const int64_t *dims)
{
    shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = (uint8_t)rank, .block = SHUNT_PLAIN};
    for (uint32_t i = 0; i < rank; i++) desc.dims[i] = dims[i];
    float *zeros = calloc(shunt_tensor_count(&desc) + 1, sizeof *zeros);
    cr_assert_eq(shunt_weights_set(weights, name, &desc, zeros), SHUNT_OK, "%s", shunt_last_error());
    free(zeros);
}

static void without_some(const char *name, char *out)
{
    strcpy(out, !strcmp(name, "bn1.weight") || !strcmp(name, "layer3.2.conv2.weight") ? "" : name);
}

Test(model_files, all_that_is_wrong_is_in_one_message)
{
    shunt_model *model = make_random_model("resnet20", NULL);
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
    shunt_model *model = make_model("resnet20", NULL);
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
    shunt_model *from = make_random_model("resnet20", NULL), *to = make_model("resnet20", NULL);
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
    shunt_model *model = make_model("resnet20", NULL);
    cr_expect_eq(shunt_model_load(model, "missing.safetensors"), SHUNT_E_NOT_FOUND);
    expect_message("missing.safetensors", "");
    cr_expect_neq(shunt_model_load(model, "."), SHUNT_OK);
    cr_expect_eq(shunt_model_save(model, "nothing.safetensors"), SHUNT_E_INVALID);
    expect_message("resnet20", "has no weights yet");
    cr_expect_eq(entries(), 0);
    shunt_model_destroy(model);
}
