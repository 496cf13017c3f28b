/* answer_data.c - seeded tables with planted rows: answer_data NAME prints CSV
 * without a header, whose last column says which rows are planted.
 */
#include "answer_data.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static answer_data t;

    if (argc != 2 || answer_data_make(argv[1], &t) < 0) {
        fprintf(stderr, "usage: answer_data blobs|ramp|constant|scales|"
                        "duplicates\n");
        return 64;
    }
    for (int i = 0; i < t.rows; i++) {
        for (int k = 0; k < t.columns; k++)
            printf("%.17g,", t.x[i][k]);
        printf("%d\n", t.planted[i]);
    }
    return 0;
}
