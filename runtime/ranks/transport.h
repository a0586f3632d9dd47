/* transport.h - the plugin by which ranks reach each other. */
#ifndef SHUNT_RUNTIME_TRANSPORT_H
#define SHUNT_RUNTIME_TRANSPORT_H

#include <shunt/collective.h>
#include <shunt/process.h>

/* Loads it, once: the file that the option "collective" names, or collective/shunt-*.so in the first plugin folder that has one. */
shunt_status transport_load(const shunt_collective_plugin **out);

#endif
