/* asset.c - takes the files of a page into the program, as they are. */
#include "asset.h"

/* The assembler reads them: an array of C of a library of 200 kB takes every
 * tool that reads sources longer than all others.
 */
#define ASSET(symbol, path)                       \
    __asm__(".section .rodata\n"                  \
            ".global page_asset_" symbol "\n"     \
            ".hidden page_asset_" symbol "\n"     \
            "page_asset_" symbol ":\n"            \
            ".incbin \"" path "\"\n"              \
            ".global page_asset_" symbol "_end\n" \
            ".hidden page_asset_" symbol "_end\n" \
            "page_asset_" symbol "_end:\n"        \
            ".byte 0\n"                           \
            ".previous\n")

#define FILES(X)                      \
    X(html, PAGE_FOLDER "/page.html") \
    X(css, PAGE_FOLDER "/page.css")   \
    X(js, PAGE_FOLDER "/page.js")     \
    X(charts, PAGE_CHARTS)            \
    X(licence, PAGE_FOLDER "/licence.txt")

#define TAKE(name, path)                   \
    ASSET(#name, path);                    \
    extern const char page_asset_##name[]; \
    extern const char page_asset_##name##_end[];
FILES(TAKE)

asset asset_get(enum asset_name name)
{
#define ROW(name, path) {page_asset_##name, page_asset_##name##_end},
    static const char *const at[][2] = {FILES(ROW)};

    return (asset){at[name][0], (size_t)(at[name][1] - at[name][0])};
}
