/* weights.h - named tensors, and files of them: safetensors, PyTorch, ONNX.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_weights *weights;
 *         if (argc < 2 || shunt_weights_open(argv[1], &weights)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         for (size_t i = 0; i < shunt_weights_count(weights); i++) puts(shunt_weights_at(weights, i)->name);
 *         shunt_weights_destroy(weights);
 *     }
 */
#ifndef SHUNT_WEIGHTS_H
#define SHUNT_WEIGHTS_H

#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shunt_tensor_view {
    const char *name;
    shunt_tensor_desc desc; /* plain */
    const void *data;       /* lives as long as the weights. A file may leave it unaligned: use memcpy */
} shunt_tensor_view;

SHUNT_API shunt_status shunt_weights_create(shunt_weights **out);
/* Checks a weight file and maps it into memory; the format is detected from the file's content. While it is open the file may
 * be replaced by another, but must not be changed in place. Tensors of a dtype that is not in enum shunt_dtype, or of a rank
 * over SHUNT_MAX_RANK, are not listed (shunt_weights_unusable_next).
 * This function and all others that read a file take "-" or "/dev/stdin" for standard input, and pipes such as /dev/fd/N. These
 * are read once, to their end; opening them again in this process gives the same content. */
SHUNT_API shunt_status shunt_weights_open(const char *path, shunt_weights **out);
/* The same from a file's bytes, which are copied. There can be no files beside it. */
SHUNT_API shunt_status shunt_weights_open_bytes(const void *bytes, size_t nbytes, shunt_weights **out);
SHUNT_API void shunt_weights_destroy(shunt_weights *weights);
/* "safetensors", "PyTorch (zip)", "PyTorch (legacy)", "ONNX"; NULL for weights that are not from a file. */
SHUNT_API const char *shunt_weights_format(const shunt_weights *weights);
/* The program that made the file, if the file names it; else NULL. */
SHUNT_API const char *shunt_weights_producer(const shunt_weights *weights);
/* Tensors that are in the file but not listed: the name after `name`; NULL gives the first, and the last gives NULL. */
SHUNT_API const char *shunt_weights_unusable_next(const shunt_weights *weights, const char *name);
/* Why such a tensor is not listed; NULL for any other name. */
SHUNT_API const char *shunt_weights_unusable(const shunt_weights *weights, const char *name);
/* Adds a tensor, or replaces the one of that name. The data is copied. */
SHUNT_API shunt_status shunt_weights_set(shunt_weights *weights, const char *name, const shunt_tensor_desc *desc,
                                         const void *data);
SHUNT_API size_t shunt_weights_count(const shunt_weights *weights);
/* "f32", "bf16" ...; "?" if dtype is not in the enum. */
SHUNT_API const char *shunt_dtype_name(uint8_t dtype);
/* Converts all floating-point tensors to this type (SHUNT_F32, F64, F16, BF16), rounded to nearest; other tensors stay. Fails
 * at a number that the type cannot hold: then the tensors before it are converted already. Earlier views become invalid. */
SHUNT_API shunt_status shunt_weights_convert(shunt_weights *weights, uint8_t dtype);
/* In the order of the file. NULL past the end. */
SHUNT_API const shunt_tensor_view *shunt_weights_at(const shunt_weights *weights, size_t index);
SHUNT_API const shunt_tensor_view *shunt_weights_find(const shunt_weights *weights, const char *name);
SHUNT_API const char *shunt_weights_metadata(const shunt_weights *weights, const char *key); /* or NULL */
/* The key after `key`, in the order of the file; NULL gives the first one, and the last one gives NULL. */
SHUNT_API const char *shunt_weights_metadata_next(const shunt_weights *weights, const char *key);
SHUNT_API shunt_status shunt_weights_set_metadata(shunt_weights *weights, const char *key, const char *value);
/* Writes a safetensors file under a temporary name, then renames it: an existing file is replaced as a whole, or not at all. */
SHUNT_API shunt_status shunt_weights_save(const shunt_weights *weights, const char *path);

#ifdef __cplusplus
}
#endif
#endif
