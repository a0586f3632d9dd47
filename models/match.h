/* match.h - the parameters of a network in a weight file. */
#ifndef SHUNT_MODELS_MATCH_H
#define SHUNT_MODELS_MATCH_H

#include "models/model.h"
#include "models/source.h"

/* Which tensors of a network a file must have: all, and no others; or those before the classifier, with or without others. */
typedef enum match_part { MATCH_ALL, MATCH_BACKBONE } match_part;

/* Takes the graph's parameters out of an open file, under the graph's names. Mapped files move from `file` to *out, so after
 * success `file` can only be destroyed. */
shunt_status match_weights(const shunt_model *model, shunt_weights *file, match_part part, shunt_weights **out);

/* model.c: shunt_model_load, or as much of a network as `part` says, without labels; and the same from an open file, of which only
 * destroying is left to do after success. */
shunt_status model_load(shunt_model *model, const model_source *source, match_part part);
shunt_status model_load_weights(shunt_model *model, const char *path, shunt_weights *file, match_part part);

/* Whether the file holds a network such as the graph of `net`, with any number of classes. */
bool match_fits(const net_spec *net, const shunt_graph *graph, const shunt_weights *file, match_part part);
/* How many blocks this stage, from 0, of the file's network has. */
int match_count_blocks(const shunt_weights *file, int stage);
/* How many classes the file's network tells apart; 0: it has no classifier that fits the graph's features. */
int64_t match_count_classes(const net_spec *net, const shunt_graph *graph, const shunt_weights *file);

#endif
