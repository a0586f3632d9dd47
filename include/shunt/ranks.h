/* ranks.h - processes that a launcher (mpirun, srun) started together, and that share one piece of work.
 *
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_ranks *ranks;
 *         if (shunt_ranks_open(&ranks)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         double pictures = 100; // of this rank
 *         if (shunt_ranks_sum(ranks, &pictures, 1)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         if (shunt_ranks_describe(ranks)->rank == 0) printf("%g pictures\n", pictures);
 *         shunt_ranks_close(ranks);
 *     }
 *
 * A program that no launcher started is rank 0 of 1; then nothing is loaded, and the functions do nothing but copy. All ranks call
 * the same functions in the same order with the same sizes. A rank that fails ends without shunt_ranks_close: the launcher then
 * ends the others. Each rank gives a sign of life every second; where one gives none for 20 seconds, what the others exchange fails,
 * and the message names it. docs/distributed.md
 */
#ifndef SHUNT_RANKS_H
#define SHUNT_RANKS_H

#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shunt_ranks shunt_ranks;

typedef struct shunt_ranks_info {
    uint32_t rank, count;             /* this process, from 0, and how many there are */
    uint32_t local_rank, local_count; /* the same among those on this machine */
    const char *host;                 /* this machine's name */
    const char *transport;            /* "mpi (Open MPI v4.1.4)"; "none" for one rank */
} shunt_ranks_info;

/* Joins the others. Once in the life of a process, by one thread, before threads that use devices are started. An MPI that finds
 * another number of ranks than the launcher started is refused: it is another MPI than the launcher's. So are ranks of different
 * versions of Shunt. */
SHUNT_API shunt_status shunt_ranks_open(shunt_ranks **out);
/* All ranks leave together. */
SHUNT_API void shunt_ranks_close(shunt_ranks *ranks);
/* Lives as long as ranks. */
SHUNT_API const shunt_ranks_info *shunt_ranks_describe(const shunt_ranks *ranks);

/* What messages of other ranks call this one, beside its number: "node1: opencl:1, NVIDIA H200". All ranks do this together. */
SHUNT_API shunt_status shunt_ranks_introduce(shunt_ranks *ranks, const char *name);

typedef struct shunt_ranks_work {
    uint64_t bytes; /* received from other ranks */
    double seconds; /* in which something was exchanged */
    double
        waited; /* of the calls of this library: for what was exchanged; the rest of `seconds` was overlapped with computing */
    double processor; /* time of a processor that exchanging took */
} shunt_ranks_work;
/* Since the ranks were opened; all 0 for one rank. */
SHUNT_API shunt_status shunt_ranks_measure(const shunt_ranks *ranks, shunt_ranks_work *out);

/* Rank 0 of `count` ranks that are not there, to see the plan that they would make. What is to be exchanged in a run fails; all other
 * functions do what they do for one rank. */
SHUNT_API shunt_status shunt_ranks_pretend(uint32_t count, shunt_ranks **out);

/* The plugin file that several ranks would use; NULL, with shunt_last_error(), if there is none. Loads nothing. */
SHUNT_API const char *shunt_ranks_plugin(void);

/* Each of the `count` values becomes its sum over all ranks, added in their order: the same bits on every rank. */
SHUNT_API shunt_status shunt_ranks_sum(shunt_ranks *ranks, double *values, size_t count);
/* data of rank `root` becomes that of all. */
SHUNT_API shunt_status shunt_ranks_broadcast(shunt_ranks *ranks, void *data, size_t bytes, uint32_t root);
/* What each rank has, one behind the other in the order of the ranks; sizes may differ. *all is to be freed with free(); rank 0
 * gets it, on the others it is NULL. */
SHUNT_API shunt_status shunt_ranks_gather(shunt_ranks *ranks, const void *data, size_t bytes, void **all,
                                          size_t *all_bytes);
/* Fails, on every rank, unless all have the same text. The message names the first rank that differs, and both texts. what: "the
 * recipe". */
SHUNT_API shunt_status shunt_ranks_agree(shunt_ranks *ranks, const char *what, const char *text);
/* The same of weights (shunt/weights.h): all ranks must have the same tensors, bit for bit. The message names the first tensor that
 * differs, and the rank. */
struct shunt_weights;
SHUNT_API shunt_status shunt_ranks_agree_weights(shunt_ranks *ranks, const struct shunt_weights *weights);
/* The part of `count` things that is this rank's: [*first, *end). Parts differ by at most one. */
SHUNT_API void shunt_ranks_share(const shunt_ranks *ranks, size_t count, size_t *first, size_t *end);

#ifdef __cplusplus
}
#endif
#endif
