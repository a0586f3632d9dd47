/* Fuzz target: the files of the tuner: the user's data base, the shipped defaults, the journal. The first byte says which
 * of them the rest is. */
#include "runtime/tune/tune.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

/* A device that stands for any; what is asked about it: "fuzz | d | p | v", "relu 4x4 > 4x4", class "fuzz cpu 1". */
static const shunt_backend backend = {.name = "fuzz"};
static const shunt_device device = {
    .backend = &backend,
    .entry = {.info = {.name = "d", .platform = "p", .driver = "v", .type = SHUNT_DEVICE_CPU, .block = 1}}};
static const shunt_op_desc op = {
    .kind = SHUNT_OP_RELU,
    .ninputs = 1,
    .noutputs = 1,
    .inputs = {{.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {4, 4}}},
    .outputs = {{.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {4, 4}}},
};
static const shunt_candidate candidate = {.algorithm = "direct"};

static void set_up(void)
{
    char path[96];
    const char *folder = fuzz_make_folder();
    snprintf(path, sizeof path, "%s/tuning", folder);
    if (mkdir(path, 0777) || shunt_set_option("cache_dir", folder) || shunt_set_option("data_dir", folder)) abort();
}

static void check_choice(const tune_choice *choice)
{
    fuzz_check(memchr(choice->algorithm, 0, sizeof choice->algorithm) && *choice->algorithm, "no name of an algorithm");
    fuzz_check(memchr(choice->params, 0, sizeof choice->params) != NULL, "parameters without an end");
}

int fuzz_input(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"tuning.json", "tuning/fuzz-cpu-1.json", "tuning-journal.txt"};
    if (!*fuzz_folder) set_up();
    if (!size) return -1;
    for (int i = 0; i < 3; i++) fuzz_put(names[i], data + 1, i == data[0] % 3 ? size - 1 : 0);
    tune_free();
    tune_choice choice;
    if (tune_find_own(&device, &op, &choice)) check_choice(&choice);
    if (tune_find_default(&device, &op, &choice)) check_choice(&choice);
    fuzz_check(tune_verdict_of(&device, &candidate) <= VERDICT_RETRY, "no verdict");
    return 0;
}
