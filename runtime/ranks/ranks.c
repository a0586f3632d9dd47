/* ranks.c - the ranks of a run: one, or as many as a launcher started (ranks.h). The transport is a plugin, loaded only in a process
 * that a launcher started. Sums are made here, in the order of the ranks, on every rank alike. */
#include <shunt/ranks.h>
#include <shunt/run.h>
#include "runtime/base/error.h"
#include "runtime/base/option.h"
#include "runtime/ranks/beat.h"
#include "runtime/ranks/ranks.h"
#include "runtime/ranks/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRANSPORT_CHARS = 160, NAME_CHARS = 160 };

struct shunt_ranks {
    shunt_ranks_info info;
    shunt_collective *all; /* NULL: one rank */
    const shunt_collective_plugin *plugin;
    pump *pump;
    char transport[TRANSPORT_CHARS];
};

/* How many processes the launcher of this one started; 1 without a launcher. srun sets SLURM_STEP_NUM_TASKS; what sbatch itself runs
 * is no step. */
static uint32_t launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "MPI_LOCALNRANKS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = option_environment(names[i]);
        const long count = text ? strtol(text, NULL, 10) : 0;
        if (count > 0) return (uint32_t)count;
    }
    return 1;
}

/* Plugins are tried in a child process, and a process that has started MPI should not fork. */
static shunt_status probe_devices(void)
{
    shunt_device_list *devices = NULL;
    const shunt_status status = shunt_devices_list(&devices);
    shunt_devices_free(devices);
    return status;
}

static shunt_status join(shunt_ranks *ranks, uint32_t expected)
{
    shunt_status status = probe_devices();
    if (!status) status = transport_load(&ranks->plugin);
    if (status) return error_context(status, "%u ranks were started", expected);
    status = ranks->plugin->open(&ranks->all);
    if (status) return error_fail(status, "joining the %u ranks: %s", expected, ranks->plugin->last_error());
    const shunt_collective *all = ranks->all;
    if (all->count != expected)
        return error_fail(
            SHUNT_E_UNSUPPORTED,
            "the launcher started %u ranks, but %s finds %u: the launcher belongs to another MPI; start the program "
            "with the mpirun of that MPI",
            expected, ranks->plugin->version, all->count);
    ranks->info =
        (shunt_ranks_info){all->rank, all->count, all->local_rank, all->local_count, all->host, ranks->transport};
    snprintf(ranks->transport, sizeof ranks->transport, "%s (%s)", ranks->plugin->name, ranks->plugin->version);
    const char *limit = shunt_option("ranks_limit");
    const double seconds = limit ? strtod(limit, NULL) : 0;
    return pump_create(ranks->plugin, ranks->all, seconds > 0 ? seconds : BEAT_LIMIT, &ranks->pump);
}

shunt_status shunt_ranks_open(shunt_ranks **out)
{
    if (!out) return error_null(__func__, "out");
    shunt_ranks *ranks = calloc(1, sizeof *ranks);
    if (!ranks) return error_memory();
    ranks->info = (shunt_ranks_info){.count = 1, .local_count = 1, .host = "this machine", .transport = "none"};
    const uint32_t expected = launched();
    shunt_status status = expected > 1 ? join(ranks, expected) : SHUNT_OK;
    if (!status) status = shunt_ranks_agree(ranks, "their version of Shunt", shunt_version());
    if (status) {
        shunt_ranks_close(ranks);
        return status;
    }
    *out = ranks;
    return SHUNT_OK;
}

shunt_status shunt_ranks_pretend(uint32_t count, shunt_ranks **out)
{
    if (!out) return error_null(__func__, "out");
    if (count == 0) return error_fail(SHUNT_E_INVALID, "0 ranks; there is at least one");
    *out = calloc(1, sizeof **out);
    if (!*out) return error_memory();
    (*out)->info =
        (shunt_ranks_info){.count = count, .local_count = count, .host = "this machine", .transport = "none"};
    return SHUNT_OK;
}

shunt_status shunt_ranks_measure(const shunt_ranks *ranks, shunt_ranks_work *out)
{
    if (!ranks || !out) return error_null(__func__, "ranks, out");
    *out = (shunt_ranks_work){0};
    if (!ranks->pump) return SHUNT_OK;
    const pump_work work = pump_measure(ranks->pump);
    *out = (shunt_ranks_work){work.bytes, work.seconds, work.waited, work.processor};
    return SHUNT_OK;
}

void shunt_ranks_close(shunt_ranks *ranks)
{
    if (!ranks) return;
    pump_destroy(ranks->pump);
    if (ranks->all) ranks->all->ops->close(ranks->all);
    free(ranks);
}

const shunt_ranks_info *shunt_ranks_describe(const shunt_ranks *ranks)
{
    return ranks ? &ranks->info : NULL;
}

/* ---- Operations --------------------------------------------------------------------------------------------------- */

pump *ranks_pump(const shunt_ranks *ranks)
{
    return ranks ? ranks->pump : NULL;
}

static shunt_status run(const shunt_ranks *ranks, pump_job job)
{
    pump_post(ranks->pump, &job);
    const shunt_status status = pump_wait(ranks->pump, &job);
    return status ? ranks_context(ranks, status) : SHUNT_OK;
}

shunt_status ranks_context(const shunt_ranks *ranks, shunt_status status)
{
    return error_context(status, "rank %u of %u on %s", ranks->info.rank, ranks->info.count, ranks->info.host);
}

shunt_status ranks_all_gather(const shunt_ranks *ranks, const void *src, void *dst, size_t bytes)
{
    for (uint32_t r = 0; !ranks->all && r < ranks->info.count; r++)
        if ((char *)dst + r * bytes != src) memcpy((char *)dst + r * bytes, src, bytes);
    if (!ranks->all) return SHUNT_OK;
    return run(ranks, (pump_job){.kind = PUMP_ALL_GATHER, .src = src, .dst = dst, .bytes = bytes});
}

shunt_status shunt_ranks_broadcast(shunt_ranks *ranks, void *data, size_t bytes, uint32_t root)
{
    if (!ranks || (bytes && !data)) return error_null(__func__, "ranks, data");
    if (root >= ranks->info.count)
        return error_fail(SHUNT_E_INVALID, "rank %u of %u is no root", root, ranks->info.count);
    if (!ranks->all || !bytes) return SHUNT_OK;
    return run(ranks, (pump_job){.kind = PUMP_BROADCAST, .dst = data, .bytes = bytes, .root = root});
}

shunt_status shunt_ranks_sum(shunt_ranks *ranks, double *values, size_t count)
{
    if (!ranks || (count && !values)) return error_null(__func__, "ranks, values");
    if (!ranks->all || !count) return SHUNT_OK;
    double *of_all = calloc(count, ranks->info.count * sizeof *of_all);
    if (!of_all) return error_memory();
    const shunt_status status = ranks_all_gather(ranks, values, of_all, count * sizeof *values);
    for (size_t i = 0; !status && i < count; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < ranks->info.count; r++) sum += of_all[r * count + i];
        values[i] = sum;
    }
    free(of_all);
    return status;
}

shunt_status shunt_ranks_introduce(shunt_ranks *ranks, const char *name)
{
    if (!ranks || !name) return error_null(__func__, "ranks, name");
    if (!ranks->all) return SHUNT_OK;
    const uint32_t count = ranks->info.count, previous = (ranks->info.rank + count - 1) % count;
    char own[NAME_CHARS] = "", (*names)[NAME_CHARS] = calloc(count, sizeof *names);
    if (!names) return error_memory();
    snprintf(own, sizeof own, "%s", name);
    const shunt_status status = ranks_all_gather(ranks, own, names, sizeof own);
    if (!status) pump_name_previous(ranks->pump, names[previous]);
    free(names);
    return status;
}

/* The bytes that each rank has; *most is the largest. To be freed; NULL with a status. */
static shunt_status gather_sizes(const shunt_ranks *ranks, size_t bytes, uint64_t **out, uint64_t *most)
{
    const uint64_t own = bytes;
    uint64_t *sizes = calloc(ranks->info.count, sizeof *sizes);
    const shunt_status status = sizes ? ranks_all_gather(ranks, &own, sizes, sizeof own) : error_memory();
    if (status) {
        free(sizes);
        return status;
    }
    *most = 0;
    for (uint32_t r = 0; r < ranks->info.count; r++)
        if (sizes[r] > *most) *most = sizes[r];
    *out = sizes;
    return SHUNT_OK;
}

/* Pieces of `most` bytes move together, so that their content stands without gaps. */
static size_t close_up(char *pieces, const uint64_t *sizes, uint32_t count, uint64_t most)
{
    size_t at = 0;
    for (uint32_t r = 0; r < count; r++) {
        memmove(pieces + at, pieces + r * most, sizes[r]);
        at += sizes[r];
    }
    return at;
}

static shunt_status gather_pieces(const shunt_ranks *ranks, const void *data, size_t bytes, const uint64_t *sizes,
                                  uint64_t most, void **all, size_t *all_bytes)
{
    const bool root = ranks->info.rank == 0;
    char *piece = calloc(1, most + 1), *pieces = root ? calloc(ranks->info.count, most + 1) : NULL;
    if (!piece || (root && !pieces)) {
        free(piece);
        free(pieces);
        return error_memory();
    }
    if (bytes) memcpy(piece, data, bytes);
    const shunt_status status =
        run(ranks, (pump_job){.kind = PUMP_GATHER, .src = piece, .dst = pieces, .bytes = most, .root = 0});
    if (!status && root) *all_bytes = close_up(pieces, sizes, ranks->info.count, most);
    free(piece);
    if (status) {
        free(pieces);
        return status;
    }
    *all = pieces;
    return SHUNT_OK;
}

shunt_status shunt_ranks_gather(shunt_ranks *ranks, const void *data, size_t bytes, void **all, size_t *all_bytes)
{
    if (!ranks || (bytes && !data) || !all || !all_bytes) return error_null(__func__, "ranks, data, all, all_bytes");
    *all_bytes = 0;
    if (!ranks->all) {
        void *copy = malloc(bytes + 1);
        if (!copy) return error_memory();
        if (bytes) memcpy(copy, data, bytes);
        *all = copy;
        *all_bytes = bytes;
        return SHUNT_OK;
    }
    uint64_t *sizes = NULL, most = 0;
    shunt_status status = gather_sizes(ranks, bytes, &sizes, &most);
    if (!status) status = gather_pieces(ranks, data, bytes, sizes, (most + 7) / 8 * 8, all, all_bytes);
    free(sizes);
    return status;
}

shunt_status shunt_ranks_agree(shunt_ranks *ranks, const char *what, const char *text)
{
    if (!ranks || !what || !text) return error_null(__func__, "ranks, what, text");
    if (!ranks->all) return SHUNT_OK;
    uint64_t *sizes = NULL, most = 0;
    shunt_status status = gather_sizes(ranks, strlen(text) + 1, &sizes, &most);
    free(sizes);
    if (status) return status;
    most = (most + 7) / 8 * 8;
    char *own = calloc(1, most), *texts = calloc(ranks->info.count, most);
    status = own && texts ? SHUNT_OK : error_memory();
    if (!status) {
        memcpy(own, text, strlen(text));
        status = ranks_all_gather(ranks, own, texts, most);
    }
    for (uint32_t r = 1; !status && r < ranks->info.count; r++)
        if (strcmp(texts, texts + r * most))
            status = error_fail(SHUNT_E_INVALID, "the ranks differ in %s: rank 0 has %.200s, rank %u has %.200s", what,
                                texts, r, texts + r * most);
    free(own);
    free(texts);
    return status;
}

void shunt_ranks_share(const shunt_ranks *ranks, size_t count, size_t *first, size_t *end)
{
    if (!first || !end) return;
    const size_t rank = ranks ? ranks->info.rank : 0, of = ranks ? ranks->info.count : 1;
    const size_t each = count / of, more = count % of;
    *first = rank * each + (rank < more ? rank : more);
    *end = *first + each + (rank < more);
}
