/* ranks.c - run by mpirun: what the ranks exchange, against the same computed by each rank alone. Prints one line from rank 0. */
#include <shunt/ranks.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, shunt_last_error());
    return 1;
}

/* Values whose sum depends on the order in which they are added. */
static double value(uint32_t rank, size_t i)
{
    return (rank % 2 ? 1.0 : -1.0) * (double)(1 + i) * (rank == 0 ? 1e16 : 1.0 / (double)(rank + 2));
}

static int check_sum(shunt_ranks *ranks, uint32_t count, uint32_t rank)
{
    enum { VALUES = 1000 };
    double values[VALUES];
    for (size_t i = 0; i < VALUES; i++) values[i] = value(rank, i);
    if (shunt_ranks_sum(ranks, values, VALUES)) return fail("sum");
    for (size_t i = 0; i < VALUES; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < count; r++) sum += value(r, i);
        if (memcmp(&values[i], &sum, sizeof sum))
            return fprintf(stderr, "sum %zu: %a instead of %a\n", i, values[i], sum), 1;
    }
    return 0;
}

/* Rank r brings r * 1000 letters. */
static int check_gather(shunt_ranks *ranks, uint32_t count, uint32_t rank)
{
    const size_t bytes = rank * 1000u;
    char *own = malloc(bytes + 1);
    void *all = NULL;
    size_t size = 0, at = 0;
    int bad = !own;
    if (own) memset(own, 'a' + (int)rank, bytes);
    if (!bad && shunt_ranks_gather(ranks, own, bytes, &all, &size)) bad = fail("gather");
    if (!bad && rank == 0) {
        for (uint32_t r = 0; r < count; r++)
            for (size_t i = 0; i < r * 1000u; i++, at++) bad |= at >= size || ((char *)all)[at] != 'a' + (int)r;
        bad |= at != size;
    } else
        bad |= all != NULL && rank != 0;
    free(all);
    free(own);
    return bad;
}

static int check_broadcast(shunt_ranks *ranks, uint32_t count, uint32_t rank)
{
    for (uint32_t root = 0; root < count; root++) {
        char text[16] = "";
        if (rank == root) snprintf(text, sizeof text, "from %u", root);
        if (shunt_ranks_broadcast(ranks, text, sizeof text, root)) return fail("broadcast");
        char wanted[16];
        snprintf(wanted, sizeof wanted, "from %u", root);
        if (strcmp(text, wanted)) return fprintf(stderr, "\"%s\" instead of \"%s\"\n", text, wanted), 1;
    }
    return shunt_ranks_broadcast(ranks, &rank, sizeof rank, count) != SHUNT_E_INVALID;
}

static int check_agree(shunt_ranks *ranks, uint32_t count, uint32_t rank)
{
    if (shunt_ranks_agree(ranks, "the recipe", "the same")) return fail("agree");
    const shunt_status status = shunt_ranks_agree(ranks, "the recipe", rank == count - 1 ? "another" : "the same");
    if (count == 1) return status != SHUNT_OK;
    return status != SHUNT_E_INVALID || !strstr(shunt_last_error(), "another");
}

static int check_share(const shunt_ranks *ranks, uint32_t count)
{
    for (size_t things = 0; things < 10; things++) {
        size_t first, end;
        shunt_ranks_share(ranks, things, &first, &end);
        if (end < first || end > things || end - first > things / count + 1) return 1;
    }
    return 0;
}

int main(void)
{
    shunt_ranks *ranks;
    if (shunt_ranks_open(&ranks)) return fail("open");
    const shunt_ranks_info *info = shunt_ranks_describe(ranks);
    const int bad = check_sum(ranks, info->count, info->rank) || check_gather(ranks, info->count, info->rank) ||
                    check_broadcast(ranks, info->count, info->rank) || check_agree(ranks, info->count, info->rank) ||
                    check_share(ranks, info->count);
    if (bad) return fprintf(stderr, "rank %u of %u failed\n", info->rank, info->count), 1;
    if (info->rank == 0) printf("%u ranks by %s\n", info->count, info->transport);
    shunt_ranks_close(ranks);
    return 0;
}
