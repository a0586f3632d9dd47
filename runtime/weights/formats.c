/* formats.c - weight files are opened by what they hold, not by what they are called: one table of formats, and words for
 * what else people mistake for weights. */
#include "runtime/weights/weights.h"

#include <string.h>

#include "runtime/base/error.h"

static const weight_format *const formats[] = {&format_safetensors, &format_torch_zip, &format_torch_legacy,
                                               &format_index}; /* the first that claims a file */

enum { SEARCHED = 1 << 16 }; /* bytes */

/* What a file of no known format most likely is, and what to do; NULL when nothing is known about it. */
static const char *looks_like(const file_mapping *file)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *text;
    } known[] = {
        {"\x1f\x8b", 2, "a gzip file: unpack it first"},
        {"\x89HDF", 4, "an HDF5 (Keras) file; not supported: export the network as ONNX with tf2onnx"},
        {"GGUF", 4, "a GGUF file; not supported: convert it to safetensors"},
        {"\x93NUMPY", 6, "an array of NumPy's (.npy); not supported: save the network's tensors as safetensors"},
        {"7767517", 7, "the layers of an ncnn network; not supported: export it as ONNX from where it was trained"},
        {"<?xml", 5,
         "an XML file, such as OpenVINO's; not supported: export the network as ONNX from where it was trained"},
        {"\x12\x01\0\0", 4, "an MXNet file; not supported: export the network as ONNX"},
        {"\x28\xb5\x2f\xfd", 4, "a zstd file: unpack it first"},
        {"\xfd"
         "7zXZ",
         5, "an xz file: unpack it first"},
        {"BZh", 3, "a bzip2 file: unpack it first"},
        {"version https://git-lfs", 23, "a Git LFS pointer: fetch the file itself with git lfs pull"},
        {"<!", 2, "a web page, not weights: download the file again"},
        {"<html", 5, "a web page, not weights: download the file again"},
        {"{", 1, "a JSON file; give the .safetensors file itself"},
        {"\xff\xd8\xff", 3, "a picture, not weights"},
        {"\x89PNG", 4, "a picture, not weights"},
    };
    const uint8_t *data = file->data;
    static const char graph[] = "Placeholder";
    if (file->size > 8 && !memcmp(data + 4, "TFL3", 4))
        return "a TensorFlow Lite file; not supported: export the network as ONNX with tf2onnx, which reads .tflite";
    if (file->size > 2 && (data[0] == 0x08 || data[0] == 0x0a) &&
        memmem(data, file->size < SEARCHED ? file->size : SEARCHED, graph, sizeof graph - 1))
        return "a graph of TensorFlow's (.pb); not supported: export the network as ONNX with tf2onnx";
    if (file->size > 512 && !memcmp(data + 257, "ustar", 5))
        return "a tar file: if PyTorch before 0.2 wrote it, load it with a later one and save it again; else unpack it";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (file->size >= known[i].length && !memcmp(data, known[i].magic, known[i].length)) return known[i].text;
    return NULL;
}

shunt_status weights_parse(const char *path, const weight_format *other, shunt_weights *weights)
{
    const weight_format *format = other && other->is(&weights->file) ? other : NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && !format; i++)
        if (formats[i]->is(&weights->file)) format = formats[i];
    const char *foreign = format ? NULL : looks_like(&weights->file);
    if (foreign) return error_fail(SHUNT_E_UNSUPPORTED, "%s: looks like %s", path, foreign);
    if (!format) format = &format_safetensors; /* says best what is missing */
    weights->format = format->name;
    return format->read(path, weights);
}

shunt_status weights_open(const char *path, const weight_format *other, shunt_weights **out)
{
    *out = NULL;
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    if (!status) status = file_map(path, 0, &weights->file);
    if (!status) status = weights_parse(path, other, weights);
    if (status)
        shunt_weights_destroy(weights);
    else
        *out = weights;
    return status;
}

shunt_status shunt_weights_save(const shunt_weights *weights, const char *path)
{
    if (!weights || !path) return error_null(__func__, "weights, path");
    return safetensors_write(path, weights);
}
