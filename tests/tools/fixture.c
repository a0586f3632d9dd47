/* fixture.c - writes a weight file for scripts: fixture MODEL FILE */
#include <shunt/shunt.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    shunt_model *model = NULL;
    int failed = argc != 3 || shunt_model_create(argv[1], NULL, &model) || shunt_model_randomize(model, 1) ||
                 shunt_model_save(model, argv[2]);
    if (failed) fprintf(stderr, "fixture: %s\n", shunt_last_error());
    shunt_model_destroy(model);
    return failed;
}
