/* deliberate.cl - kernels that break a bound on purpose, so that tools/offline --prove sees it noticed on every target. */

/* More values at once than there are registers. */
__attribute__((reqd_work_group_size(256, 1, 1))) __kernel void deliberate_spill(__global volatile float *data, int count)
{
    float kept[300];
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < 300; i++) kept[i] = data[i * 256 + get_local_id(0)];
    for (int i = 0; i < count; i++) sum += data[i];
#pragma unroll
    for (int i = 0; i < 300; i++) data[(i + 300) * 256 + get_local_id(0)] = kept[i] * sum;
}

/* An array with indices that only the run knows. */
__attribute__((reqd_work_group_size(256, 1, 1))) __kernel void deliberate_array(__global int *data, int count)
{
    int kept[1000];
    for (int i = 0; i < 1000; i++) kept[i] = data[i * 256 + get_local_id(0)];
    for (int i = 0; i < count; i++) kept[data[i] % 1000] += kept[data[i + count] % 1000];
    for (int i = 0; i < 1000; i++) data[i * 256 + get_local_id(0)] = kept[i];
}

/* One multiply-add for each two values from memory. */
__attribute__((reqd_work_group_size(256, 1, 1))) __kernel void deliberate_idle(__global float *data, int count)
{
    float sum = 0.0f;
#pragma unroll 1
    for (int i = 0; i < count; i++) sum = fma(data[2 * i * 256 + get_local_id(0)], data[(3 * i * i) % 4096], sum);
    data[get_local_id(0)] = sum;
}
