/* survey.h - what a weight file calls a network's tensors, found out from all of its names at once. */
#ifndef SHUNT_MODELS_SURVEY_H
#define SHUNT_MODELS_SURVEY_H

#include <shunt/graph.h>
#include <stdbool.h>

enum { SURVEY_MOST_CHARS = 200, SURVEY_NAME = SURVEY_MOST_CHARS + 16 };

typedef struct names_survey {
    const shunt_graph *graph;     /* the network */
    const char *layer;            /* its last one: "fc" */
    char prefix[SURVEY_NAME];     /* before each name of the network: "encoder." */
    char rival[SURVEY_NAME];      /* another prefix under which as much of a network is; "": there is none */
    char classifier[SURVEY_NAME]; /* "head.fc"; "": it is under a name that names.c knows, or there is none */
    int64_t classes;              /* 0: there is no classifier */
} names_survey;

/* Looks at all names of the file for a network such as the graph, whose classes the layer `classifier` tells apart. Both must outlive *out. */
void names_look(const shunt_graph *graph, const char *classifier, const shunt_weights *file, names_survey *out);
/* The model's name for a tensor of the file, of at most SURVEY_MOST_CHARS; false if no model uses it. */
bool names_surveyed(const names_survey *self, const char *original, char out[SURVEY_NAME]);

#endif
