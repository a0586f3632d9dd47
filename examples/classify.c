/* classify.c - says what a picture shows: classify MODEL WEIGHTS PICTURE
 * cc -o classify classify.c $(pkg-config --cflags --libs shunt) */
#include <shunt/shunt.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    shunt_device *device = NULL;
    shunt_model *model = NULL;
    shunt_guess guesses[5];
    size_t count;

    if (argc != 4) {
        fprintf(stderr, "usage: classify MODEL WEIGHTS PICTURE\n");
        return 2;
    }
    int ok = shunt_device_open(NULL, NULL, &device) == SHUNT_OK && /* SHUNT_DEVICE, or the best there is */
             shunt_model_create(argv[1], NULL, &model) == SHUNT_OK && shunt_model_load(model, argv[2]) == SHUNT_OK &&
             shunt_classify(model, device, argv[3], 5, guesses, &count) == SHUNT_OK;
    if (!ok) {
        fprintf(stderr, "classify: %s\n", shunt_last_error());
    } else {
        for (size_t i = 0; i < count; i++)
            printf("%6.2f %%  %lld %s\n", 100 * (double)guesses[i].probability, (long long)guesses[i].index,
                   guesses[i].label ? guesses[i].label : "");
    }
    shunt_model_destroy(model);
    shunt_device_close(device);
    return ok ? 0 : 1;
}
