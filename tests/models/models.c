/* models.c - networks by name: parameters and multiply-adds of the published tables, names and options refused. */
#include "models/model.h"
#include "tests/support/temporary.h"

#include <inttypes.h>

static shunt_graph_cost cost(const char *name, char shortcut, int v1)
{
    shunt_model *model;
    shunt_model_options options = {.shortcut = shortcut, .v1 = v1};
    cr_assert_eq(shunt_model_create(name, &options, &model), SHUNT_OK, "%s", shunt_last_error());
    shunt_graph_cost result = shunt_graph_count(shunt_model_graph(model));
    shunt_model_destroy(model);
    return result;
}

/* The digits as a paper prints them. */
static void expect_cost(const char *name, int v1, uint64_t parameters, double unit, int digits, const char *macs)
{
    shunt_graph_cost c = cost(name, 0, v1);
    char text[32];
    snprintf(text, sizeof text, "%.*f", digits, (double)c.macs / unit);
    cr_expect_eq(c.parameters, parameters, "%s has %" PRIu64 " parameters", name, c.parameters);
    cr_expect_str_eq(text, macs, "%s v1=%d", name, v1);
}

/* Parameters as torchvision counts them; multiply-adds with the stride in the 1x1 (v1) and in the 3x3 (v1.5). */
Test(models, imagenet_nets_cost_what_the_tables_say)
{
    static const struct {
        const char *name, *v1, *v15;
        uint64_t parameters;
    } table[] = {
        {"resnet18", "1.814", "1.814", 11689512},    {"resnet34", "3.664", "3.664", 21797672},
        {"resnet50", "3.858", "4.089", 25557032},    {"resnet101", "7.570", "7.801", 44549160},
        {"resnet152", "11.282", "11.514", 60192808},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        expect_cost(table[i].name, 1, table[i].parameters, 1e9, 3, table[i].v1);
        expect_cost(table[i].name, 0, table[i].parameters, 1e9, 3, table[i].v15);
    }
}

/* The depths of the paper's Table 6, option A; plain nets have the same parameters. */
Test(models, cifar_nets_cost_what_the_tables_say)
{
    static const struct {
        int depth, digits;
        uint64_t parameters;
        const char *mmacs;
    } table[] = {{20, 1, 269722, "40.6"},  {32, 1, 464154, "68.9"},    {44, 1, 658586, "97.2"},
                 {56, 1, 853018, "125.5"}, {110, 1, 1727962, "252.9"}, {1202, 0, 19421274, "2829"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char name[32];
        snprintf(name, sizeof name, "resnet%d", table[i].depth);
        expect_cost(name, 0, table[i].parameters, 1e6, table[i].digits, table[i].mmacs);
        snprintf(name, sizeof name, "plain%d", table[i].depth);
        expect_cost(name, 0, table[i].parameters, 1e6, table[i].digits, table[i].mmacs);
    }
}

/* A projection of C to K channels has C K weights, and its batch norm 2 K. */
/* torchvision's resnet18 with a 3x3 convolution of stride 1 first, no pooling and ten classes has 11,173,962 parameters; the
 * small ones layer by layer. */
Test(models, nets_to_compare_with_cost_what_their_layers_do)
{
    const uint64_t projections = 64 * 128 + 2 * 128 + 128 * 256 + 2 * 256 + 256 * 512 + 2 * 512;
    cr_expect_eq(cost("cifar-resnet18", 0, 0).parameters, 11173962);
    cr_expect_eq(cost("cifar-plain18", 0, 0).parameters, 11173962 - projections);
    uint64_t convs = 3 * 64 + 64 * 128 + 128 * 256, norms = 2 * (64 + 128 + 256);
    cr_expect_eq(cost("cnn", 0, 0).parameters, 9 * convs + norms + 256 * 10 + 10);
    cr_expect_eq(cost("cnn", 0, 0).macs, 9 * (3 * 64 * 1024 + 64 * 128 * 256 + 128 * 256 * 64) + 2560);
    uint64_t blocks = 2 * 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128;
    uint64_t shortcuts = 32 * 64 + 2 * 64 + 64 * 128 + 2 * 128;
    cr_expect_eq(cost("mini-resnet", 0, 0).parameters,
                 9 * (3 * 32 + blocks) + 2 * (32 + 2 * (32 + 64 + 128)) + shortcuts + 128 * 10 + 10);
}

Test(models, shortcut_options_add_their_projections)
{
    uint64_t a = cost("resnet18", 'A', 0).parameters, b = cost("resnet18", 'B', 0).parameters;
    uint64_t c = cost("resnet18", 'C', 0).parameters;
    cr_expect_eq(a, cost("plain18", 0, 0).parameters);
    uint64_t projections = 64 * 128 + 2 * 128 + 128 * 256 + 2 * 256 + 256 * 512 + 2 * 512;
    cr_expect_eq(b - a, projections);
    uint64_t identities = 0;
    for (uint64_t k = 64; k <= 512; k *= 2) identities += (k == 64 ? 2 : 1) * (k * k + 2 * k);
    cr_expect_eq(c - b, identities);
    cr_expect_eq(cost("resnet20", 'B', 0).parameters - cost("resnet20", 'A', 0).parameters,
                 16u * 32 + 2 * 32 + 32 * 64 + 2 * 64);
}

static void expect_net(const char *name, const char *canonical, int64_t classes, int64_t side, size_t ops)
{
    shunt_model *model;
    cr_assert_eq(shunt_model_create(name, NULL, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_str_eq(shunt_model_name(model), canonical);
    cr_expect_eq(shunt_model_classes(model), classes);
    cr_expect_eq(model->net.height, side);
    cr_expect_eq(shunt_model_preprocess(model)->crop, side);
    cr_expect_eq(net_table1(99, &model->net), false);
    size_t blocks = 0;
    for (int i = 0; i < NET_STAGES; i++) blocks += (size_t)model->net.blocks[i];
    cr_expect_eq(blocks, ops);
    cr_expect_null(shunt_model_weights(model));
    cr_expect_null(shunt_model_label(model, 0));
    shunt_model_destroy(model);
}

Test(models, a_depth_that_two_families_share_is_imagenets_unless_said_otherwise)
{
    expect_net("resnet50", "resnet50", 1000, 224, 16);
    expect_net("cifar-resnet50", "cifar-resnet50", 10, 32, 24);
    expect_net("cifar-resnet152", "cifar-resnet152", 10, 32, 75);
    expect_net("cifar-resnet20", "resnet20", 10, 32, 9);
    expect_net("plain50", "plain50", 10, 32, 24); /* there is no plain net with bottlenecks */
    expect_net("plain34", "plain34", 1000, 224, 16);
    expect_net("resnet8", "resnet8", 10, 32, 3);
    expect_net("cifar-resnet18", "cifar-resnet18", 10, 32, 8);
    expect_net("cifar-plain34", "cifar-plain34", 10, 32, 16);
    expect_net("mini-resnet", "mini-resnet", 10, 32, 3);
}

Test(models, the_deepest_net_is_built_in_reasonable_time)
{
    expect_net("resnet9998", "resnet9998", 10, 32, 4998);
}

static void refuse(const char *name, const shunt_model_options *options, shunt_status status, const char *reason)
{
    shunt_model *model = (shunt_model *)&model;
    cr_expect_eq(shunt_model_create(name, options, &model), status, "%s", name);
    cr_expect_null(model);
    expect_message("", reason);
}

Test(models, names_that_are_none_list_what_there_is)
{
    static const char *const names[] = {"",
                                        "resnet",
                                        "resnet5 0",
                                        "resnet050",
                                        "resnet-50",
                                        "vgg16",
                                        "resnet19",
                                        "resnet2",
                                        "plain101x",
                                        "cifar-resnet101",
                                        "cifar-",
                                        "cifar-cifar-resnet20",
                                        "resnet10004",
                                        "resnet99999999999999999999",
                                        "resnet+8",
                                        "resnet50 ",
                                        "resnext50",
                                        "cifar-resnext50_32x4d",
                                        "resnet20d",
                                        "d",
                                        "cifar-bottleneck18",
                                        "pooled18"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        refuse(names[i], NULL, SHUNT_E_NOT_FOUND,
               "there are resnet18, resnet34, resnet50, resnet101, resnet152, plain18");
        expect_message(names[i], "CIFAR's are cifar-resnet50");
    }
    refuse("resnet10004", NULL, SHUNT_E_NOT_FOUND, "up to 10000");
    refuse(NULL, NULL, SHUNT_E_INVALID, "no model is named");
    size_t families = 0;
    for (const char *name; (name = shunt_model_family(families)); families++) {
        shunt_model *model;
        if (strstr(name, "6n+2")) continue;
        cr_expect_eq(shunt_model_create(name, NULL, &model), SHUNT_OK, "%s: %s", name, shunt_last_error());
        cr_expect_str_eq(shunt_model_name(model), name);
        shunt_model_destroy(model);
    }
    cr_expect_geq(families, 15u);
}

Test(models, options_out_of_range_are_refused)
{
    refuse("resnet18", &(shunt_model_options){.classes = -1}, SHUNT_E_INVALID, "number of classes is -1; give 1 to");
    refuse("resnet18", &(shunt_model_options){.classes = INT64_MAX}, SHUNT_E_INVALID, "number of classes is");
    refuse("resnet18", &(shunt_model_options){.height = -5}, SHUNT_E_INVALID, "height is -5");
    refuse("resnet18", &(shunt_model_options){.width = 1 << 20}, SHUNT_E_INVALID, "width is 1048576");
    refuse("resnet18", &(shunt_model_options){.shortcut = 'D'}, SHUNT_E_INVALID, "shortcut is 'D'; give A, B or C");
    refuse("plain18", &(shunt_model_options){.shortcut = 'B'}, SHUNT_E_INVALID, "a plain net has no shortcuts");
}

Test(models, any_size_and_any_number_of_classes)
{
    shunt_model *model;
    shunt_model_options options = {.classes = 3, .height = 1, .width = 77, .shortcut = 'C', .v1 = 1};
    cr_assert_eq(shunt_model_create("resnet101", &options, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(shunt_model_classes(model), 3);
    shunt_model_destroy(model);
    options = (shunt_model_options){.height = 448, .width = 448};
    cr_assert_eq(shunt_model_create("resnet18", &options, &model), SHUNT_OK);
    cr_expect_eq(shunt_model_preprocess(model)->crop, 448);
    cr_expect_eq(shunt_model_preprocess(model)->resize, 512);
    shunt_preprocess other = *shunt_model_preprocess(model);
    other.crop = 300;
    shunt_model_set_preprocess(model, &other);
    cr_expect_eq(shunt_model_preprocess(model)->crop, 300);
    shunt_model_destroy(model);
    shunt_model_destroy(NULL);
}
