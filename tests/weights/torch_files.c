/* PyTorch's files: those that PyTorch itself wrote give the tensors that it reads from them (tests/golden/torch_files.py),
 * and one that is cut off or has a byte changed does no harm. Those made by hand: torch_pickles.c. */
#include "tests/support/weight_file.h"

#include <math.h>

TestSuite(torch_files, .init = enter_folder, .fini = leave_folder);

#define FOLDER TEST_GOLDEN "/torch/"

static file_mapping map_golden(const char *name)
{
    file_mapping file;
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s", name);
    cr_assert_eq(file_map(path, 0, &file), SHUNT_OK, "%s", shunt_last_error());
    return file;
}

/* ---- What PyTorch wrote ---------------------------------------------------------------------------------------- */

/* Element i as a double, by the dtype's definition. */
static double element(const shunt_tensor_view *view, size_t i)
{
    union {
        float f32;
        double f64;
        int64_t i64;
        int32_t i32;
        int16_t i16;
        int8_t i8;
        uint8_t u8;
        uint16_t bits;
    } number = {0};
    const size_t bytes = shunt_tensor_bytes(&view->desc) / shunt_tensor_count(&view->desc);
    memcpy(&number, (const uint8_t *)view->data + i * bytes, bytes);
    switch (view->desc.dtype) {
    case SHUNT_F32:
        return (double)number.f32;
    case SHUNT_F64:
        return number.f64;
    case SHUNT_I64:
        return (double)number.i64;
    case SHUNT_I32:
        return number.i32;
    case SHUNT_I16:
        return number.i16;
    case SHUNT_I8:
        return number.i8;
    case SHUNT_U8:
    case SHUNT_BOOL:
        return number.u8;
    default:
        break;
    }
    uint16_t bits = number.bits;
    bool half = view->desc.dtype == SHUNT_F16;
    int exponent = half ? bits >> 10 & 31 : bits >> 7 & 255, bias = half ? 15 : 127;
    double fraction = half ? (bits & 1023) / 1024.0 : (bits & 127) / 128.0;
    if (exponent == (half ? 31 : 255)) return INFINITY;
    double size = exponent ? ldexp(1 + fraction, exponent - bias) : ldexp(fraction, 1 - bias);
    return bits & 0x8000 ? -size : size;
}

static void expect_tensor(const char *file, const shunt_weights *weights, const char *name, const json_t *expected)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, name);
    if (!view) cr_assert_fail("%s has no %s", file, name);
    cr_assert_str_eq(shunt_dtype_name(view->desc.dtype), json_string_value(json_object_get(expected, "dtype")),
                     "%s: %s", file, name);
    const json_t *shape = json_object_get(expected, "shape"), *values = json_object_get(expected, "values");
    cr_assert_eq(view->desc.rank, json_array_size(shape), "%s: %s", file, name);
    for (size_t i = 0; i < view->desc.rank; i++)
        cr_assert_eq(view->desc.dims[i], json_integer_value(json_array_get(shape, i)), "%s: %s", file, name);
    cr_assert_eq(shunt_tensor_count(&view->desc), json_array_size(values));
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        double wanted = json_is_string(value) ? INFINITY : json_number_value(value), found = element(view, i);
        if (found != wanted) cr_assert_fail("%s: %s[%zu] is %.17g, expected %.17g", file, name, i, found, wanted);
    }
}

static json_t *load_expected(void)
{
    json_t *all = json_load_file(FOLDER "files.json", 0, NULL);
    cr_assert(all);
    return all;
}

static void expect_file(const char *path, const char *name, const json_t *tensors)
{
    shunt_weights *weights = open_good(path);
    cr_assert_eq(shunt_weights_count(weights), json_object_size(tensors), "%s", name);
    const char *tensor;
    json_t *expected;
    json_object_foreach((json_t *)(uintptr_t)tensors, tensor, expected) expect_tensor(name, weights, tensor, expected);
    shunt_weights_destroy(weights);
}

Test(torch_files, what_pytorch_wrote)
{
    json_t *all = load_expected(), *tensors;
    const char *name;
    json_object_foreach(all, name, tensors)
    {
        char path[512];
        snprintf(path, sizeof path, FOLDER "%s", name);
        expect_file(path, name, tensors);
    }
    cr_assert_eq(json_object_size(all), 12);
    json_decref(all);
}

Test(torch_files, where_they_are_from)
{
    shunt_weights *weights = open_good(FOLDER "zip.pth");
    cr_assert_str_eq(shunt_weights_format(weights), "PyTorch (zip)");
    cr_assert_str_eq(shunt_weights_producer(weights), "PyTorch, archive version 3");
    shunt_weights_destroy(weights);
    weights = open_good(FOLDER "legacy.pth");
    cr_assert_str_eq(shunt_weights_format(weights), "PyTorch (legacy)");
    cr_assert_str_eq(shunt_weights_producer(weights), "PyTorch");
    cr_expect_null(shunt_weights_metadata(weights, "architecture"));
    shunt_weights_destroy(weights);
    weights = open_good(FOLDER "beside.pth"); /* as PyTorch's script for ImageNet writes it */
    cr_expect_str_eq(shunt_weights_metadata(weights, "architecture"), "resnet20");
    shunt_weights_destroy(weights);
}

static char logged[512];

static void note(void *context, int level, const char *message)
{
    (void)context;
    if (level == SHUNT_LOG_WARN) snprintf(logged, sizeof logged, "%s", message);
}

/* An averaged copy is as good a network as the one that is read, so the user is told which one it is. */
Test(torch_files, a_second_network_is_named)
{
    static const char *const one[] = {"beside.pth", "two.pth", "average.pth"};
    shunt_set_log_handler(note, NULL);
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) {
        char path[512];
        snprintf(path, sizeof path, FOLDER "%s", one[i]);
        shunt_weights_destroy(open_good(path));
        cr_expect_str_empty(logged, "%s: %s", one[i], logged);
    }
    shunt_weights_destroy(open_good(FOLDER "ema.pth"));
    cr_expect(strstr(logged, "ema.pth: ") &&
                  strstr(logged, "the one under \"state_dict\" is read, not \"state_dict_ema\""),
              "%s", logged);
    shunt_set_log_handler(NULL, NULL);
}

/* Nothing is copied that lies row by row, at whatever address: the two views of one storage overlap in the file. */
Test(torch_files, tensors_stay_in_the_file)
{
    static const char *const files[] = {FOLDER "zip.pth", FOLDER "legacy.pth"};
    unsigned odd = 0;
    for (size_t i = 0; i < 2; i++) {
        shunt_weights *weights = open_good(files[i]);
        const uint8_t *shared = shunt_weights_find(weights, "shared")->data,
                      *last = shunt_weights_find(weights, "last")->data,
                      *plain = shunt_weights_find(weights, "plain")->data;
        cr_assert(weights_maps(weights, shared) && weights_maps(weights, plain));
        cr_assert_eq(last - shared, (23 - 2) * sizeof(float));
        odd += (uintptr_t)plain % sizeof(float) != 0;
        shunt_weights_destroy(weights);
    }
    cr_assert_eq(odd, 1, "the legacy file begins its numbers at no multiple of 4");
}

/* Tensors of other kinds do not affect the others. */
Test(torch_files, odd_tensors)
{
    shunt_weights *weights = open_good(FOLDER "odd.pth");
    cr_assert_eq(shunt_weights_count(weights), 1);
    cr_assert(strstr(shunt_weights_unusable(weights, "sparse"), "sparse"));
    cr_assert(strstr(shunt_weights_unusable(weights, "quantized"), "quantized"));
    cr_assert_str_eq(shunt_weights_unusable(weights, "complex"), "elements of ComplexFloatStorage are not supported");
    cr_assert_str_eq(shunt_weights_unusable(weights, "rank7"), "rank 7 is not supported, at most 6");
    shunt_weights_destroy(weights);
}

Test(torch_files, what_is_not_weights)
{
    expect_refused(FOLDER "module.pth", SHUNT_E_UNSUPPORTED, "in Python, save model.state_dict()");
    expect_refused(FOLDER "script.pth", SHUNT_E_UNSUPPORTED, "a TorchScript archive");
    expect_refused(FOLDER "compressed.pth", SHUNT_E_INVALID, "is compressed; expected it stored");
    put_bytes("f", "\x80\2K\1.", 5);
    expect_refused("f", SHUNT_E_UNSUPPORTED, "a Python pickle, but not one that torch.save wrote");
    uint8_t tar[1024] = "sys_info";
    memcpy(tar + 257, "ustar", 5);
    put_bytes("f", tar, sizeof tar);
    expect_refused("f", SHUNT_E_UNSUPPORTED, "looks like a tar file");
}

/* ---- Whole files, damaged ---------------------------------------------------------------------------------------- */

/* A file that is cut off anywhere is refused. (A zip file whose end is found again in the rest would not be; there is none here.) */
static void expect_all_cuts_refused(const char *name)
{
    file_mapping file = map_golden(name);
    for (size_t size = 0; size < file.size; size++) {
        shunt_weights *weights;
        put_bytes("f", file.data, size);
        if (!shunt_weights_open("f", &weights)) cr_assert_fail("%s is accepted when cut to %zu", name, size);
        expect_message("f", "");
    }
    file_unmap(&file);
}

Test(torch_files, cut_off_at_every_byte)
{
    expect_all_cuts_refused("zip.pth");
    expect_all_cuts_refused("legacy.pth");
    expect_all_cuts_refused("protocol5-legacy.pth");
}

/* Each byte in turn becomes 0, 255, and one more than it is. What is accepted then can be read to the last byte. */
static void expect_no_harm(const char *name)
{
    file_mapping file = map_golden(name);
    uint8_t *bytes = malloc(file.size), sum = 0;
    cr_assert(bytes);
    unsigned accepted = 0, refused = 0;
    for (size_t at = 0; at < 3 * file.size; at++) {
        memcpy(bytes, file.data, file.size);
        bytes[at / 3] = at % 3 == 0 ? 0 : at % 3 == 1 ? 255 : (uint8_t)(bytes[at / 3] + 1);
        put_bytes("f", bytes, file.size);
        shunt_weights *weights;
        const shunt_tensor_view *view;
        if (shunt_weights_open("f", &weights)) {
            refused++;
            expect_message("f", "");
            continue;
        }
        accepted++;
        for (size_t i = 0; (view = shunt_weights_at(weights, i)); i++)
            for (uint64_t k = 0; k < shunt_tensor_bytes(&view->desc); k++) sum += ((const uint8_t *)view->data)[k];
        shunt_weights_destroy(weights);
    }
    cr_assert(accepted > 100 && refused > 100, "%s: %u accepted, %u refused, sum %u", name, accepted, refused, sum);
    free(bytes);
    file_unmap(&file);
}

Test(torch_files, every_byte_changed)
{
    expect_no_harm("protocol4.pth");
    expect_no_harm("nested-legacy.pth");
}
