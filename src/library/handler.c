/* handler.c - where a function of this process lives: object and symbol. */
#include "library.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/object.h"
#include "src/common/text.h"

/* The program itself is the first that the loader names. */
static int holds(struct dl_phdr_info *info, size_t size, void *arg)
{
    uintptr_t at = (uintptr_t)arg;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + h->p_vaddr;
        if (h->p_type == PT_LOAD && at >= from && at - from < h->p_memsz)
            return 1;
    }
    return -1; /* no other is looked at */
}

static bool in_program(const void *at)
{
    return dl_iterate_phdr(holds, (void *)(uintptr_t)at) == 1;
}

/* An address within the code of [f]. */
static const void *code_of(const pe_function *f)
{
    return f->produce_edge   ? (const void *)(uintptr_t)f->produce_edge
           : f->process_edge ? (const void *)(uintptr_t)f->process_edge
                             : (const void *)(uintptr_t)f->process_cloud;
}

/* Does the object [path], which is loaded, define [symbol] itself? */
static bool defines(const char *path, const char *symbol)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    void *at = handle ? dlsym(handle, symbol) : NULL;
    Dl_info its;
    bool yes = at && dladdr(at, &its) && !strcmp(its.dli_fname, path);

    if (handle)
        dlclose(handle);
    return yes;
}

static int refuse(const char *why, const char *name, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "function '%s' %s: put it into a shared object (cc "
                        "-shared -fPIC), which travels to where it runs",
                        name ? name : "", why);
}

/* What a program links with it may have copied into itself (a copy relocation
 * of its data); the code of a function stays where it is.
 */
char *handler_where(const pe_function *f, pe_error *errp)
{
    const void *code = code_of(f);
    Dl_info data = {0}, its = {0};
    char path[PATH_MAX], *where = NULL;

    if (f->abi != PE_FUNCTION_ABI) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "the function was built for ABI %u and this library has "
                     "ABI %u; build it again with the headers of this release",
                     f->abi, PE_FUNCTION_ABI);
        return NULL;
    }
    if (!code) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "function '%s' has no entry point; set produce_edge, "
                     "process_edge or process_cloud",
                     f->name ? f->name : "");
        return NULL;
    }
    dladdr(f, &data);
    bool copied = in_program(f);
    if (copied && in_program(code))
        refuse("is part of the program, which no pilot can load", f->name,
               errp);
    else if (!data.dli_sname || data.dli_saddr != f ||
             !dladdr(copied ? code : f, &its) || !its.dli_fname ||
             !realpath(its.dli_fname, path) ||
             !defines(its.dli_fname, data.dli_sname))
        refuse("has no symbol by which it is found (it is static, or was made "
               "at run time)",
               f->name, errp);
    else if (!(where = text_format("%s:%s", path, data.dli_sname)))
        pe_error_nomem(errp);
    return where;
}
