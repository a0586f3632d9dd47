/* rows.cl - for plain tensors of any rank, walked along their last axis.
 * Work-items: one per piece of `run` neighbours in a row of dst (a GPU wants run = 1, so that neighbours touch neighbouring
 * memory; a CPU long runs), groups of WG. Build options: RANK, of dst. */
#define B 1
#define V 1
#include "common.cl"

/* The elements begin .. end - 1 of row number `row`; a row has `width` elements. */
struct row_piece {
    int begin, end;
    ulong row;
};

static inline struct row_piece row_piece_of(ulong piece, int width, int run)
{
    const int parts = CEIL_DIV(width, run);
    struct row_piece at;
    at.row = piece / parts;
    at.begin = (int)(piece % parts) * run;
    at.end = min(at.begin + run, width);
    return at;
}
