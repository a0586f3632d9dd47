/* misfit.h - why a weight file does not fit a network: one message with the tensors that are missing, wrong or unknown. */
#ifndef SHUNT_MODELS_MISFIT_H
#define SHUNT_MODELS_MISFIT_H

#include <jansson.h>

#include "models/match.h"

/* Complaints of the network, in its order, and of the file. Texts. */
typedef struct misfit {
    json_t *network, *file;
    bool no_memory;
} misfit;

bool misfit_begin(misfit *self);
void misfit_end(misfit *self);
void misfit_network(misfit *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
void misfit_file(misfit *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t misfit_count(const misfit *self);

/* Fails with the ten most telling of them, with what the file's names have in common, and with networks that it would fit. */
shunt_status misfit_fail(const misfit *self, const net_spec *net, const shunt_weights *file, match_part part);

#endif
