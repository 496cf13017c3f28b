/* write_index.c - the lines of the index beside a file of rows.
 *
 *   pilot-edge rows 2
 *   owner RUN STAGE
 *   moved                     FILE.new is the file, where it is there
 *   layout BYTES CHECK WORDS  bytes in front of the rows, what they look like
 *   columns NAMES             where they have any, a tab between two
 *   kept ROWS END CHECK       these are there for good
 *   = CHECK                   of the lines up to here
 *   + LANE AT ROWS END CHECK LINE-CHECK     a piece
 *   x LANE AT LINE-CHECK      pieces of LANE from AT on are void
 *
 * The head is written at once, and whole or not there.  CHECK is that of bytes
 * of the file, so a line that was taken out is missed by the next one; and
 * LINE-CHECK that of the line before it.
 */
#include "write_index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/pack/pack.h"

#define MAGIC "pilot-edge rows 2"
#define LINE_CHECK 9 /* a blank and eight digits */

/* --- lines --- */

void write_index_head(text *t, const write_head *h)
{
    size_t from = t->len;

    text_add(t, MAGIC "\nowner %s\n%s", h->owner, h->moved ? "moved\n" : "");
    if (*h->layout) {
        text_add(t, "layout %zu %08" PRIx32 " %s\n", h->head, h->head_check,
                 h->layout);
        if (*h->columns)
            text_add(t, "columns %s\n", h->columns);
        text_add(t, "kept %" PRIu64 " %" PRIu64 " %08" PRIx32 "\n", h->rows,
                 h->end, h->check);
    }
    if (!t->failed)
        text_add(t, "= %08" PRIx32 "\n",
                 pack_check(0, t->data + from, t->len - from));
}

/* The end of the line that begins at [from]. */
static void end_line(text *t, size_t from)
{
    if (!t->failed)
        text_add(t, " %08" PRIx32 "\n",
                 pack_check(0, t->data + from, t->len - from));
}

void write_index_piece(text *t, const write_piece *w)
{
    size_t from = t->len;

    text_add(t, "+ %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %08" PRIx32,
             w->lane, w->at, w->rows, w->end, w->check);
    end_line(t, from);
}

void write_index_void(text *t, uint64_t lane, uint64_t at)
{
    size_t from = t->len;

    text_add(t, "x %" PRIu64 " %" PRIu64, lane, at);
    end_line(t, from);
}

/* --- reading --- */

static int not_ours(const char *path, const char *line, pe_error *errp)
{
    char shown[80];

    text_shown(line, strlen(line), shown, 64);
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is no index of rows that were written, or was "
                        "changed: it has a line '%s'; put it back as it was, "
                        "or remove it, and the file beside it",
                        path, shown);
}

static int add(write_piece **list, size_t *n, size_t *cap, const write_piece *w,
               pe_error *errp)
{
    if (*n == *cap) {
        size_t more = 2 * *cap + 64;
        write_piece *bigger = realloc(*list, more * sizeof(**list));

        if (!bigger)
            return pe_error_nomem(errp);
        *list = bigger;
        *cap = more;
    }
    (*list)[(*n)++] = *w;
    return 0;
}

/* Where the piece before ends. */
static uint64_t end_of(const write_index *i)
{
    return i->n > 0 ? i->piece[i->n - 1].end : i->h.end;
}

/* Is [line] one with its check behind it, which is cut off? */
static bool take_check(char *line)
{
    size_t len = strlen(line);
    char want[LINE_CHECK + 1];

    if (len <= LINE_CHECK)
        return false;
    snprintf(want, sizeof(want), " %08" PRIx32,
             pack_check(0, line, len - LINE_CHECK));
    if (strcmp(line + len - LINE_CHECK, want) != 0)
        return false;
    line[len - LINE_CHECK] = '\0';
    return true;
}

/* 1: it is one; 0: none; -1: no memory. */
static int take_line(write_index *i, char *line, pe_error *errp)
{
    write_piece w = {0};
    int at = 0;

    if (!take_check(line))
        return 0;
    if (sscanf(line,
               "+ %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx32
               "%n",
               &w.lane, &w.at, &w.rows, &w.end, &w.check, &at) == 5 &&
        !line[at] && w.end >= end_of(i))
        return add(&i->piece, &i->n, &i->cap, &w, errp) < 0 ? -1 : 1;
    if (sscanf(line, "x %" SCNu64 " %" SCNu64 "%n", &w.lane, &w.at, &at) == 2 &&
        !line[at])
        return add(&i->voided, &i->n_voided, &i->cap_voided, &w, errp) < 0 ? -1
                                                                           : 1;
    return 0;
}

/* What stands behind [word] in the line at *atp, which is then the next one;
 * NULL: it is another line.
 */
static char *take_word(char **atp, const char *word)
{
    size_t n = strlen(word);
    char *line = *atp, *end = strchr(line, '\n');

    if (!end || strncmp(line, word, n) != 0)
        return NULL;
    *end = '\0';
    *atp = end + 1;
    return line + n;
}

/* The lines of the head, whose check is right. */
static bool take_head(write_head *h, char *at)
{
    char *s;
    int words = 0, n = 0;

    take_word(&at, MAGIC);
    h->owner = take_word(&at, "owner ");
    h->moved = take_word(&at, "moved");
    h->layout = h->columns = "";
    if (!h->owner || !*h->owner)
        return false;
    if (!*at)
        return true;
    s = take_word(&at, "layout ");
    if (!s ||
        sscanf(s, "%zu %" SCNx32 " %n", &h->head, &h->head_check, &words) != 2)
        return false;
    h->layout = s + words;
    s = take_word(&at, "columns ");
    h->columns = s ? s : "";
    s = take_word(&at, "kept ");
    return s &&
           sscanf(s, "%" SCNu64 " %" SCNu64 " %" SCNx32 "%n", &h->rows, &h->end,
                  &h->check, &n) == 3 &&
           !s[n] && !*at && h->end >= h->head;
}

/* The head of [data], and where the lines behind it are; NULL: it is none. */
static char *find_head(write_index *i, char *data)
{
    char *at = strstr(data, "\n= "), want[20], *end;

    if (strncmp(data, MAGIC "\n", strlen(MAGIC) + 1) != 0 || !at)
        return NULL;
    at++;
    end = strchr(at, '\n');
    snprintf(want, sizeof(want), "= %08" PRIx32,
             pack_check(0, data, (size_t)(at - data)));
    if (!end || (size_t)(end - at) != strlen(want) ||
        strncmp(at, want, strlen(want)) != 0)
        return NULL;
    *at = '\0';
    return take_head(&i->h, data) ? end + 1 : NULL;
}

static int take_all(write_index *i, char *data, size_t len, const char *path,
                    pe_error *errp)
{
    char first[80], *at, *end;

    if (len == 0)
        return 0;
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(data, "\n"), data);
    at = find_head(i, data);
    if (!at)
        return not_ours(path, first, errp);
    for (; (end = memchr(at, '\n', (size_t)(data + len - at))); at = end + 1) {
        int rc;

        *end = '\0';
        snprintf(first, sizeof(first), "%s", at);
        rc = strlen(at) == (size_t)(end - at) ? take_line(i, at, errp) : 0;
        if (rc <= 0)
            return rc < 0 ? -1 : not_ours(path, first, errp);
    }
    return 0;
}

int write_index_read(write_index *i, int fd, const char *path, pe_error *errp)
{
    struct stat st;
    size_t len = 0;

    i->h = (write_head){.owner = "", .layout = "", .columns = ""};
    if (fstat(fd, &st) < 0)
        return file_error(errp, errno, "read", path, PE_EXIT_FAILED);
    if ((uint64_t)st.st_size > SIZE_MAX / 2)
        return file_error(errp, EFBIG, "read", path, PE_EXIT_FAILED);
    i->text = malloc((size_t)st.st_size + 1);
    if (!i->text)
        return pe_error_nomem(errp);
    while (len < (size_t)st.st_size) {
        ssize_t n =
            pread(fd, i->text + len, (size_t)st.st_size - len, (off_t)len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    i->text[len] = '\0';
    return len < (size_t)st.st_size
               ? file_error(errp, EIO, "read", path, PE_EXIT_FAILED)
               : take_all(i, i->text, len, path, errp);
}

void write_index_free(write_index *i)
{
    free(i->text);
    free(i->piece);
    free(i->voided);
    memset(i, 0, sizeof(*i));
}

bool write_index_is_void(const write_index *i, const write_piece *w)
{
    for (size_t k = 0; k < i->n_voided; k++)
        if (i->voided[k].lane == w->lane && w->at >= i->voided[k].at)
            return true;
    return false;
}
