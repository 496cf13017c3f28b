/* hdf5_bench.c - HDF5 files that a test writes into its scratch folder. */
#include "hdf5_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "unit.h"

char bench_path[300];

hid_t bench_file(const char *name)
{
    hid_t file;

    snprintf(bench_path, sizeof(bench_path), "%.200s/%.64s", scratch_folder,
             name);
    file = H5Fcreate(bench_path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT_FATAL(file >= 0);
    return file;
}

int bench_open(source_bench *b, const char *member, const char *options)
{
    char path[512];

    snprintf(path, sizeof(path), "%s%s%s", bench_path, *member ? ":" : "",
             member);
    source_log[0] = '\0';
    source_init(b, "file");
    source_set(b, "path", path);
    source_set_words(b, options);
    return source_open(b);
}

void bench_text(hid_t object, const char *name, const char *value)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR), a;

    H5Tset_size(type, strlen(value) + 1);
    a = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT(H5Awrite(a, type, value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

void bench_number(hid_t object, const char *name, double value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(object, name, H5T_IEEE_F64LE, space, H5P_DEFAULT,
                         H5P_DEFAULT);

    CU_ASSERT(H5Awrite(a, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
}

hid_t bench_group(hid_t at, const char *name, const char *class)
{
    hid_t group = H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

    CU_ASSERT_FATAL(group >= 0);
    if (class)
        bench_text(group, "NX_class", class);
    return group;
}

hid_t bench_set(hid_t at, const char *name, hsize_t rows, hsize_t columns)
{
    hsize_t dim[2] = {rows, columns}, width = columns ? columns : 1;
    hid_t space = H5Screate_simple(columns ? 2 : 1, dim, NULL);
    hid_t set = H5Dcreate2(at, name, H5T_IEEE_F64LE, space, H5P_DEFAULT,
                           H5P_DEFAULT, H5P_DEFAULT);
    double *x = calloc((size_t)(rows * width) + 1, sizeof(*x));

    CU_ASSERT_FATAL(set >= 0 && x != NULL);
    for (hsize_t i = 0; i < rows * width; i++)
        x[i] = (double)(i / width) + 0.5 * (double)(i % width);
    if (rows > 0)
        CU_ASSERT(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL,
                           H5P_DEFAULT, x) >= 0);
    free(x);
    H5Sclose(space);
    return set;
}

void bench_put(hid_t at, const char *name, hsize_t rows, const char *units)
{
    hid_t set = bench_set(at, name, rows, 0);

    if (units)
        bench_text(set, "units", units);
    H5Dclose(set);
}

void bench_attach(hid_t file, const char *scale, hid_t set, unsigned axis,
                  hsize_t axes)
{
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ);
    hid_t space = H5Screate_simple(1, &axes, NULL);
    hid_t a = H5Acreate2(set, "DIMENSION_LIST", type, space, H5P_DEFAULT,
                         H5P_DEFAULT);
    hobj_ref_t ref;
    hvl_t lists[8] = {{0, NULL}};

    CU_ASSERT_FATAL(axes <= 8 && axis < axes);
    CU_ASSERT(H5Rcreate(&ref, file, scale, H5R_OBJECT, -1) >= 0);
    lists[axis] = (hvl_t){1, &ref};
    CU_ASSERT(H5Awrite(a, type, lists) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}
