/* onnx_case.h - one case in the form of ONNX's backend tests: model.onnx and test_data_set_N/{in,out}put_N.pb. */
#ifndef SHUNT_TESTS_ONNX_CASE_H
#define SHUNT_TESTS_ONNX_CASE_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* Imports the model and compares what it computes on the device with what is expected, for each data set. rounded: how far the expected
 * numbers may be off because they were written with few digits, else 0. note becomes the error; or, after true, the inputs that had
 * to be bound as constants. */
bool onnx_case_run(shunt_device *device, const char *folder, double rounded, char *note, size_t size);

#endif
