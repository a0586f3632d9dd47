/* loader_ocl_icd.c - a library with the names of the variables that ocl-icd reads. */
__attribute__((visibility("default"))) extern const char *const loader_variables[];
const char *const loader_variables[] = {"OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "OPENCL_LAYERS"};
