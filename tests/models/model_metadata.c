/* model_metadata.c - what a weight file says about itself: labels, preprocessing, its network; and label files. */
#include "tests/support/model_setup.h"

TestSuite(model_metadata, .init = enter_folder, .fini = leave_folder);

static const char ten_labels[] =
    "airplane\nautomobile\r\nbird\ncat\n\303\251l\303\251phant\n\"quoted\"\n7\n\nship\ntruck\n\n";

Test(model_metadata, labels_and_preprocessing_travel_with_the_weights)
{
    shunt_model *from = make_random_model("resnet20", NULL), *to = make_model("resnet20", NULL);
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

Test(model_metadata, a_file_of_another_network_is_refused)
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
        shunt_model *from = make_random_model(cases[i].saved, &cases[i].from),
                    *to = make_model(cases[i].loaded, &cases[i].to);
        cr_assert_eq(shunt_model_save(from, "other.safetensors"), SHUNT_OK, "%s", shunt_last_error());
        cr_expect_eq(shunt_model_load(to, "other.safetensors"), SHUNT_E_INVALID);
        expect_message("other.safetensors: ", cases[i].reason);
        shunt_model_destroy(from);
        shunt_model_destroy(to);
    }
}

Test(model_metadata, metadata_that_is_wrong_is_refused)
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
Test(model_metadata, metadata_of_other_producers_does_no_harm)
{
    static const char *const texts[] = {"resnet18", "\"resnet20\"", "{\"name\":\"resnet20\"}", "[1",
                                        "",         "{\"arch\":1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        shunt_weights *weights = take_weights("resnet20");
        cr_assert_eq(shunt_weights_set_metadata(weights, "model", texts[i]), SHUNT_OK);
        cr_assert_eq(shunt_weights_set_metadata(weights, "architecture", "x"), SHUNT_OK);
        cr_assert_eq(shunt_weights_save(weights, "other.safetensors"), SHUNT_OK);
        shunt_weights_destroy(weights);
        shunt_model *model = make_model("resnet20", NULL);
        cr_expect_eq(shunt_model_load(model, "other.safetensors"), SHUNT_OK, "%s: %s", texts[i], shunt_last_error());
        shunt_model_destroy(model);
    }
}

/* The table in docs/models.md. A file that was saved here tells; others do not. */
Test(model_metadata, networks_of_the_same_tensors_are_named)
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
        shunt_model *model = make_random_model(nets[i].name, NULL);
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

/* Where tensors cannot tell, a name counts: timm's key, the `arch` of checkpoints, a bare name. */
Test(model_metadata, other_producers_name_their_network)
{
    static const struct {
        const char *model, *key, *name, *assumed; /* "": nothing; NULL: refused */
    } cases[] = {
        {"resnet18", "architecture", "resnet18", ""},
        {"resnet18", "architecture", "resnetblur18", NULL},
        {"resnetblur18", "architecture", "resnet18", NULL},
        {"resnet18", "model", "resnetblur18", NULL},
        {"cifar-pooled18", "architecture", "cifar-resnet18", NULL},
        {"resnet50", "architecture", "resnetaa50", NULL},
        {"resnet50", "architecture", "resnet50",
         "which of two networks it is: taken as resnet50 v1.5; v1 has the same"},
        {"cifar-resnet18", "architecture", "resnet18", "cifar-pooled18 has the same"}, /* kuangliu's says so, too */
        {"resnet18", "architecture", "mine18", "resnetblur18 has the same"},
        {"resnet18", "architecture", "", "resnetblur18 has the same"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_weights *weights = take_weights(cases[i].model);
        cr_assert_eq(shunt_weights_set_metadata(weights, cases[i].key, cases[i].name), SHUNT_OK);
        cr_assert_eq(shunt_weights_save(weights, "named.safetensors"), SHUNT_OK);
        shunt_weights_destroy(weights);
        shunt_model *model = make_model(cases[i].model, NULL), *opened = NULL;
        const shunt_status status = shunt_model_load(model, "named.safetensors");
        cr_expect_eq(status, cases[i].assumed ? SHUNT_OK : SHUNT_E_INVALID, "%s as %s", cases[i].name, cases[i].model);
        if (cases[i].assumed) {
            const char *assumed = shunt_model_assumption(model);
            cr_expect(*cases[i].assumed ? assumed && strstr(assumed, cases[i].assumed) : !assumed, "%zu: %s", i,
                      assumed);
        } else {
            cr_expect(strstr(shunt_last_error(), cases[i].name), "%s", shunt_last_error());
            cr_expect_eq(shunt_model_open("named.safetensors", NULL, &opened), SHUNT_OK, "%s", shunt_last_error());
            cr_expect_str_eq(shunt_model_name(opened), cases[i].name);
        }
        shunt_model_destroy(opened);
        shunt_model_destroy(model);
    }
}

Test(model_metadata, label_files_that_are_wrong_are_refused)
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
    shunt_model *model = make_model("resnet20", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_bytes("labels.txt", cases[i].text, cases[i].size);
        cr_expect_eq(shunt_model_load_labels(model, "labels.txt"), SHUNT_E_INVALID, "%zu", i);
        expect_message("labels.txt: ", cases[i].reason);
    }
    cr_expect_eq(shunt_model_load_labels(model, "missing.txt"), SHUNT_E_NOT_FOUND);
    cr_expect_null(shunt_model_label(model, 0));
    shunt_model_destroy(model);
}
