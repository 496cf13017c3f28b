/* enable.c - the one call by which a program reads HDF5. */
#include "src/store/store.h"

#ifdef PE_HDF5
#include "hdf5.h"
#endif

void store_enable_hdf5(void)
{
#ifdef PE_HDF5
    store_add_hdf5(&store_hdf5);
#endif
}
