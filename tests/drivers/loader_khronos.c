/* loader_khronos.c - a library with the names of the variables that Khronos' loader reads. */
__attribute__((visibility("default"))) extern const char *const loader_variables[];
const char *const loader_variables[] = {"OCL_ICD_FILENAMES", "OCL_ICD_VENDORS", "OPENCL_LAYERS"};
