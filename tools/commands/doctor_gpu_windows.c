/* doctor_gpu_windows.c - see doctor_gpu.h: on Windows the driver of the display brings OpenCL, so doctor_opencl_windows.c says it all. */
#include "doctor_gpu.h"

void doctor_find_gpus(const doctor_machine *machine, doctor_gpus *out)
{
    (void)machine;
    *out = (doctor_gpus){0};
}

void doctor_examine_gpus(const doctor_machine *machine, const doctor_gpus *gpus, const doctor_report *drivers,
                         const char *const *devices, doctor_report *out)
{
    (void)machine, (void)gpus, (void)drivers, (void)devices;
    *out = (doctor_report){0};
}
