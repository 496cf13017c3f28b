/* embed.c - a program that has a pipeline of its own run.
 *
 *   ./embed           the sensor in the ranks: no broker, no parameter service
 *   ./embed --edge    devices, a broker and a pool, as in the paper
 *   ./embed --text    the same pipeline as a file for `pilot run`; so, too,
 *                     ./embed --edge --text
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/pilot.h>

#include "sensor.h"

/* The seven fields of listing 2. */
static pe_pipeline pipeline(int edge)
{
    pe_pipeline p = {
        .abi = PE_PIPELINE_ABI,
        .name = "embed",
        .pilot_cloud_processing = "ntasks: 2",
        .produce_function_handler = {.function = &sensor_function,
                                     .options = "blocks: 20",
                                     .keys = "block: {points: 500}"},
        .process_cloud_function_handler = {.name = "iforest",
                                           .options = "contamination: 0.01"},
        .function_context = "site: beamline-7",
        .rest = "epoch: {blocks: 8}\n",
    };

    if (edge) {
        p.pilot_edge = "devices: 2";
        p.pilot_cloud_broker = "";
        p.process_edge_function_handler.function = &calibrate_function;
        p.process_edge_function_handler.options = "gain: 0.25";
    }
    return p;
}

/* Count the outliers, and show the first ones. */
static int show(void *arg, const pe_result *r)
{
    int *n = arg;

    if (r->outlier == 1 && (*n)++ < 3)
        printf("outlier: %s row %lld, score %g\n", r->device, (long long)r->row,
               r->score);
    return 0;
}

static int follow(pe_run *run, int edge)
{
    double applied = 0;
    pe_error error;
    int outliers = 0;

    printf("run %s\n", pe_run_name(run));
    while (!pe_run_wait(run, 0.1))
        ; /* a program has better things to do here */
    if (pe_run_status(run) == PE_RUN_FAILED) {
        int status = pe_run_exit(run, &error);
        fprintf(stderr, "embed: %s\n", error.text);
        return status;
    }
    if (pe_run_number(run, "blocks.applied", &applied, &error) == 0)
        printf("%.0f blocks\n", applied);
    if (!edge) { /* nothing is kept there but the summary */
        printf("with --edge a topic keeps the answers of their rows\n");
        return 0;
    }
    if (pe_run_results(run, show, &outliers, &error) < 0) {
        fprintf(stderr, "embed: %s\n", error.text);
        return (int)error.exit_code;
    }
    printf("%d outliers\n", outliers);
    return 0;
}

int main(int argc, char **argv)
{
    int edge = argc > 1 && !strcmp(argv[1], "--edge");
    int text = !strcmp(argv[argc - 1], "--text");
    pe_pipeline p = pipeline(edge);
    pe_error error;
    int status;

    if (text) {
        char *lines = pe_pipeline_text(&p, &error);
        if (lines)
            fputs(lines, stdout);
        else
            fprintf(stderr, "embed: %s\n", error.text);
        status = lines ? 0 : (int)error.exit_code;
        free(lines);
        return status;
    }
    pe_run *run = pe_pipeline_run(&p, NULL, &error);
    if (!run) {
        fprintf(stderr, "embed: %s\n", error.text);
        return (int)error.exit_code;
    }
    status = follow(run, edge);
    pe_run_destroy(run);
    return status;
}
