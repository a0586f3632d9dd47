/* paper.h - what the paper had: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, 2015. */
#ifndef SHUNT_TOOLS_STUDIES_PAPER_H
#define SHUNT_TOOLS_STUDIES_PAPER_H

#include <stddef.h>

enum { PAPER_STEPS = 64000, PAPER_BATCH = 128 }; /* on CIFAR-10 */

/* Table 6: the test error in per cent of a CIFAR-10 network with option A's shortcuts, "8.75"; "-" for others. */
const char *paper_error(const char *model);

/* Its networks by number; NULL past the last. */
const char *paper_model(size_t index);

#endif
