/* weight_files.c - opens a weight file of any format: those of runtime/weights, and the weights of an ONNX file. */
#include "runtime/onnx/onnx.h"

shunt_status shunt_weights_open(const char *path, shunt_weights **out)
{
    return weights_open(path, &shunt_format_onnx, out);
}
