/* doctor_gpu_windows.c - see doctor_gpu.h: on Windows the driver of the display brings OpenCL, so doctor_opencl_windows.c says it all. */
#include "doctor_gpu.h"

void doctor_find_gpus(const doctor_machine *machine, doctor_gpus *out)
{
    (void)machine;
    *out = (doctor_gpus){0};
}
