/* safetensors: what is written is read back, what PyTorch's own tools would write is read, and every hostile file is
 * refused with the reason. The files are built here from a header's text and a number of data bytes. */
#include "tests/support/weight_file.h"

#include <math.h>
#include <sys/stat.h>

TestSuite(safetensors, .init = enter_folder, .fini = leave_folder);

/* A file "f" of this header and `ndata` bytes 0, 1, 2 ...; the length field says `claimed`, unless that is negative. */
static void build(const char *header, size_t ndata, int64_t claimed)
{
    size_t text = strlen(header);
    uint8_t *bytes = malloc(8 + text + ndata);
    cr_assert(bytes);
    uint64_t length = claimed < 0 ? text : (uint64_t)claimed;
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(length >> 8 * i);
    memcpy(bytes + 8, header, text);
    for (size_t i = 0; i < ndata; i++) bytes[8 + text + i] = (uint8_t)i;
    put_bytes("f", bytes, 8 + text + ndata);
    free(bytes);
}

static shunt_tensor_desc make_desc(uint8_t dtype, uint8_t rank, int64_t d0, int64_t d1)
{
    return (shunt_tensor_desc){.dtype = dtype, .rank = rank, .block = SHUNT_PLAIN, .dims = {d0, d1}};
}

Test(safetensors, store)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    cr_assert_eq(shunt_weights_count(weights), 0);
    cr_assert_null(shunt_weights_at(weights, 0));
    float a[6] = {1, 2, 3, 4, 5, 6};
    shunt_tensor_desc matrix = make_desc(SHUNT_F32, 2, 2, 3), vector = make_desc(SHUNT_F32, 1, 2, 0);
    char name[16];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "t%d", i);
        a[0] = (float)i;
        cr_assert_eq(shunt_weights_set(weights, name, &matrix, a), SHUNT_OK);
    }
    cr_assert_eq(shunt_weights_count(weights), 200);
    cr_assert_str_eq(shunt_weights_at(weights, 150)->name, "t150");
    const shunt_tensor_view *view = shunt_weights_find(weights, "t7");
    cr_assert_eq(((const float *)view->data)[0], 7);
    cr_assert_eq(((const float *)view->data)[5], 6);
    cr_assert_neq(view->data, (const void *)a);
    /* Replaced in its place, from its own data too. */
    cr_assert_eq(shunt_weights_set(weights, view->name, &vector, view->data), SHUNT_OK);
    view = shunt_weights_at(weights, 7);
    cr_assert_eq(view->desc.rank, 1);
    cr_assert_eq(((const float *)view->data)[0], 7);
    cr_assert_eq(shunt_weights_count(weights), 200);
    cr_assert_null(shunt_weights_find(weights, "t200"));

    cr_assert_eq(shunt_weights_set_metadata(weights, "labels", "cat"), SHUNT_OK);
    cr_assert_eq(shunt_weights_set_metadata(weights, "labels", "dog"), SHUNT_OK);
    cr_assert_str_eq(shunt_weights_metadata(weights, "labels"), "dog");
    cr_assert_null(shunt_weights_metadata(weights, "none"));
    shunt_weights_destroy(weights);
    shunt_weights_destroy(NULL);
}

Test(safetensors, store_refuses)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    float a[2] = {1, 2};
    shunt_tensor_desc good = make_desc(SHUNT_F32, 1, 2, 0), bad = good;
    cr_assert_eq(shunt_weights_set(weights, "a\nb", &good, a), SHUNT_E_INVALID);
    expect_message("control character", "0x0a at position 1");
    cr_assert_eq(shunt_weights_set(weights, "\xc2\x85", &good, a), SHUNT_E_INVALID);
    expect_message("control character", "0x85");
    cr_assert_eq(shunt_weights_set(weights, "\xff", &good, a), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "UTF-8"));
    cr_assert_eq(shunt_weights_set(weights, "__metadata__", &good, a), SHUNT_E_INVALID);
    bad.dtype = 11;
    cr_assert_eq(shunt_weights_set(weights, "a", &bad, a), SHUNT_E_INVALID);
    expect_message("'a'", "unknown dtype 11");
    bad = make_desc(SHUNT_F32, 1, -1, 0);
    cr_assert_eq(shunt_weights_set(weights, "a", &bad, a), SHUNT_E_INVALID);
    bad = make_desc(SHUNT_F32, 2, INT64_MAX / 2, 8);
    cr_assert_eq(shunt_weights_set(weights, "a", &bad, a), SHUNT_E_INVALID);
    bad = good;
    bad.block = 16;
    cr_assert_eq(shunt_weights_set(weights, "a", &bad, a), SHUNT_E_INVALID);
    expect_message("'a'", "plain");
    cr_assert_eq(shunt_weights_set_metadata(weights, "k", "\xff"), SHUNT_E_INVALID);
    cr_assert_eq(shunt_weights_count(weights), 0);
    shunt_weights_destroy(weights);
}

/* Names that JSON has to escape, all dtypes, ranks 0 to 6, an empty tensor; written, read, compared; written again from
 * the mapped file over itself: the same bytes. */
Test(safetensors, round_trip)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    float f[4] = {1.5f, -0.0f, INFINITY, 1e-45f};
    double d[2] = {M_PI, -1e300};
    int32_t i[1] = {INT32_MIN};
    shunt_tensor_desc scalar = make_desc(SHUNT_I32, 0, 0, 0), six = make_desc(SHUNT_F32, 6, 1, 2);
    for (int k = 2; k < 6; k++) six.dims[k] = k == 3 ? 2 : 1;
    shunt_tensor_desc doubles = make_desc(SHUNT_F64, 2, 2, 1), none = make_desc(SHUNT_F32, 2, 0, 7);
    cr_assert_eq(shunt_weights_set(weights, "z \"quoted\" \\ \xc3\xa9", &six, f), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "scalar", &scalar, i), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "a.doubles", &doubles, d), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "empty", &none, NULL), SHUNT_OK);
    cr_assert_eq(shunt_weights_set_metadata(weights, "labels", "one\ntwo\t\"3\""), SHUNT_OK);
    cr_assert_eq(shunt_weights_set_metadata(weights, "format", "pt"), SHUNT_OK);
    cr_assert_eq(shunt_weights_save(weights, "one"), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(weights);

    weights = open_good("one");
    cr_assert_eq(shunt_weights_count(weights), 4);
    cr_assert_str_eq(shunt_weights_at(weights, 0)->name, "a.doubles"); /* the widest comes first */
    const shunt_tensor_view *view = shunt_weights_find(weights, "z \"quoted\" \\ \xc3\xa9");
    cr_assert(!memcmp(&view->desc, &six, sizeof six));
    cr_assert(!memcmp(view->data, f, sizeof f));
    view = shunt_weights_find(weights, "a.doubles");
    cr_assert(!memcmp(&view->desc, &doubles, sizeof doubles) && !memcmp(view->data, d, sizeof d));
    cr_assert_eq((uintptr_t)view->data % 64, 0);
    view = shunt_weights_find(weights, "scalar");
    cr_assert(!memcmp(&view->desc, &scalar, sizeof scalar) && !memcmp(view->data, i, sizeof i));
    cr_assert(!memcmp(&shunt_weights_find(weights, "empty")->desc, &none, sizeof none));
    cr_assert_str_eq(shunt_weights_metadata(weights, "labels"), "one\ntwo\t\"3\"");

    cr_assert(!system("cp one copy"));
    cr_assert_eq(shunt_weights_save(weights, "one"), SHUNT_OK);
    cr_assert(!memcmp(shunt_weights_find(weights, "a.doubles")->data, d, sizeof d), "the old mapping must stand");
    shunt_weights_destroy(weights);
    cr_assert(!system("cmp one copy"));
}

/* The file itself, byte by byte: the format's rules, metadata first, sorted, padded to 64. */
Test(safetensors, written_bytes)
{
    static const char header[] = "{\"__metadata__\":{\"a\":\"1\",\"b\":\"2\"},"
                                 "\"w\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[8,12]},"
                                 "\"v\":{\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[12,12]}}";
    enum { LENGTH = 256 - 8 }; /* 8 + header, rounded up to 64 */
    uint8_t expected[256 + 12] = {LENGTH};
    memset(expected + 8, ' ', LENGTH);
    memcpy(expected + 8, header, sizeof header - 1);
    memcpy(expected + 256, "\0\0\0\0\0\0\xf0\x3f\0\0\x80\xbf", 12); /* 1.0, -1.0f */

    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    double one = 1;
    float minus = -1;
    shunt_tensor_desc w = make_desc(SHUNT_F64, 1, 1, 0), a = make_desc(SHUNT_F32, 0, 0, 0);
    shunt_tensor_desc v = make_desc(SHUNT_F32, 2, 2, 0);
    cr_assert_eq(shunt_weights_set(weights, "v", &v, NULL), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "a", &a, &minus), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "w", &w, &one), SHUNT_OK);
    cr_assert_eq(shunt_weights_set_metadata(weights, "b", "2"), SHUNT_OK);
    cr_assert_eq(shunt_weights_set_metadata(weights, "a", "1"), SHUNT_OK);
    cr_assert_eq(shunt_weights_save(weights, "f"), SHUNT_OK);
    shunt_weights_destroy(weights);

    uint8_t found[sizeof expected + 1];
    FILE *file = fopen("f", "rb");
    cr_assert(file);
    cr_assert_eq(fread(found, 1, sizeof found, file), sizeof expected);
    fclose(file);
    cr_assert_arr_eq(found, expected, sizeof expected);
}

Test(safetensors, save_to_a_full_disk)
{
    put_bytes("old", "kept", 4);
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    static float zeros[50000];
    shunt_tensor_desc vector = make_desc(SHUNT_F32, 1, 50000, 0);
    cr_assert_eq(shunt_weights_set(weights, "a", &vector, zeros), SHUNT_OK);
    limit_file_size(100000);
    cr_assert_eq(shunt_weights_save(weights, "old"), SHUNT_E_IO);
    limit_file_size(RLIM_INFINITY);
    expect_message("old", "File too large");
    cr_assert_eq(shunt_weights_save(weights, "."), SHUNT_E_INVALID);
    expect_message(".", "is a directory");
    shunt_weights_destroy(weights);
    struct stat info;
    cr_assert(!stat("old", &info) && info.st_size == 4);
    cr_assert_eq(entries(), 1);
}

/* A file as others write them: order of the header not that of the data, padded header, counters, half precision, types
 * that Shunt does not know. */
Test(safetensors, foreign)
{
    build("{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
          "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},\"__metadata__\":{\"format\":\"pt\"},"
          "\"h\":{\"data_offsets\":[16,20],\"shape\":[2,1],\"dtype\":\"F16\"},"
          "\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[8,8]},"
          "\"long\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1],\"data_offsets\":[20,24]},"
          "\"u\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[24,28]}}      ",
          28, -1);
    shunt_weights *weights = open_good("f");
    cr_assert_str_eq(shunt_weights_format(weights), "safetensors");
    cr_assert_null(shunt_weights_producer(weights));
    cr_assert_eq(shunt_weights_count(weights), 4);
    cr_assert_str_eq(shunt_weights_at(weights, 0)->name, "n"); /* in the order of the data */
    cr_assert_eq(shunt_weights_at(weights, 0)->desc.dtype, SHUNT_I64);
    cr_assert_eq(shunt_weights_find(weights, "h")->desc.dtype, SHUNT_F16);
    cr_assert_eq(((const uint8_t *)shunt_weights_find(weights, "h")->data)[3], 19);
    const shunt_tensor_view *b = shunt_weights_find(weights, "b");
    const uint8_t expected[8] = {8, 9, 10, 11, 12, 13, 14, 15};
    cr_assert(!memcmp(b->data, expected, 8));
    cr_assert_str_eq(shunt_weights_metadata(weights, "format"), "pt");
    cr_assert_null(shunt_weights_find(weights, "u"));
    cr_assert(strstr(shunt_weights_unusable(weights, "u"), "dtype U32 is not supported"));
    cr_assert(strstr(shunt_weights_unusable(weights, "long"), "rank 7"));
    cr_assert_null(shunt_weights_unusable(weights, "b"));
    /* One that is set by hand is usable. */
    shunt_tensor_desc vector = make_desc(SHUNT_F32, 1, 2, 0);
    cr_assert_eq(shunt_weights_set(weights, "u", &vector, b->data), SHUNT_OK);
    cr_assert_null(shunt_weights_unusable(weights, "u"));
    shunt_weights_destroy(weights);
}

/* Where the header's length leaves tensors at odd addresses, they are used there all the same. */
Test(safetensors, misaligned)
{
    const float expected[] = {513 * 0x1p-24f, 1027 * 0x1p-24f, 1541 * 0x1p-24f,
                              1031 * 0x1p-23f}; /* 0x0201, 0x0403 ... */
    char header[128];
    unsigned odd = 0;
    for (int pad = 0; pad < 2; pad++) {
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[1,9]},"
                 "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}%*s",
                 pad, "");
        build(header, 9, -1);
        shunt_weights *weights = open_good("f");
        const shunt_tensor_view *w = shunt_weights_find(weights, "w");
        cr_assert(weights_maps(weights, w->data));
        odd += (uintptr_t)w->data % 2;
        cr_assert_eq(shunt_weights_convert(weights, SHUNT_F32), SHUNT_OK, "%s", shunt_last_error());
        w = shunt_weights_find(weights, "w");
        cr_assert(!weights_maps(weights, w->data));
        cr_assert_arr_eq(w->data, expected, sizeof expected);
        shunt_weights_destroy(weights);
    }
    cr_assert_eq(odd, 1);
}

Test(safetensors, empty_file_of_no_tensors)
{
    build("{}", 0, -1);
    shunt_weights *weights = open_good("f");
    cr_assert_eq(shunt_weights_count(weights), 0);
    shunt_weights_destroy(weights);
}

/* ---- Hostile files ------------------------------------------------------------------------------------------ */

#define T(dtype, shape, offsets) "{\"t\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                                                                             \
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" first "},"                                             \
    "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" second "}}"

static const struct hostile {
    const char *header;
    size_t ndata;
    int64_t claimed;
    const char *reason;
} hostile[] = {
    /* the header's length */
    {"{}", 0, 3, "header length 3, but only 2 bytes follow"},
    {"{}", 0, 99999999, "header length 99999999, but only 2 bytes"},
    {"{}", 0, 100000001, "header length 100000001 is over the limit of 100000000"},
    {"{}", 0, INT64_MAX, "over the limit"},
    {"{}", 0, 0, "no JSON header at byte 8"},
    {"{}", 0, 1, "no JSON header at byte 8"},
    {" {}", 0, -1, "no JSON header at byte 8"},
    {"[]", 0, -1, "no JSON header at byte 8"},
    /* its JSON */
    {"{", 1, 2, "bad JSON in the header"},
    {"{\"t\"", 0, -1, "bad JSON in the header"},
    {"{}x", 0, -1, "bad JSON in the header at byte 11"},
    {"{}\1\2", 0, -1, "bad JSON in the header"},
    {"{\"\xff\":1}", 0, -1, "unable to decode byte 0xff"},
    {"{\"a\\u0000b\":1}", 0, -1, "\\u0000"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
     "\"t\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}",
     4, -1, "duplicate object key"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[],\"shape\":[1],\"data_offsets\":[0,4]}}", 4, -1, "duplicate object key"},
    {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, -1, "duplicate object key"},
    {T("\"F32\"", "[99999999999999999999]", "[0,4]"), 4, -1, "too big integer"},
    /* metadata */
    {"{\"__metadata__\":[]}", 0, -1, "__metadata__ is not a JSON object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, -1, "__metadata__ 'k' is not a string"},
    {"{\"__metadata__\":{\"k\":{\"x\":\"y\"}}}", 0, -1, "__metadata__ 'k' is not a string"},
    {"{\"__metadata__\":{\"k\\n\":\"v\"}}", 0, -1, "control character (byte 0x0a"},
    /* a tensor's entry */
    {"{\"t\":1}", 0, -1, "'t': its entry is not a JSON object"},
    {"{\"t\\u001b[31m\":1}", 0, -1, "control character (byte 0x1b at position 1)"},
    {"{\"\\u009b31m\":1}", 0, -1, "control character (byte 0x9b"},
    {"{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, -1, "'t': no dtype"},
    {T("4", "[1]", "[0,4]"), 4, -1, "'t': no dtype, or it is not a string"},
    {T("\"F31\"", "[1]", "[0,4]"), 4, -1, "'t': unknown dtype 'F31'"},
    {T("\"f32\"", "[1]", "[0,4]"), 4, -1, "'t': unknown dtype 'f32'"},
    {T("\"F3\\n\"", "[1]", "[0,4]"), 4, -1, "'t': unknown dtype '?'"},
    {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, -1, "'t': no shape"},
    {T("\"F32\"", "{}", "[0,4]"), 4, -1, "'t': no shape, or it is not an array"},
    {T("\"F32\"", "[-1]", "[0,4]"), 4, -1, "'t': shape[0] is not a whole number"},
    {T("\"F32\"", "[-1,-1]", "[0,4]"), 4, -1, "'t': shape[0] is not a whole number"},
    {T("\"F32\"", "[1,1.0]", "[0,4]"), 4, -1, "'t': shape[1] is not a whole number"},
    {T("\"F32\"", "[true]", "[0,4]"), 4, -1, "'t': shape[0] is not a whole number"},
    {T("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, -1, "'t': the shape's product overflows at shape[1]"},
    {T("\"F32\"", "[4611686018427387904]", "[0,0]"), 0, -1, "'t': the shape's product overflows at shape[0]"},
    {T("\"U8\"", "[4611686018427387904,8,0]", "[0,0]"), 0, -1, "overflows at shape[1]"},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, -1, "'t': data_offsets is not a pair"},
    {T("\"F32\"", "[1]", "[0]"), 4, -1, "'t': data_offsets is not a pair"},
    {T("\"F32\"", "[1]", "[0,4,8]"), 4, -1, "'t': data_offsets is not a pair"},
    {T("\"F32\"", "[1]", "[0,4.0]"), 4, -1, "'t': data_offsets is not a pair"},
    {T("\"F32\"", "[1]", "\"0,4\""), 4, -1, "'t': data_offsets is not a pair"},
    {T("\"F32\"", "[1]", "[-4,0]"), 4, -1, "'t': data_offsets [-4, 0] are negative"},
    {T("\"F32\"", "[1]", "[4,0]"), 4, -1, "'t': data_offsets [4, 0] are negative or reversed"},
    {T("\"F32\"", "[1]", "[0,4]"), 3, -1, "'t': ends at byte 4 of the data, which has only 3"},
    {T("\"F32\"", "[2305843009213693951]", "[0,9223372036854775804]"), 4, -1, "ends at byte 9223372036854775804"},
    {T("\"F32\"", "[2]", "[0,4]"), 4, -1, "'t': shape and dtype F32 need 8 bytes, data_offsets give 4"},
    {T("\"BF16\"", "[1]", "[0,4]"), 4, -1, "'t': shape and dtype BF16 need 2 bytes, data_offsets give 4"},
    {T("\"F32\"", "[]", "[0,0]"), 0, -1, "need 4 bytes, data_offsets give 0"},
    /* the tiling */
    {T("\"F32\"", "[1]", "[0,4]"), 5, -1, "1 bytes follow the last tensor"},
    {"{}", 8, 2, "8 bytes follow the last tensor, expected none"},
    {T("\"F32\"", "[1]", "[4,8]"), 8, -1, "'t' starts at byte 4 of the data, expected 0: tensors leave a gap"},
    {TWO("[0,4]", "[0,4]"), 4, -1, "'b' starts at byte 0 of the data, expected 4: tensors overlap"},
    {TWO("[0,4]", "[2,6]"), 6, -1, "'b' starts at byte 2 of the data, expected 4: tensors overlap"},
    {TWO("[8,12]", "[0,4]"), 12, -1, "'a' starts at byte 8 of the data, expected 4: tensors leave a gap"},
    {TWO("[4,8]", "[0,4]"), 9, -1, "1 bytes follow the last tensor"},
};

Test(safetensors, hostile)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        build(hostile[i].header, hostile[i].ndata, hostile[i].claimed);
        shunt_weights *weights = (shunt_weights *)&i;
        cr_assert_eq(shunt_weights_open("f", &weights), SHUNT_E_INVALID, "accepted: %s", hostile[i].header);
        cr_assert_null(weights);
        expect_message("f: ", hostile[i].reason);
    }
}

/* Nesting must not reach the stack's end, nor many small values the memory's. */
Test(safetensors, hostile_by_size)
{
    enum { N = 2000000 };
    char *text = malloc(N + 8);
    cr_assert(text);
    strcpy(text, "{\"t\":");
    memset(text + 5, '[', N);
    text[N + 5] = '\0';
    build(text, 0, -1);
    expect_refused("f", SHUNT_E_INVALID, "more and smaller values");
    text[200000] = '\0';
    build(text, 0, -1);
    expect_refused("f", SHUNT_E_INVALID, "bad JSON");
    /* A name of a megabyte must not push the reason out of the message. */
    strcpy(text, "{\"");
    memset(text + 2, 'n', 1000000);
    strcpy(text + 1000002, "\":{}}");
    build(text, 0, -1);
    expect_refused("f", SHUNT_E_INVALID, "no dtype");
    free(text);
}

Test(safetensors, not_even_safetensors)
{
    static const struct {
        const char *bytes, *reason;
    } other[] = {
        {"\x89HDF\r\n\x1a\n...", "HDF5"},      {"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"},
        {"<!DOCTYPE html>", "web page"},       {"\xff\xd8\xff\xe0.......", "a picture"},
        {"{\"metadata\": {}}", "a JSON file"},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        put_bytes("f", other[i].bytes, strlen(other[i].bytes));
        expect_refused("f", SHUNT_E_UNSUPPORTED, other[i].reason);
    }
    put_bytes("f", "short", 5);
    expect_refused("f", SHUNT_E_INVALID, "not a safetensors file: 5 bytes");
    put_bytes("f", "plain text, and no weights", 26);
    expect_refused("f", SHUNT_E_INVALID, "not a safetensors file: header length");
    put_bytes("f", "", 0);
    expect_refused("f", SHUNT_E_INVALID, "empty");
    cr_assert(!remove("f"));
    expect_refused("f", SHUNT_E_NOT_FOUND, "No such file");
    cr_assert(!mkdir("f", 0777));
    expect_refused("f", SHUNT_E_NOT_FOUND, "a folder without weights");
}

/* ---- Mutations ---------------------------------------------------------------------------------------------- */

/* Reads every byte of every view, so that a sanitizer sees a view that leaves the file. */
static unsigned sum_all(const shunt_weights *weights)
{
    unsigned sum = 0;
    const shunt_tensor_view *view;
    for (size_t i = 0; (view = shunt_weights_at(weights, i)); i++) {
        uint64_t bytes = shunt_tensor_count(&view->desc) * shunt_dtype_bytes(view->desc.dtype);
        for (uint64_t k = 0; k < bytes; k++) sum += ((const uint8_t *)view->data)[k];
    }
    return sum;
}

/* A file with bytes flipped or cut is read or refused, with a message, and what is read lies inside the file. What is
 * accepted must hold the format's rule: the sizes of all tensors add up to no more than the file. */
Test(safetensors, mutations)
{
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"bc\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[24,32]}}";
    build(header, 32, -1);
    uint8_t original[512], bytes[512];
    FILE *file = fopen("f", "rb");
    cr_assert(file);
    size_t size = fread(original, 1, sizeof original, file);
    fclose(file);
    static const char alphabet[] = "\"{}[]:,0123456789-.eE\\ F\0\xff";
    uint32_t state = 12345;
    unsigned accepted = 0, refused = 0;
    for (int round = 0; round < 20000; round++) {
        memcpy(bytes, original, size);
        state = state * 1664525 + 1013904223;
        unsigned flips = 1 + (state >> 28) % 4;
        size_t length = size;
        for (unsigned k = 0; k < flips; k++) {
            state = state * 1664525 + 1013904223;
            size_t at = (state >> 8) % size;
            bytes[at] = state >> 31 ? (uint8_t)alphabet[(state >> 3) % (sizeof alphabet - 1)] : (uint8_t)(state >> 2);
        }
        if (state % 7 == 0) length = 1 + (state >> 12) % size;
        put_bytes("f", bytes, length);
        shunt_weights *weights;
        if (shunt_weights_open("f", &weights)) {
            refused++;
            expect_message("f", "");
            continue;
        }
        accepted++;
        sum_all(weights);
        uint64_t total = 0;
        for (size_t i = 0; i < shunt_weights_count(weights); i++)
            total += shunt_tensor_bytes(&shunt_weights_at(weights, i)->desc);
        if (total > length)
            cr_assert_fail("%s: views of %llu bytes in a file of %zu", bytes + 8, (unsigned long long)total, length);
        shunt_weights_destroy(weights);
    }
    cr_assert(accepted > 100 && refused > 10000, "the mutations miss one side: %u, %u", accepted, refused);
}
