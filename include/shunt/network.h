/* network.h - any network out of a file: its inputs and outputs with their types and shapes, its graph, its weights.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_network *network;
 *         const shunt_port *port;
 *         if (argc < 2 || shunt_import(argv[1], NULL, &network)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         for (size_t i = 0; (port = shunt_network_input(network, i)); i++) printf("input %s %s\n", port->name, port->type);
 *         for (size_t i = 0; (port = shunt_network_output(network, i)); i++) printf("output %s %s\n", port->name, port->type);
 *         shunt_network_destroy(network);
 *     }
 *
 * A model (model.h) is for pictures and scores. A network is what the file holds, as it is: every input and output, no
 * preprocessing, and a softmax at the end stays. To run it, make an executor (run.h) of its graph and weights; to get at values
 * inside, cut the graph first (shunt_graph_cut).
 */
#ifndef SHUNT_NETWORK_H
#define SHUNT_NETWORK_H

#include <shunt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SHUNT_PORT_RANK = 8 }; /* ONNX files have up to 8 axes; an op works on SHUNT_MAX_RANK at most */

/* What is known about an input in advance. */
typedef struct shunt_import_input {
    const char *name;
    const char *type; /* of data, as in shunt_port; may be NULL without data */
    uint32_t rank;
    int64_t dims[SHUNT_PORT_RANK]; /* closes the dimensions that the file leaves open */
    /* NULL: only the shape is known. Else the input becomes this constant: little-endian elements, or for STRING an array of
     * const char *. Some operators need their shapes, axes or amounts like this. Read only during shunt_import. */
    const void *data;
} shunt_import_input;

typedef struct shunt_import_options {
    uint32_t size;         /* sizeof(shunt_import_options); 0: as in the first version */
    int64_t height, width; /* of pictures, where the file leaves them open; 0: 224 */
    const shunt_import_input *inputs;
    size_t ninputs;
    int ports_only;                   /* != 0: there are inputs and outputs to list, but no graph and no weights */
    const shunt_model_options *model; /* for a weight file, as in shunt_model_open; or NULL */
} shunt_import_options;

typedef struct shunt_network shunt_network;

/* Opens an ONNX file, or a weight file that names its network (shunt_model_open). options NULL: all 0. An error names
 * the node, its operator and what to do. */
SHUNT_API shunt_status shunt_import(const char *path, const shunt_import_options *options, shunt_network **out);
/* The same from memory, which is copied. The network cannot have data in further files. */
SHUNT_API shunt_status shunt_import_bytes(const void *bytes, size_t nbytes, const shunt_import_options *options,
                                          shunt_network **out);
SHUNT_API void shunt_network_destroy(shunt_network *network);
/* Both live as long as the network; NULL with ports_only. */
SHUNT_API const shunt_graph *shunt_network_graph(const shunt_network *network);
SHUNT_API const shunt_weights *shunt_network_weights(const shunt_network *network);

/* An input or an output. */
typedef struct shunt_port {
    const char *name;
    const char *type;              /* of the elements, in ONNX's words: "FLOAT", "FLOAT16", "INT64", "STRING" ... */
    int32_t rank;                  /* -1: the file does not say */
    int64_t dims[SHUNT_PORT_RANK]; /* -1: open, that is, every run may have another */
    const char
        *axes[SHUNT_PORT_RANK]; /* what an open dimension is called: "batch"; NULL: it is fixed, or has no name */
    /* Its number among the graph's inputs or results. -1: it is not among them, because it is constant or there is no graph. The
     * graph's own inputs and results are float32, whatever the type here, and have rank 1 if the rank here is 0. */
    int32_t index;
    uint32_t shape_rank; /* the shape that the graph was made for */
    int64_t shape[SHUNT_PORT_RANK];
    const void *data; /* of a constant output, as in shunt_import_input; else NULL. Lives as long as the network */
} shunt_port;
/* In the file's order; NULL past the last one. */
SHUNT_API const shunt_port *shunt_network_input(const shunt_network *network, size_t index);
SHUNT_API const shunt_port *shunt_network_output(const shunt_network *network, size_t index);

#ifdef __cplusplus
}
#endif
#endif
