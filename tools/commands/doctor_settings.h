/* doctor_settings.h - what Shunt itself needs of a machine: a cache folder, and the plugin for OpenCL. */
#ifndef SHUNT_TOOLS_DOCTOR_SETTINGS_H
#define SHUNT_TOOLS_DOCTOR_SETTINGS_H

#include "doctor_report.h"

#include <shunt/shunt.h>

/* Adds what it finds to the report. */
void doctor_examine_cache(doctor_report *report);
/* The formats of pictures that this build reads, divided by ", ", and those that it does not. */
const char *doctor_pictures(bool read, char *text, size_t size);
/* Returns why the plugin for OpenCL is not loaded, NULL: it is. The text lives as long as the report and the list. */
const char *doctor_examine_plugin(const shunt_plugin_list *plugins, doctor_report *report);

#endif
