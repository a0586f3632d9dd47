/* doctor_gpu_chain_windows.c - see doctor_gpu_windows.c. */
#include "doctor_gpu.h"

void doctor_examine_gpus(const doctor_machine *machine, const doctor_gpus *gpus, const doctor_report *drivers,
                         const char *const *devices, doctor_report *out)
{
    (void)machine, (void)gpus, (void)drivers, (void)devices;
    *out = (doctor_report){0};
}
