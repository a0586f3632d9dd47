/* curves.h - a training run's error curves. */
#ifndef SHUNT_TOOLS_CURVES_H
#define SHUNT_TOOLS_CURVES_H

#include <shunt/train.h>

/* FOLDER/curves.svg and .png. Returns an EXIT_ number. */
int curves_write(const char *folder, const char *title, const shunt_trainer *trainer);

#endif
