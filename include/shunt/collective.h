/* collective.h - the contract between the Shunt runtime and a plugin that lets processes (ranks) work together, such as MPI's.
 *
 * Such a plugin is a shared object that exports one symbol, shunt_collective_entry(). It includes this header, links no Shunt
 * library and is never unloaded. It is loaded only in a process that a launcher (mpirun, srun) started as one of several.
 *
 * The transport moves bytes and adds nothing. Sums are computed by the runtime, in the order of the ranks, so the same number of
 * ranks gives the same bits in every run and on every transport.
 *
 *     // A plugin for one machine, say; `joined` is its communicator, `open_ranks` fills it.
 *     static shunt_status open_ranks(shunt_collective **out)
 *     {
 *         static shunt_collective joined = {.rank = 0, .count = 1, .local_rank = 0, .local_count = 1, .host = "here"};
 *         *out = &joined;
 *         return SHUNT_OK;
 *     }
 *
 * Structs grow as backend.h says. Threads: the runtime calls the functions of a communicator from one thread at a time, which
 * is not the one that opened it. Errors: as in backend.h; the message is for last_error().
 */
#ifndef SHUNT_COLLECTIVE_H
#define SHUNT_COLLECTIVE_H

#include <shunt/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shunt_collective_ops shunt_collective_ops;

/* All ranks that the launcher started. A plugin's own struct starts with this one. */
typedef struct shunt_collective {
    const shunt_collective_ops *ops;
    uint32_t rank, count;             /* this process, and how many there are */
    uint32_t local_rank, local_count; /* the same among the ranks of this machine */
    const char *host;                 /* the machine's name; lives as long as the communicator */
} shunt_collective;

/* An operation that is under way. */
typedef struct shunt_request shunt_request;

/* All ranks call the same functions in the same order with the same sizes and roots. A function that starts an operation returns
 * before it is done; memory named in it stays as it is until `wait` returns. */
struct shunt_collective_ops {
    uint32_t size;
    /* Leaves the other ranks. All of them call it, and all requests have been waited for. */
    void (*close)(shunt_collective *ranks);
    /* data of the root becomes that of all. */
    shunt_status (*broadcast)(shunt_collective *ranks, void *data, uint64_t bytes, uint32_t root, shunt_request **out);
    /* dst of the root, of count * bytes, receives the src of all, in the order of the ranks. Elsewhere dst may be NULL. */
    shunt_status (*gather)(shunt_collective *ranks, const void *src, void *dst, uint64_t bytes, uint32_t root,
                           shunt_request **out);
    /* The same with dst of every rank. src may be the rank's own place in dst. */
    shunt_status (*all_gather)(shunt_collective *ranks, const void *src, void *dst, uint64_t bytes,
                               shunt_request **out);
    /* *done: 1 when the operation is done. It also lets the operation go on. */
    shunt_status (*test)(shunt_request *request, int *done);
    /* Waits until it is done, and frees it. */
    shunt_status (*wait)(shunt_request *request);
    /* Ends all ranks at once, with this exit status. It does not return. */
    void (*abort)(shunt_collective *ranks, int status);
    /* src has a piece of `bytes` for each rank, in their order; dst receives the piece that each other rank has for this one. What dst has
     * in this rank's own place afterwards does not matter. */
    shunt_status (*all_to_all)(shunt_collective *ranks, const void *src, void *dst, uint64_t bytes,
                               shunt_request **out);
    /* A message from one rank to another. Only these two ranks call; messages of one pair arrive in the order in which they were sent.
     * Bytes received are those sent. */
    shunt_status (*send)(shunt_collective *ranks, const void *data, uint64_t bytes, uint32_t to, shunt_request **out);
    shunt_status (*receive)(shunt_collective *ranks, void *data, uint64_t bytes, uint32_t from, shunt_request **out);
};

typedef struct shunt_collective_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *name;    /* "mpi" */
    const char *version; /* of the library behind it, "Open MPI v4.1.4"; known once it is open */
    /* Joins the other ranks; once in the life of a process. */
    shunt_status (*open)(shunt_collective **out);
    const char *(*last_error)(void);
} shunt_collective_plugin;

/* The one symbol that a plugin exports. Returns a table that lives as long as the process, or NULL if the host does not suit. */
const shunt_collective_plugin *shunt_collective_entry(const shunt_host *host);
typedef const shunt_collective_plugin *(*shunt_collective_entry_fn)(const shunt_host *host);

#ifdef __cplusplus
}
#endif
#endif
