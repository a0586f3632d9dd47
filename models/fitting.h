/* fitting.h - which networks the tensors of a weight file fit, whatever the file says itself. */
#ifndef SHUNT_MODELS_FITTING_H
#define SHUNT_MODELS_FITTING_H

#include "models/match.h"

/* A network that fits. shortcut: 0: the network's own. Returns false to end the search. */
typedef bool (*fitting_found)(void *context, const net_spec *net, char shortcut, int64_t classes);

/* Tries the network's own three shortcuts, then all families, then these with other shortcuts unless some fit, then the network without some of
 * its blocks unless some fit. tried is not found itself; NULL: all families alone, v1 of bottlenecks as given. */
void fitting_search(const shunt_weights *file, match_part part, const net_spec *tried, bool v1, fitting_found found,
                    void *context);

/* The name of the first that fits, and what options it needs besides: number of classes, shortcut. note (size bytes) says what was taken, and what
 * fits as well. SHUNT_E_NOT_FOUND: none fits; the message says what to do. */
shunt_status fitting_infer(const shunt_weights *file, shunt_model_options *options, char name[METADATA_NAME],
                           char *note, size_t size);

/* What to do with a file of another network, as the end of a message. */
extern const char fitting_advice[];

#endif
