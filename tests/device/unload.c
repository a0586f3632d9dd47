/* unload.c - a program loads the library, runs a network on two threads of the scalar backend and unloads it, again and again:
 * threads of OpenMP outlive dlclose, and their code must stay. Argument: libshunt. */
#include <shunt/shunt.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 12, SIDE = 32, CLASSES = 10 };

static float image[3 * SIDE * SIDE];

#define LOOK_UP(library, name) __typeof__(name) *name##_ = (__typeof__(name) *)dlsym(library, #name)

static int use(void *library)
{
    float logits[CLASSES];
    shunt_device *device = NULL;
    shunt_model *model = NULL;
    __extension__ LOOK_UP(library, shunt_device_open);
    __extension__ LOOK_UP(library, shunt_device_close);
    __extension__ LOOK_UP(library, shunt_model_create);
    __extension__ LOOK_UP(library, shunt_model_randomize);
    __extension__ LOOK_UP(library, shunt_model_run);
    __extension__ LOOK_UP(library, shunt_model_destroy);
    __extension__ LOOK_UP(library, shunt_shutdown);
    int wrong = shunt_device_open_("scalar", "threads=2", &device) || shunt_model_create_("resnet8", NULL, &model) ||
                shunt_model_randomize_(model, 1) || shunt_model_run_(model, device, 1, SIDE, SIDE, image, logits);
    shunt_model_destroy_(model);
    shunt_device_close_(device);
    shunt_shutdown_();
    return wrong;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    for (int i = 0; i < ROUNDS; i++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            return 2;
        }
        if (use(library)) return 1;
        dlclose(library);
        if (!dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD)) {
            fprintf(stderr, "dlclose has removed the code of threads that still run\n");
            return 1;
        }
    }
    return 0;
}
