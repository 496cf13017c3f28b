/* page.h - the commands of `pilot` that show a run as a page. */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

/* A command gets its own name as argv[0] and returns the exit status. */
int page_report(int argc, char **argv);

#endif
