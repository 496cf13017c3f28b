/* asset.h - the files that a page is made of, as bytes of the program. */
#ifndef PAGE_ASSET_H
#define PAGE_ASSET_H

#include <stddef.h>

typedef struct asset {
    const char *data; /* NUL behind its bytes */
    size_t len;
} asset;

enum asset_name {
    ASSET_HTML,    /* page.html: @NAME@ stands for what goes in there */
    ASSET_CSS,     /* page.css */
    ASSET_JS,      /* page.js */
    ASSET_CHARTS,  /* the charts library, as its package has it; empty: the
                      program was configured without reports */
    ASSET_LICENCE, /* licence.txt, of that */
};

asset asset_get(enum asset_name name);

#endif
