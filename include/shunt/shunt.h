/* shunt.h - all headers for applications. A program that does one thing may include one of them alone.
 *
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_model *model;
 *         if (shunt_model_create("resnet50", NULL, &model)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         printf("%llu parameters\n", (unsigned long long)shunt_graph_count(shunt_model_graph(model)).parameters);
 *         shunt_model_destroy(model);
 *     }
 *
 * process.h  messages, options, log; the rules that hold for all functions
 * run.h      devices, and running a network on one
 * async.h    runs that do not wait, and memory of a device
 * model.h    networks with weights, labels and preprocessing: classifying and evaluating
 * segment.h  the class of each pixel of a picture
 * detect.h   which objects are where in a picture
 * network.h  any network from a file: inputs, outputs, graph and weights
 * weights.h  named tensors, and files of them
 * data.h     pictures, preprocessing, data sets
 * graph.h    building a network
 * train.h    training a network
 * ranks.h    processes that share one piece of work
 * tune.h     finding the fastest algorithms of a device
 * verify.h   checking what a device computes
 * look.h     looking into a network: responses of its layers, blocks taken out
 *
 * Plugins include backend.h instead. C++ has shunt.hpp, on top of these. Applications with OpenCL of their own: opencl.h.
 */
#ifndef SHUNT_SHUNT_H
#define SHUNT_SHUNT_H

#include <shunt/async.h>
#include <shunt/coco.h>
#include <shunt/data.h>
#include <shunt/detect.h>
#include <shunt/graph.h>
#include <shunt/look.h>
#include <shunt/model.h>
#include <shunt/network.h>
#include <shunt/process.h>
#include <shunt/ranks.h>
#include <shunt/run.h>
#include <shunt/segment.h>
#include <shunt/train.h>
#include <shunt/tune.h>
#include <shunt/verify.h>
#include <shunt/weights.h>

#endif
