/* exchange.h - what the ranks of a run exchange within a plan.
 *
 * An exchange has two steps. The first one reads sources into host memory, unless they lie in it, and posts a job to the pump
 * (runtime/ranks/pump.h), which moves and combines the data while the plan goes on. The second one waits for the job and writes what
 * came of it to the targets. Every rank combines in the order of the ranks, so that the same number of ranks gives the same bits.
 *
 * The gradients of a flat value are cut into a piece for each rank. A rank gets its piece from all, adds them, updates its piece of the
 * weights, and sends that to all. So a rank has all weights, but velocities of its own piece alone (fetch.c collects those). */
#ifndef SHUNT_RUNTIME_EXCHANGE_H
#define SHUNT_RUNTIME_EXCHANGE_H

#include "runtime/plan/plan.h"

typedef enum exchange_kind {
    EXCHANGE_SUM, /* source: a flat value; target: this rank's piece of it, of all ranks' weighted sum. Perhaps sent as bfloat16 */
    EXCHANGE_GATHER,     /* source: this rank's piece of a flat value; target: the whole */
    EXCHANGE_STATISTICS, /* sources and targets: mean, variance (C); those over the pictures of all take their place */
    EXCHANGE_SUMS, /* sources: scale, variance, diff_scale, diff_shift (C); targets: scale and shift of the batch norm that, added
                          * to BATCH_NORM_GRAD's diff_src, makes it that of the statistics of all */
    EXCHANGE_TOTAL /* source and target: numbers; their sums over all take their place */
} exchange_kind;

enum { EXCHANGE_MOST_SOURCES = 4, EXCHANGE_MOST_TARGETS = 2 };

struct plan_exchange {
    graph_plan *plan;
    exchange_kind kind;
    const char *name;
    uint32_t nsources, ntargets;
    uint32_t when;                                                          /* as in graph_op */
    int32_t sources[EXCHANGE_MOST_SOURCES], targets[EXCHANGE_MOST_TARGETS]; /* plan values */
    plan_exchange *lender; /* GATHER: whose memory it uses, which is done with it by then */
    float epsilon;         /* SUMS: of the batch norm */
    double samples;        /* SUMS: elements of a channel, of this rank's pictures */
    /* exchange.c: host memory. */
    uint8_t *send, *pieces; /* what is sent; what came from each rank, one behind the other */
    uint8_t *result;        /* where what came of it lies for the targets */
    uint16_t *narrow;       /* SUM: what is sent in place of `send`, as bfloat16; NULL: `send` itself */
    void *own[2];           /* to be freed */
    bool mapped;            /* send, or pieces, is the device's own memory: nothing has to be read and written */
    uint32_t mark;
    uint64_t bytes;      /* of what is sent */
    shunt_bevent *event; /* when send can be read; NULL: now */
    bool posted, timed;  /* timed: `behind` is known */
    int64_t behind;      /* nanoseconds of the device's clock behind the host's, at most */
    pump_job job;
};

/* Once the plan has memory. And the end of them. */
shunt_status exchange_prepare(graph_plan *plan);
void exchange_free(graph_plan *plan);

shunt_status exchange_launch(plan_step *step);
/* "send to sum", "get sum" ... */
const char *exchange_label(const plan_step *step);
/* Of a run that was profiled: its exchanges, and the waits for them, on the device's clock. */
void exchange_trace(const graph_plan *plan);
/* After a run that failed: the other ranks learn of it, and nothing is under way any more. */
void exchange_give_up(graph_plan *plan);

/* combine.c: send, rounded to narrow. */
void exchange_narrow(const plan_exchange *exchange);
/* What came from the ranks, from pieces to result; as the job's end. */
shunt_status exchange_combine(void *exchange);

/* share.c: the steps of exchanges, while the plan is lowered. The batches of all, first. */
shunt_status share_weigh(graph_plan *plan);
/* Of the operands that are shared out the description becomes that of this rank's piece. */
void share_cut(const graph_plan *plan, const graph_op *op, shunt_op_desc *desc);
/* The piece of the flat value that this rank updates; waits for the sum, where it is a gradient. */
shunt_status share_piece(graph_plan *plan, shunt_value flat, const shunt_tensor_desc *desc, int32_t *out);
/* Behind each op of the graph, and behind the last one. */
shunt_status share_after(graph_plan *plan, uint32_t op, const plan_step *step);
shunt_status share_end(graph_plan *plan);

#endif
