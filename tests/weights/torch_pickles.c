/* torch_pickles.c - PyTorch files made by hand: the forms of a state dict, and every hostile pickle refused with the reason. */
#include "tests/support/weight_file.h"

#include <time.h>

TestSuite(torch_pickles, .init = enter_folder, .fini = leave_folder);

/* ---- Pickles, in legacy files ------------------------------------------------------------------------------------- */

/* A pickle under construction. */
typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static void add(bytes *to, const void *data, size_t size)
{
    to->data = realloc(to->data, to->size + size + 1);
    cr_assert(to->data);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

#define ADD(to, literal) add(to, literal, sizeof literal - 1)
#define MAGIC "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define HEADER MAGIC "\x80\2M\xe9\3.\x80\2}."

/* A legacy file "f" of this object, and what follows it. */
static void put_object(const void *object, size_t size, const void *rest, size_t nrest)
{
    bytes file = {0};
    ADD(&file, HEADER);
    add(&file, object, size);
    add(&file, rest, nrest);
    put_bytes("f", file.data, file.size);
    free(file.data);
}
#define PUT(object, rest) put_object(object, sizeof(object) - 1, rest, sizeof(rest) - 1)

#define GLOBAL(module, name) "c" module "\n" name "\n"
#define KEY "U\1k"
#define ID(count) "(U\7storage" GLOBAL("torch", "FloatStorage") KEY "U\3cpu" count "NtQ"
#define TENSOR(count, offset, size, stride)                                                                            \
    GLOBAL("torch._utils", "_rebuild_tensor") "(" ID(count) offset size stride "tR"
#define DICT(value) "\x80\2}U\1w" value "s."
#define ONE_KEY "\x80\2]" KEY "a."
#define FLOATS                                                                                                         \
    "\4\0\0\0\0\0\0\0"                                                                                                 \
    "\0\0\x80\x3f"                                                                                                     \
    "\0\0\0\x40"                                                                                                       \
    "\0\0\x40\x40"                                                                                                     \
    "\0\0\x80\x40" /* 1, 2, 3, 4 */
#define GOOD_REST ONE_KEY FLOATS

Test(torch_pickles, a_legacy_file_made_by_hand)
{
    static const char good[] = DICT(TENSOR("K\4", "K\1", "K\3\x85", "K\1\x85"));
    PUT(good, GOOD_REST);
    shunt_weights *weights = open_good("f");
    const shunt_tensor_view *view = shunt_weights_find(weights, "w");
    cr_assert(view && view->desc.rank == 1 && view->desc.dims[0] == 3);
    const float expected[] = {2, 3, 4};
    cr_assert_arr_eq(view->data, expected, sizeof expected);
    shunt_weights_destroy(weights);
}

/* Python 2 wrote an OrderedDict as a call with a list of pairs; PyTorch before 0.4 storages that are views of others. */
Test(torch_pickles, as_python_2_wrote_it)
{
    static const char good[] = "\x80\2" GLOBAL("collections", "OrderedDict") "](]U\1wa" GLOBAL(
        "torch._utils", "_rebuild_tensor") "((U\7storage" GLOBAL("torch", "FloatStorage") KEY
        "U\3cpuK\4(U\1vK\1K\2ttQK\0K\2\x85K\1\x85tRae\x85R.";
    PUT(good, GOOD_REST);
    shunt_weights *weights = open_good("f");
    const float expected[] = {2, 3};
    cr_assert_eq(shunt_weights_count(weights), 1);
    cr_assert_arr_eq(shunt_weights_find(weights, "w")->data, expected, sizeof expected);
    shunt_weights_destroy(weights);
}

#define VECTOR TENSOR("K\4", "K\1", "K\3\x85", "K\1\x85")

static void expect_w(void)
{
    shunt_weights *weights = open_good("f");
    cr_assert_eq(shunt_weights_count(weights), 1);
    cr_assert_not_null(shunt_weights_find(weights, "w"));
    shunt_weights_destroy(weights);
}

/* A state dict, {"w": a tensor}, may be under any key if it is the only one; twice the same dictionary is one. What is called
 * model may be a description of it. */
Test(torch_pickles, where_a_state_dict_is_found)
{
    PUT("\x80\2}(U\1a}U\1nK\1sU\1b}U\1w" VECTOR "su.", GOOD_REST);
    expect_w();
    PUT("\x80\2}(U\1a}U\1w" VECTOR "sq\0U\1bh\0u.", GOOD_REST);
    expect_w();
    PUT("\x80\2}(U\5model}U\1nK\1sU\1b}U\1w" VECTOR "su.", GOOD_REST);
    expect_w();
    PUT("\x80\2}(U\5model}U\3net}U\1w" VECTOR "ssU\1b}U\1nK\1su.", GOOD_REST);
    expect_w();
    PUT("\x80\2}(U\1a}U\1v" VECTOR "sU\3net}U\1w" VECTOR "su.", GOOD_REST);
    expect_w();
    PUT("\x80\2}(U\3net}U\1v" VECTOR "sU\5model}U\1w" VECTOR "su.", GOOD_REST);
    expect_w();
    PUT("\x80\2}(U\1a}U\1v" VECTOR "sU\1b}U\1w" VECTOR "su.", GOOD_REST);
    expect_refused("f", SHUNT_E_INVALID, "or the only one under any key");
}

/* Of no elements, in dimensions whose product no integer holds. */
Test(torch_pickles, a_tensor_of_nothing_may_be_wide)
{
#define WIDE "\x8a\6\0\0\0\0\0\1" /* 2^40 */
    PUT(DICT(TENSOR("K\4", "K\0", "K\0" WIDE WIDE "\x87", "K\1" WIDE "K\1\x87")), GOOD_REST);
    shunt_weights *weights = open_good("f");
    const shunt_tensor_view *view = shunt_weights_find(weights, "w");
    cr_assert(view && view->desc.rank == 3 && view->desc.dims[2] == (int64_t)1 << 40 &&
              !shunt_tensor_bytes(&view->desc));
    shunt_weights_destroy(weights);
}

static const struct hostile_pickle {
    const char *object;
    size_t size;
    const char *reason;
} hostile_pickles[] = {
#define ROW(object, reason)                                                                                            \
    {                                                                                                                  \
        object, sizeof(object) - 1, reason                                                                             \
    }
    /* opcodes */
    ROW("\x80\6.", "byte 25: a protocol that is not known"),
    ROW("\x80\2\xff.", "opcode 0xff does not occur"),
    ROW("\x80\2cos\nsystem\n(U\4trueo.", "opcode 0x6f does not occur"), /* OBJ */
    ROW("\x80\2(U\4truei", "opcode 0x69 does not occur"),               /* INST */
    ROW("\x80\2\x82\1.", "opcode 0x82 does not occur"),                 /* EXT1 */
    ROW("\x80\2P0\n.", "opcode 0x50 does not occur"),                   /* PERSID */
    ROW("\x80\2.", "byte 27: a value is missing"),
    ROW("\x80\2"
        "0.",
        "a value is missing"),
    ROW("\x80\2"
        "1.",
        "a mark is missing"),
    ROW("\x80\2(.", "a value is missing"),
    ROW("\x80\2t.", "a mark is missing"),
    ROW("\x80\2N\x86.", "a value is missing"),
    ROW("\x80\2(2.", "a value is missing"),
    ROW("\x80\2}(Nu.", "a key has no value"),
    ROW("\x80\2(Nd.", "a key has no value"),
    ROW("\x80\2]N(Nu.", "a key has no value"),
    ROW("\x80\2N(NNu.", "items for something other than a list"),
    ROW("\x80\2}Na.", "items for something other than a list"),
    ROW("\x80\2(NNs.", "a value is missing"),
    ROW("\x80\2h\5.", "a value is not in the memo"),
    ROW("\x80\2Nq\5h\4.", "a value is not in the memo"),
    ROW("\x80\2j\xff\xff\xff\xff.", "a value is not in the memo"),
    ROW("\x80\2Nr\xff\xff\xff\xff.", "over 524288 values in its memo"),
    ROW("\x80\2q\0.", "a value is missing"),
    ROW("\x80\2(q\0.", "a value is missing"),
    ROW("\x80\2(\x94.", "a value is missing"),
    ROW("\x80\2b.", "a value is missing"),
    ROW("\x80\2Q.", "a value is missing"),
    ROW("\x80\2NR.", "a value is missing"),
    ROW("\x80\2NNR.", "the arguments of a call are not a tuple"),
    ROW("\x80\2K\1K\2\x93.", "the name of a class or function is not text"),
    ROW("\x80\2" GLOBAL("collections", "OrderedDict") "](]Nae\x85R.", "is not a pair of key and value"),
    ROW("\x80\2" GLOBAL("collections", "OrderedDict") "}\x85R.", "an OrderedDict of something other than a list"),
    /* lengths past the end */
    ROW("\x80\2X\xff\xff\xff\xff"
        "abc.",
        "BINUNICODE reaches past the end"),
    ROW("\x80\2\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
        "abc.",
        "BINUNICODE8 reaches past the end"),
    ROW("\x80\2\x8b\xff\xff\xff\xff"
        "abc.",
        "LONG4 reaches past the end"),
    ROW("\x80\2B\xff\xff\xff\x7f"
        "abc.",
        "BINBYTES reaches past the end"),
    /* not a state dict */
    ROW(DICT(GLOBAL("torch._utils", "_rebuild_tensor") "K\1\x85R"), "it lacks a storage"),
    ROW(DICT(GLOBAL("torch._utils", "_rebuild_tensor") "(K\1K\0))tR"), "it is of no storage"),
    ROW("\x80\2N.", "not a state dict"),
    ROW("\x80\2].", "not a state dict"),
    ROW("\x80\2}.", "not a state dict"),
    ROW("\x80\2}U\1aK\1s.", "not a state dict"),
    ROW("\x80\2}q\0U\5modelh\0s.", "not a state dict"), /* a dictionary that holds itself */
    ROW("\x80\2}U\1al(h\0.", "a mark is missing"),
#undef ROW
};

Test(torch_pickles, hostile_pickles)
{
    for (size_t i = 0; i < sizeof hostile_pickles / sizeof *hostile_pickles; i++) {
        put_object(hostile_pickles[i].object, hostile_pickles[i].size, "\x80\2].", 4);
        expect_refused("f", SHUNT_E_INVALID, hostile_pickles[i].reason);
    }
    static const char call[] = "\x80\2" GLOBAL("os", "system") "U\4true\x85R.";
    PUT(call, "\x80\2].");
    expect_refused("f", SHUNT_E_UNSUPPORTED, "holds a Python object, not its weights alone");
}

static const struct hostile_tensor {
    const char *object;
    size_t size;
    const char *reason;
} hostile_tensors[] = {
#define ROW(object, reason)                                                                                            \
    {                                                                                                                  \
        object, sizeof(object) - 1, reason                                                                             \
    }
#define BIG "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f" /* 2^63 - 1 */
#define MINUS "J\xff\xff\xff\xff"
    ROW(DICT(TENSOR("K\4", "K\0", "K\5\x85", "K\1\x85")),
        "reaches element 4 of its storage from its offset on, of which there are 4"),
    ROW(DICT(TENSOR("K\4", "K\1", "K\4\x85", "K\1\x85")),
        "reaches element 3 of its storage from its offset on, of which there are 3"),
    ROW(DICT(TENSOR("K\4", "K\0", "K\2\x85", "K\4\x85")), "reaches element 4"),
    ROW(DICT(TENSOR("K\4", "K\4", ")", ")")),
        "reaches element 0 of its storage from its offset on, of which there are 0"),
    ROW(DICT(TENSOR("K\4", "K\5", ")", ")")), "its offset is not in its storage of 4 elements"),
    ROW(DICT(TENSOR("K\4", MINUS, ")", ")")), "its offset is not in its storage"),
    ROW(DICT(TENSOR("K\4", "N", ")", ")")), "its offset is not in its storage"),
    ROW(DICT(TENSOR("K\4", "K\0", MINUS "\x85", "K\1\x85")), "its size[0] is not a whole number"),
    ROW(DICT(TENSOR("K\4", "K\0", "K\1\x85", MINUS "\x85")), "its stride[0] is not a whole number"),
    ROW(DICT(TENSOR("K\4", "K\0", "U\1a\x85", "K\1\x85")), "its size[0] is not a whole number"),
    ROW(DICT(TENSOR("K\4", "K\0", "N", "K\1\x85")), "its size is not a tuple"),
    ROW(DICT(TENSOR("K\4", "K\0", "K\1\x85", ")")), "1 dimensions and 0 strides"),
    ROW(DICT(TENSOR("K\4", "K\0", BIG "\x85", "K\0\x85")), "its size overflows"),
    ROW(DICT(TENSOR("K\4", "K\0",
                    "J\0\0\0\x40"
                    "J\0\0\0\x40\x86",
                    "K\0K\0\x86")),
        "its size overflows"),
    ROW(DICT(TENSOR("K\4", "K\0", "K\4\x85", BIG "\x85")), "its size overflows"),
    ROW(DICT(TENSOR("K\4", "K\0", "J\0\0\0\x10\x85", "K\0\x85")), "its strides make 1073741824 bytes of it"),
    ROW("\x80\2}(U\1w" TENSOR("K\4", "K\0", ")", ")") "U\1w" TENSOR("K\4", "K\0", ")", ")") "u.", "it occurs twice"),
    ROW("\x80\2}K\1" TENSOR("K\4", "K\0", ")", ")") "s.", "a tensor's name is not a text"),
    ROW("\x80\2}U\3w\0w" TENSOR("K\4", "K\0", ")", ")") "s.", "a tensor's name is not a text"),
    ROW("\x80\2}U\2w\n" TENSOR("K\4", "K\0", ")", ")") "s.", "control character"),
    ROW("\x80\2}U\1\xff" TENSOR("K\4", "K\0", ")", ")") "s.", "not UTF-8"),
    /* its storage */
    ROW(DICT(TENSOR("K\5", "K\0", ")", ")")), "has 4 elements, expected 5"),
    ROW(DICT(TENSOR(MINUS, "K\0", ")", ")")), "a storage whose size is not a number"),
    ROW(DICT(TENSOR(BIG, "K\0", ")", ")")), "a storage whose size is not a number"),
    ROW(DICT(TENSOR("N", "K\0", ")", ")")), "a storage whose size is not a number"),
    ROW("\x80\2}(U\1w" TENSOR("K\4", "K\0", ")", ")") "U\1v" TENSOR("K\5", "K\0", ")", ")") "u.", "storage 'k' is of"),
    ROW(DICT("(U\7storage" GLOBAL("os", "system") KEY "U\3cpuK\4NtQ"), "a storage of an unknown class"),
    ROW(DICT("(U\7storage" GLOBAL("torch", "FloatStorage") "K\1U\3cpuK\4NtQ"), "a storage whose key is not a text"),
#undef ROW
};

Test(torch_pickles, hostile_tensors)
{
    for (size_t i = 0; i < sizeof hostile_tensors / sizeof *hostile_tensors; i++) {
        put_object(hostile_tensors[i].object, hostile_tensors[i].size, GOOD_REST, sizeof GOOD_REST - 1);
        expect_refused("f", SHUNT_E_INVALID, hostile_tensors[i].reason);
    }
}

/* What follows the object: the list of keys and the storages. */
Test(torch_pickles, hostile_storages)
{
    static const char good[] = DICT(TENSOR("K\4", "K\0", ")", ")"));
    PUT(good, "\x80\2N.");
    expect_refused("f", SHUNT_E_INVALID, "expected a list of the keys of 1 storages");
    PUT(good, "\x80\2].");
    expect_refused("f", SHUNT_E_INVALID, "expected a list of the keys of 1 storages");
    PUT(good, "\x80\2]U\1xa." FLOATS);
    expect_refused("f", SHUNT_E_INVALID, "one that no tensor uses");
    PUT(good, ONE_KEY);
    expect_refused("f", SHUNT_E_INVALID, "reaches past the end");
    PUT(good, ONE_KEY "\4\0\0\0\0\0\0\x80"
                      "0123456789abcdef");
    expect_refused("f", SHUNT_E_INVALID, "reaches past the end");
    PUT(good, ONE_KEY "\3\0\0\0\0\0\0\0"
                      "0123456789ab");
    expect_refused("f", SHUNT_E_INVALID, "has 3 elements, expected 4");
    PUT(good, GOOD_REST "x");
    expect_refused("f", SHUNT_E_INVALID, "1 bytes follow the last storage");
}

/* ---- Bombs: little files that ask for much. Each is refused at once. ----------------------------------------------- */

/* `count` times `what`, between head and tail. */
static void put_repeated(const char *head, const char *what, size_t length, size_t count, const char *tail)
{
    bytes object = {0};
    add(&object, head, strlen(head));
    object.data = realloc(object.data, object.size + length * count + 1);
    cr_assert(object.data);
    for (size_t i = 0; i < count; i++, object.size += length) memcpy(object.data + object.size, what, length);
    add(&object, tail, strlen(tail));
    put_object(object.data, object.size, "\x80\2].", 4);
    free(object.data);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

Test(torch_pickles, bombs)
{
    enum { MANY = 20 << 20 };
    const struct rlimit limit = {(rlim_t)1 << 30, (rlim_t)1 << 30}; /* the file alone is 20 MB, mapped */
#ifndef __SANITIZE_ADDRESS__
    cr_assert(!setrlimit(RLIMIT_AS, &limit));
#else
    (void)limit;
#endif
    double start = now();
    put_repeated("\x80\2", "]", 1, MANY, "."); /* nesting, if these went into each other */
    expect_refused("f", SHUNT_E_INVALID, "over 524288 values");
    put_repeated("\x80\2", "(", 1, MANY, ".");
    expect_refused("f", SHUNT_E_INVALID, "over 524288 values at once");
    put_repeated("\x80\2N", "\x85", 1, MANY, "."); /* a tuple in a tuple in a tuple */
    expect_refused("f", SHUNT_E_INVALID, "over 524288 values");
    put_repeated("\x80\2]Nq", "\1h\1a", 5, MANY / 5, ".");
    expect_refused("f", SHUNT_E_INVALID, ""); /* BINPUT without its number in between */
    put_repeated("\x80\2]q\1N", "0h\1h\1a", 6, MANY / 6, ".");
    expect_refused("f", SHUNT_E_INVALID, "over 1048576 items");
    put_repeated("\x80\2", "(1", 2, MANY / 4, "N.");
    expect_refused("f", SHUNT_E_INVALID, "not a state dict");
    put_repeated("\x80\2", "(1", 2, MANY, "N.");
    expect_refused("f", SHUNT_E_INVALID, "over 16777216 opcodes");
    cr_assert_lt(now() - start, 60); /* a hang, not a matter of speed */
}

/* The billion laughs: each list holds the one before twice. Read as data it is as small as the file. */
Test(torch_pickles, laughs)
{
    bytes object = {0};
    ADD(&object, "\x80\2}U\1w");
    add(&object, TENSOR("K\4", "K\0", ")", ")"), sizeof TENSOR("K\4", "K\0", ")", ")") - 1);
    ADD(&object, "sq\0]q\1");
    for (int i = 1; i < 200; i++) {
        uint8_t more[] = {']', 'q', (uint8_t)(i + 1), '(', 'h', (uint8_t)i, 'h', (uint8_t)i, 'e'};
        add(&object, more, sizeof more);
    }
    ADD(&object, "h\0.");
    put_object(object.data, object.size, GOOD_REST, sizeof GOOD_REST - 1);
    free(object.data);
    shunt_weights *weights = open_good("f");
    cr_assert_arr_eq(shunt_weights_find(weights, "w")->data, (&(float){1}), sizeof(float));
    shunt_weights_destroy(weights);
}

/* ---- Found by fuzzing ------------------------------------------------------------------------------------------------ */

/* The message quoted the name with its control character. */
Test(torch_pickles, a_bad_name_does_not_reach_the_message)
{
    static const char object[] = "\x80\2}U\4a\x1b[J" TENSOR("K\4", "K\0", ")", ")") "s.";
    PUT(object, GOOD_REST);
    expect_refused("f", SHUNT_E_INVALID, "control character (byte 0x1b at position 1)");
}
