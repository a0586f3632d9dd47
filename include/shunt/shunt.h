/* shunt.h - all headers for applications. A program that does one thing may include one of them alone.
 *
 *     int main(void)
 *     {
 *         return shunt_version() == NULL;
 *     }
 *
 * | process.h | messages, options, log; the rules that hold everywhere |
 * | run.h | devices, and running a graph |
 * | model.h | networks with weights, labels and preprocessing; classifying and evaluating |
 * | weights.h | named tensors and files of them |
 * | data.h | pictures, preprocessing, data sets |
 * | graph.h | building a network |
 * | train.h | training one |
 * | tune.h, verify.h, look.h | finding the fastest algorithms; checking a device; looking into a network |
 *
 * Plugins include backend.h instead.
 */
#ifndef SHUNT_SHUNT_H
#define SHUNT_SHUNT_H

#include <shunt/data.h>
#include <shunt/graph.h>
#include <shunt/look.h>
#include <shunt/model.h>
#include <shunt/process.h>
#include <shunt/run.h>
#include <shunt/train.h>
#include <shunt/tune.h>
#include <shunt/verify.h>
#include <shunt/weights.h>

#endif
