/* mpi.c - ranks by MPI (collective.h): one file, since MPI does what the contract asks for.
 *
 * MPI is started with MPI_THREAD_SERIALIZED: the runtime calls from one thread at a time, but not from the one that opened the
 * communicator. Messages of more than 2^31 - 1 bytes go as several. */
#include <mpi.h>
#include <shunt/collective.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tags of messages: of send and receive, of all_to_all. */
enum { MESSAGE, PIECES };

enum { MOST_BYTES = 1 << 30, MESSAGE_CHARS = MPI_MAX_ERROR_STRING + 128 };

typedef struct mpi_ranks {
    shunt_collective base;
    MPI_Comm all, local; /* copies: the application's own messages do not meet ours */
    char host[MPI_MAX_PROCESSOR_NAME];
} mpi_ranks;

struct shunt_request {
    size_t count;
    MPI_Request parts[];
};

static _Thread_local char message[MESSAGE_CHARS];
static char version[MPI_MAX_LIBRARY_VERSION_STRING];

static shunt_status fail(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
static shunt_status fail(shunt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return status;
}

static shunt_status failed(const char *call, int code)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(code, text, &length);
    return fail(SHUNT_E_DEVICE, "%s: %s", call, text);
}

static const char *last_error(void)
{
    return message;
}

/* ---- Operations ------------------------------------------------------------------------------------------------ */

static shunt_request *new_requests(size_t count)
{
    shunt_request *request = calloc(1, sizeof *request + count * sizeof *request->parts);
    if (request) request->count = count;
    for (size_t i = 0; request && i < count; i++) request->parts[i] = MPI_REQUEST_NULL;
    return request;
}

static shunt_request *new_request(uint64_t bytes)
{
    return new_requests((size_t)(bytes / MOST_BYTES + (bytes % MOST_BYTES != 0)));
}

static int part_bytes(uint64_t bytes, size_t part)
{
    const uint64_t left = bytes - part * (uint64_t)MOST_BYTES;
    return (int)(left < MOST_BYTES ? left : MOST_BYTES);
}

static shunt_status wait(shunt_request *request)
{
    int code = MPI_SUCCESS;
    for (size_t i = 0; i < request->count; i++) {
        const int own = MPI_Wait(&request->parts[i], MPI_STATUS_IGNORE);
        if (own) code = own;
    }
    free(request);
    return code ? failed("MPI_Wait", code) : SHUNT_OK;
}

static shunt_status test(shunt_request *request, int *done)
{
    *done = 1;
    for (size_t i = 0; i < request->count; i++) {
        int own = 0;
        const int code = MPI_Test(&request->parts[i], &own, MPI_STATUS_IGNORE);
        if (code) return failed("MPI_Test", code);
        *done = *done && own;
    }
    return SHUNT_OK;
}

static shunt_status finish_start(const char *call, int code, shunt_request *request, shunt_request **out)
{
    if (code) {
        free(request);
        return failed(call, code);
    }
    *out = request;
    return SHUNT_OK;
}

static shunt_status broadcast(shunt_collective *base, void *data, uint64_t bytes, uint32_t root, shunt_request **out)
{
    const mpi_ranks *ranks = (const mpi_ranks *)base;
    shunt_request *request = new_request(bytes);
    if (!request) return fail(SHUNT_E_MEMORY, "no memory");
    int code = MPI_SUCCESS;
    for (size_t i = 0; i < request->count && !code; i++)
        code = MPI_Ibcast((char *)data + i * (uint64_t)MOST_BYTES, part_bytes(bytes, i), MPI_BYTE, (int)root,
                          ranks->all, &request->parts[i]);
    return finish_start("MPI_Ibcast", code, request, out);
}

/* A gather cut into several would have gaps in dst, so what is too large for one goes as blocks of a type. */
static shunt_status make_block(uint64_t bytes, int *count, MPI_Datatype *type)
{
    *count = (int)bytes;
    *type = MPI_BYTE;
    if (bytes <= MOST_BYTES) return SHUNT_OK;
    if (bytes % MOST_BYTES % 8 || bytes / 8 > INT32_MAX)
        return fail(SHUNT_E_UNSUPPORTED, "%llu bytes in one gather", (unsigned long long)bytes);
    *count = (int)(bytes / 8);
    *type = MPI_UINT64_T;
    return SHUNT_OK;
}

/* A request of one operation on blocks. */
static shunt_status begin_blocks(uint64_t bytes, int *count, MPI_Datatype *type, shunt_request **out)
{
    shunt_status status = make_block(bytes, count, type);
    if (status) return status;
    *out = new_requests(1);
    return *out ? SHUNT_OK : fail(SHUNT_E_MEMORY, "no memory");
}

static shunt_status gather(shunt_collective *base, const void *src, void *dst, uint64_t bytes, uint32_t root,
                           shunt_request **out)
{
    const mpi_ranks *ranks = (const mpi_ranks *)base;
    MPI_Datatype type;
    int count;
    shunt_request *request;
    shunt_status status = begin_blocks(bytes, &count, &type, &request);
    if (status) return status;
    const int code = MPI_Igather(src, count, type, dst, count, type, (int)root, ranks->all, &request->parts[0]);
    return finish_start("MPI_Igather", code, request, out);
}

static shunt_status all_gather(shunt_collective *base, const void *src, void *dst, uint64_t bytes, shunt_request **out)
{
    const mpi_ranks *ranks = (const mpi_ranks *)base;
    MPI_Datatype type;
    int count;
    shunt_request *request;
    shunt_status status = begin_blocks(bytes, &count, &type, &request);
    if (status) return status;
    const bool in_place = src == (const char *)dst + base->rank * bytes;
    const int code =
        MPI_Iallgather(in_place ? MPI_IN_PLACE : src, count, type, dst, count, type, ranks->all, &request->parts[0]);
    return finish_start("MPI_Iallgather", code, request, out);
}

/* Messages between each two ranks: MPI_Ialltoall would also copy the own piece, which nobody needs. */
static shunt_status all_to_all(shunt_collective *base, const void *src, void *dst, uint64_t bytes, shunt_request **out)
{
    const mpi_ranks *ranks = (const mpi_ranks *)base;
    MPI_Datatype type;
    int count, code = MPI_SUCCESS;
    shunt_status status = make_block(bytes, &count, &type);
    if (status) return status;
    shunt_request *request = new_requests(2 * ((size_t)base->count - 1));
    if (!request) return fail(SHUNT_E_MEMORY, "no memory");
    MPI_Request *next = request->parts;
    for (uint32_t d = 1; d < base->count && !code; d++) {
        const uint32_t from = (base->rank + base->count - d) % base->count, to = (base->rank + d) % base->count;
        code = MPI_Irecv((char *)dst + from * bytes, count, type, (int)from, PIECES, ranks->all, next++);
        if (!code) code = MPI_Isend((const char *)src + to * bytes, count, type, (int)to, PIECES, ranks->all, next++);
    }
    return finish_start("MPI_Isend", code, request, out);
}

static shunt_status send(shunt_collective *base, const void *data, uint64_t bytes, uint32_t to, shunt_request **out)
{
    const mpi_ranks *ranks = (const mpi_ranks *)base;
    shunt_request *request = new_request(bytes);
    if (!request) return fail(SHUNT_E_MEMORY, "no memory");
    int code = MPI_SUCCESS;
    for (size_t i = 0; i < request->count && !code; i++)
        code = MPI_Isend((const char *)data + i * (uint64_t)MOST_BYTES, part_bytes(bytes, i), MPI_BYTE, (int)to,
                         MESSAGE, ranks->all, &request->parts[i]);
    return finish_start("MPI_Isend", code, request, out);
}

static shunt_status receive(shunt_collective *base, void *data, uint64_t bytes, uint32_t from, shunt_request **out)
{
    const mpi_ranks *ranks = (const mpi_ranks *)base;
    shunt_request *request = new_request(bytes);
    if (!request) return fail(SHUNT_E_MEMORY, "no memory");
    int code = MPI_SUCCESS;
    for (size_t i = 0; i < request->count && !code; i++)
        code = MPI_Irecv((char *)data + i * (uint64_t)MOST_BYTES, part_bytes(bytes, i), MPI_BYTE, (int)from, MESSAGE,
                         ranks->all, &request->parts[i]);
    return finish_start("MPI_Irecv", code, request, out);
}

/* ---- Joining and leaving ----------------------------------------------------------------------------------------- */

static void close_ranks(shunt_collective *base)
{
    mpi_ranks *ranks = (mpi_ranks *)base;
    if (ranks->local != MPI_COMM_NULL) MPI_Comm_free(&ranks->local);
    if (ranks->all != MPI_COMM_NULL) MPI_Comm_free(&ranks->all);
    free(ranks);
    MPI_Finalize();
}

static void abort_ranks(shunt_collective *base, int status)
{
    MPI_Abort(((mpi_ranks *)base)->all, status);
}

static const shunt_collective_ops ops = {.size = sizeof ops,
                                         .close = close_ranks,
                                         .broadcast = broadcast,
                                         .gather = gather,
                                         .all_gather = all_gather,
                                         .test = test,
                                         .wait = wait,
                                         .abort = abort_ranks,
                                         .all_to_all = all_to_all,
                                         .send = send,
                                         .receive = receive};

static shunt_status start(void)
{
    int has, started = 0;
    MPI_Initialized(&started);
    if (started) return fail(SHUNT_E_INVALID, "the application has started MPI by itself");
    const int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &has);
    if (code) return failed("MPI_Init_thread", code);
    if (has < MPI_THREAD_SERIALIZED) {
        MPI_Finalize();
        return fail(SHUNT_E_UNSUPPORTED,
                    "this MPI has no MPI_THREAD_SERIALIZED: its calls must all come from one thread");
    }
    return SHUNT_OK;
}

static int find_ranks(mpi_ranks *ranks)
{
    int rank, count, local_rank, local_count, length;
    int code = MPI_Comm_dup(MPI_COMM_WORLD, &ranks->all);
    if (code) return code;
    MPI_Comm_set_errhandler(ranks->all, MPI_ERRORS_RETURN);
    code = MPI_Comm_split_type(ranks->all, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &ranks->local);
    if (!code) code = MPI_Comm_rank(ranks->all, &rank);
    if (!code) code = MPI_Comm_size(ranks->all, &count);
    if (!code) code = MPI_Comm_rank(ranks->local, &local_rank);
    if (!code) code = MPI_Comm_size(ranks->local, &local_count);
    if (!code) code = MPI_Get_processor_name(ranks->host, &length);
    if (code) return code;
    ranks->base = (shunt_collective){
        &ops, (uint32_t)rank, (uint32_t)count, (uint32_t)local_rank, (uint32_t)local_count, ranks->host};
    return MPI_SUCCESS;
}

static shunt_status open_ranks(shunt_collective **out)
{
    int length;
    mpi_ranks *ranks = calloc(1, sizeof *ranks);
    if (!ranks) return fail(SHUNT_E_MEMORY, "no memory");
    ranks->all = ranks->local = MPI_COMM_NULL;
    shunt_status status = start();
    if (status) {
        free(ranks);
        return status;
    }
    const int code = find_ranks(ranks);
    if (code) {
        status = failed("joining the ranks", code);
        close_ranks(&ranks->base);
        return status;
    }
    MPI_Get_library_version(version, &length);
    version[strcspn(version, ",\n")] = 0;
    *out = &ranks->base;
    return SHUNT_OK;
}

__attribute__((visibility("default"))) const shunt_collective_plugin *shunt_collective_entry(const shunt_host *host)
{
    static const shunt_collective_plugin plugin = {.size = sizeof plugin,
                                                   .abi_major = SHUNT_ABI_MAJOR,
                                                   .abi_minor = SHUNT_ABI_MINOR,
                                                   .name = "mpi",
                                                   .version = version,
                                                   .open = open_ranks,
                                                   .last_error = last_error};
    return host->abi_major == SHUNT_ABI_MAJOR ? &plugin : NULL;
}
