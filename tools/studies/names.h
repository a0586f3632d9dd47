/* names.h - what the names of networks say: "resnet20-B", "cifar-plain18", or of several with one name "resnet20 (2)". */
#ifndef SHUNT_TOOLS_STUDIES_NAMES_H
#define SHUNT_TOOLS_STUDIES_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The number of layers; 0: its name has none. */
long network_depth(const char *name);
bool network_is_plain(const char *name);
/* The first bytes of a name that do not tell it from others of that name. */
size_t network_base(const char *name);
/* The residual network is the plain one with shortcuts, of whichever kind. */
bool network_is_twin(const char *plain, const char *residual);
/* Two networks that differ in depth alone. */
bool network_is_deeper(const char *shallow, const char *deep);

#endif
