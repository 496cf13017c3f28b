#!/bin/bash
# libzip 1.7.3 (Debian 12): is the checksum of a member compared when all of its
# bytes have been read?
#
# Guess: yes; zip_fread knows the size, and whoever has read the last byte has
# been told whether they are right.
#
# Seen: it is compared by the read that finds the end.  Who asks for as many
# bytes as zip_stat says, as for an array of a known shape, gets all of them
# with success, and zip_fclose says nothing either:
#   all 8000 bytes: 8000, zip_fclose: 0
#   and one more: -1, CRC error
# So behind the last byte one more has to be asked for.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 - <<'P'
import zipfile

with zipfile.ZipFile("a.zip", "w") as z:
    z.writestr("x", bytes(8000))
data = bytearray(open("a.zip", "rb").read())
data[5000] ^= 0x55
open("a.zip", "wb").write(data)
P
cat >reader.c <<'C'
#include <stdio.h>
#include <string.h>
#include <zip.h>
int main(void)
{
    static char x[8000];
    zip_t *z = zip_open("a.zip", ZIP_RDONLY, NULL);
    zip_file_t *f = zip_fopen(z, "x", 0);
    int all = (int)zip_fread(f, x, sizeof(x)), more;

    printf("libzip %s\nall 8000 bytes: %d, zip_fclose: %d\n",
           zip_libzip_version(), all, zip_fclose(f));
    f = zip_fopen(z, "x", 0);
    zip_fread(f, x, sizeof(x));
    more = (int)zip_fread(f, x, 1);
    printf("and one more: %d, %s\n", more, zip_file_strerror(f));
    return !(all == 8000 && more == -1);
}
C
cc -o reader reader.c -lzip
./reader
