/* buffer.h - memory of a device that the application holds: what runs ask of it. */
#ifndef SHUNT_RUNTIME_BUFFER_H
#define SHUNT_RUNTIME_BUFFER_H

#include "runtime/device/device.h"

#include <stdbool.h>

/* Whether a run on the device may have this tensor in its buffer. result: the run writes it. what, number: "output", 0. */
shunt_status buffer_check(const shunt_tensor *tensor, const shunt_device *device, bool result, const char *what,
                          size_t number);
/* Whether two tensors that lie in buffers have bytes in common, as far as that can be known. */
bool buffer_overlap(const shunt_tensor *a, const shunt_tensor *b);
/* Where such a tensor lies. */
shunt_arg buffer_arg(const shunt_tensor *tensor);

/* Later commands of the queue wait for the last run that uses the buffer. */
shunt_status buffer_follow(shunt_buffer *buffer, shunt_bqueue *queue);
/* Makes this run the last one. */
void buffer_note_run(shunt_buffer *buffer, shunt_event *run);

#endif
