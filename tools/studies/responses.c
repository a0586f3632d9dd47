/* responses.c - the standard deviation of what each 3x3 layer gives after batch norm, before ReLU and addition: do residual
 * networks respond more weakly than plain ones, and deeper ones more weakly still? He et al. 2015, figure 7. */
#include "responses.h"
#include "lib/say.h"
#include "networks.h"
#include <stdlib.h>

static const char *const columns[] = {"network", "layer",     "name",           "pictures",
                                      "mean",    "deviation", NETWORKS_COLUMNS, NULL};

static int look(study_job *job, const study_network *one)
{
    shunt_response_options options = {
        .size = sizeof options, .kernel = 3, .limit = (size_t)one->pictures, .progress = networks_progress};
    shunt_response *responses;
    size_t count;
    networks_progress_begin(one->name, one->pictures);
    shunt_status failed = shunt_measure_responses(shunt_model_graph(one->model), one->weights, one->device, one->data,
                                                  shunt_model_preprocess(one->model), &options, &responses, &count);
    networks_progress_end();
    if (failed) return say_library_failure(one->name);
    for (size_t i = 0; i < count; i++) {
        csv_put(&job->results, "%s", one->name);
        csv_put(&job->results, "%zu", i + 1);
        csv_put(&job->results, "%s", responses[i].name);
        csv_put(&job->results, "%lld", (long long)one->pictures);
        csv_put(&job->results, "%.7g", responses[i].mean);
        csv_put(&job->results, "%.7g", responses[i].deviation);
        networks_put_origin(one, &job->results);
    }
    free(responses);
    return EXIT_OK;
}

const study responses_study = {
    .name = "responses",
    .summary = "Responses: how strongly each 3x3 layer of trained networks responds",
    .takes = STUDY_DATA | STUDY_FILES | STUDY_MODELS | STUDY_TRAINS | STUDY_LIMIT,
    .quick = {.models = "plain8,resnet8,plain20,resnet20", .pictures = 2000, .epochs = 8, .batch = 32, .limit = 500},
    .columns = columns,
    .later = NETWORKS_LATER,
    .measure = networks_measure,
    .look = look,
    .draw = responses_draw,
};
