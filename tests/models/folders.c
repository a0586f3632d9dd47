/* folders.c - folders as transformers and timm save models in: weights in pieces, config.json, preprocessor_config.json. The
 * configurations are those of microsoft/resnet-18 and timm/resnet34.a1_in1k, shortened. */
#include "models/nets/net.h"
#include "tests/support/model_setup.h"

#include <sys/stat.h>

TestSuite(folders, .init = enter_folder, .fini = leave_folder);

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

/* The model's tensors in two files, those of even number in the first, and their index. */
static void save_in_pieces(const shunt_model *model, const char *index)
{
    static const char *const names[] = {"m/model-00001-of-00002.safetensors", "m/model-00002-of-00002.safetensors"};
    shunt_weights *parts[2];
    char *map;
    size_t size;
    FILE *text = open_memstream(&map, &size);
    fprintf(text, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
    for (size_t p = 0; p < 2; p++) cr_assert_eq(shunt_weights_create(&parts[p]), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(model->weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(model->weights, i);
        cr_assert_eq(shunt_weights_set(parts[i % 2], view->name, &view->desc, view->data), SHUNT_OK);
        fprintf(text, "%s\"%s\":\"%s\"", i ? "," : "", view->name, names[i % 2] + 2);
    }
    fprintf(text, "}}");
    cr_assert(!fclose(text));
    for (size_t p = 0; p < 2; p++) {
        cr_assert_eq(shunt_weights_save(parts[p], names[p]), SHUNT_OK, "%s", shunt_last_error());
        shunt_weights_destroy(parts[p]);
    }
    put(index, map);
    free(map);
}

static const char transformers[] =
    "{\"architectures\":[\"ResNetForImageClassification\"],\"depths\":[2,2,2,2],\"downsample_in_first_stage\":false,"
    "\"embedding_size\":64,\"hidden_act\":\"relu\",\"hidden_sizes\":[64,128,256,512],"
    "\"id2label\":{\"0\":\"tench\",\"2\":\"shark\",\"1\":\"goldfish\"},\"layer_type\":\"basic\",\"model_type\":"
    "\"resnet\","
    "\"num_channels\":3,\"torch_dtype\":\"float32\"}";

/* 224 / 0.875 = 256 */
Test(folders, as_transformers_saves_them)
{
    const shunt_model_options three = {.classes = 3};
    shunt_model *from = make_random_model("resnet18", &three), *to = make_random_model("resnet18", &three);
    shunt_weights *weights;
    cr_assert(!mkdir("m", 0777));
    save_in_pieces(from, "m/model.safetensors.index.json");
    put("m/config.json", transformers);
    put("m/preprocessor_config.json",
        "{\"crop_pct\":0.875,\"do_normalize\":true,\"do_resize\":true,\"feature_extractor_type\":"
        "\"ConvNextFeatureExtractor\",\"image_mean\":[0.5,0.25,0.125],\"image_std\":[0.25,0.5,1],\"resample\":3,"
        "\"size\":224}");
    cr_assert_eq(shunt_model_load(to, "m"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(from, to);
    cr_expect_str_eq(shunt_model_label(to, 1), "goldfish");
    cr_expect_str_eq(shunt_model_label(to, 2), "shark");
    const shunt_preprocess *p = shunt_model_preprocess(to);
    cr_expect(p->resize == 256 && p->crop == 224 && p->filter == SHUNT_BICUBIC && p->mean[1] == 0.25f &&
              p->std[2] == 1);
    cr_assert_eq(shunt_weights_open("m", &weights), SHUNT_OK);
    cr_expect_str_eq(shunt_weights_metadata(weights, "model"),
                     "{\"name\":\"resnet18\",\"classes\":3,\"shortcut\":\"B\",\"v1\":false}");
    shunt_weights_destroy(weights);
    cr_assert_eq(shunt_model_load(to, "m/model.safetensors.index.json"), SHUNT_OK, "%s", shunt_last_error());
    shunt_model_destroy(from);
    shunt_model_destroy(to);
}

static void expect_network(const char *config, const char *model)
{
    shunt_weights *weights;
    put("m/config.json", config);
    cr_assert_eq(shunt_weights_open("m/", &weights), SHUNT_OK, "%s", shunt_last_error());
    const char *got = shunt_weights_metadata(weights, "model");
    if (model)
        cr_expect_str_eq(got, model);
    else
        cr_expect_null(got, "%s", got);
    shunt_weights_destroy(weights);
}

/* downsample_in_bottleneck is the paper's place of the stride; other widths or activations are other networks. */
Test(folders, which_network_it_is)
{
    shunt_model *from = make_random_model("resnet8", NULL);
    cr_assert(!mkdir("m", 0777));
    cr_assert_eq(shunt_weights_save(from->weights, "m/model.safetensors"), SHUNT_OK);
    shunt_model_destroy(from);
#define RESNET(more) "{\"model_type\":\"resnet\",\"depths\":[3,4,6,3],\"hidden_sizes\":[256,512,1024,2048]," more "}"
    expect_network(RESNET("\"layer_type\":\"bottleneck\",\"downsample_in_bottleneck\":true,\"num_labels\":7"),
                   "{\"name\":\"resnet50\",\"classes\":7,\"shortcut\":\"B\",\"v1\":true}");
    expect_network(RESNET("\"layer_type\":\"bottleneck\""),
                   "{\"name\":\"resnet50\",\"classes\":1000,\"shortcut\":\"B\",\"v1\":false}");
    expect_network(RESNET("\"layer_type\":\"bottleneck\",\"hidden_act\":\"gelu\""), NULL);
    expect_network(RESNET("\"layer_type\":\"basic\""), NULL);
    expect_network("{\"model_type\":\"vit\"}", NULL);
    expect_network("{\"architecture\":\"resnet34\",\"num_classes\":1000,\"num_features\":512}",
                   "{\"name\":\"resnet34\",\"classes\":1000,\"shortcut\":\"B\",\"v1\":false}");
    expect_network("{\"architecture\":\"vit_tiny\",\"num_classes\":1000}", NULL);
}

/* floor(224 / 0.95) = 235 */
Test(folders, as_timm_saves_them)
{
    shunt_model *from = make_random_model("resnet34", NULL), *to = make_random_model("resnet34", NULL);
    cr_assert(!mkdir("m", 0777));
    cr_assert_eq(shunt_weights_save(from->weights, "m/model.safetensors"), SHUNT_OK);
    put("m/config.json",
        "{\"architecture\":\"resnet34\",\"num_classes\":1000,\"pretrained_cfg\":{\"input_size\":[3,224,224],"
        "\"interpolation\":\"bicubic\",\"crop_pct\":0.95,\"crop_mode\":\"center\",\"mean\":[0.485,0.456,"
        "0.406],\"std\":[0.229,0.224,0.225],\"classifier\":\"fc\"}}");
    cr_assert_eq(shunt_model_load(to, "m"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(from, to);
    const shunt_preprocess *p = shunt_model_preprocess(to);
    cr_expect(p->resize == 235 && p->crop == 224 && p->filter == SHUNT_BICUBIC && p->std[0] == 0.229f);
    shunt_model_destroy(from);
    shunt_model_destroy(to);
}

static void expect_refused(const char *path, shunt_status status, const char *words)
{
    shunt_weights *weights;
    cr_expect_eq(shunt_weights_open(path, &weights), status, "%s", shunt_last_error());
    expect_message("", words);
    cr_expect_null(weights);
}

Test(folders, that_are_wrong)
{
    cr_assert(!mkdir("m", 0777));
    expect_refused("m", SHUNT_E_NOT_FOUND, "m: a folder without weights");
    shunt_model *from = make_random_model("resnet8", NULL);
    save_in_pieces(from, "m/model.safetensors.index.json");
    shunt_model_destroy(from);
    put("m/config.json", "[]");
    expect_refused("m", SHUNT_E_INVALID, "m/config.json: not a JSON object");
    cr_assert(!remove("m/config.json"));
    cr_assert(!remove("m/model-00002-of-00002.safetensors"));
    expect_refused("m", SHUNT_E_NOT_FOUND, "m/model-00002-of-00002.safetensors");
    put("m/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\"}}");
    expect_refused("m", SHUNT_E_INVALID, "tensor 'a' is not in model-00001-of-00002.safetensors");
    put("m/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"../m/model-00001-of-00002.safetensors\"}}");
    expect_refused("m", SHUNT_E_INVALID, "has to name files beside it");
    put("m/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}");
    expect_refused("m", SHUNT_E_INVALID, "an index, where weights have to be");
    put("m/model.safetensors.index.json", "{\"weight_map\":[]}");
    expect_refused("m", SHUNT_E_INVALID, "its 'weight_map' is not an object");
    put("m/model.safetensors.index.json", "{\"weight_map\":");
    expect_refused("m", SHUNT_E_INVALID, "bad JSON");
}

/* What people take for weights. */
Test(folders, files_of_others_are_named)
{
    static const struct {
        const char *bytes, *words;
        size_t size;
    } cases[] = {{"\x1c\0\0\0TFL3\x14\0\x20\0", "a TensorFlow Lite file", 12},
                 {"\x0a\x1f\x0a\x05input\x12\x0bPlaceholder*\x0b", "a graph of TensorFlow's", 24},
                 {"\x93NUMPY\1\0v\0{}", "an array of NumPy's", 12},
                 {"7767517\n75 83\n", "an ncnn network", 14},
                 {"<?xml version=\"1.0\"?><net name=\"m\">", "an XML file, such as OpenVINO's", 36},
                 {"\x28\xb5\x2f\xfd....", "a zstd file", 8},
                 {"\x89HDF\r\n\x1a\n....", "an HDF5 (Keras) file", 12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_bytes("f", cases[i].bytes, cases[i].size);
        expect_refused("f", SHUNT_E_UNSUPPORTED, cases[i].words);
    }
}
