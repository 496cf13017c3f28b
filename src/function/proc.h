/* proc.h - what the kernel tells of this host, as a row of numbers. */
#ifndef FUNCTION_PROC_H
#define FUNCTION_PROC_H

#include <stddef.h>

/* Columns of a row, in this order; they are part of the interface:
 *  0 cpu_user    share of all CPU time: user and nice
 *  1 cpu_system  system
 *  2 cpu_idle    idle
 *  3 cpu_iowait  waiting for input and output
 *  4 cpu_irq     interrupts, hard and soft
 *  5 cpu_steal   taken by the hypervisor
 *  6 mem_used    share of memory that is not available
 *  7 mem_cached  share of memory in the page cache
 *  8 mem_dirty   share of memory waiting to be written
 *  9 swap_used   share of swap space
 * 10 load        load average of a minute
 * 11 running     runnable processes
 * 12 blocked     processes blocked on input and output
 * 13 switches    context switches a second
 * 14 interrupts  a second
 * 15 forks       a second
 * 16 disk_reads  finished reads a second, whole disks
 * 17 disk_writes finished writes a second
 * 18 disk_bytes  read and written a second
 * 19 net_in      bytes received a second, all interfaces but lo
 * 20 net_out     bytes sent a second
 * 21 net_packets both ways a second
 * 22 faults      page faults a second
 * 23 major       page faults a second that went to a disk
 */
#define PROC_COLUMNS 24

/* The files that are read, under /proc. */
enum proc_file {
    PROC_STAT,
    PROC_MEMINFO,
    PROC_LOADAVG,
    PROC_DISKSTATS,
    PROC_NET_DEV,
    PROC_VMSTAT,
    PROC_FILES
};

/* Path of a file below /proc. */
const char *proc_path(enum proc_file file);

/* One look at the counters: of a gauge its value, of a rate its counter. */
typedef struct proc_sample {
    double value[PROC_COLUMNS];
    double cpu_total; /* the sum the CPU shares are shares of */
} proc_sample;

/* Take what [text], the content of [file], says into [s].  What it does not
 * say stays as it is.
 */
void proc_parse(enum proc_file file, const char *text, proc_sample *s);

/* The row between two samples that are [seconds] apart.  A counter that went
 * back gives 0.
 */
void proc_row(const proc_sample *before, const proc_sample *now, double seconds,
              double row[PROC_COLUMNS]);

#endif
