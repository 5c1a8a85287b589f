/*
 * Rules over a file of JSON lines: alerts go to standard output, byte for byte those of
 *     tocsin run RULES --input EVENTS --out-of-orderness DURATION
 * and what was late or rejected to standard error.
 *
 *     cc -std=c99 alerts.c $(pkg-config --cflags --libs tocsin) -o alerts
 *     ./alerts RULES EVENTS [DURATION]
 */
#include <stdio.h>
#include <stdlib.h>

#include <tocsin.h>

#ifndef CHUNK_BYTES
#define CHUNK_BYTES 65536
#endif

/* Ends the program where a call failed. */
static void check(tocsin_status status, tocsin_error** error) {
  if (status == TOCSIN_OK) return;
  fprintf(stderr, "%s\n", tocsin_error_message(*error));
  tocsin_error_free(*error);
  exit(1);
}

static void put(tocsin_run* run, int output, tocsin_buffer* lines, FILE* to) {
  tocsin_error* error;
  check(tocsin_run_take(run, output, lines, &error), &error);
  fwrite(tocsin_buffer_data(lines), 1, tocsin_buffer_size(lines), to);
}

int main(int argc, char** argv) {
  static char chunk[CHUNK_BYTES];
  char options[100] = "";
  const char* rules[1];
  tocsin_buffer* text = tocsin_buffer_new();
  tocsin_pack* pack;
  tocsin_run* run;
  tocsin_error* error;
  tocsin_status status;
  uint32_t source;
  size_t size;
  FILE* events;

  if (argc < 3 || text == NULL) {
    fprintf(stderr, "usage: alerts RULES EVENTS [DURATION]\n");
    return 2;
  }
  rules[0] = argv[1];
  status = tocsin_pack_load_files(rules, 1, NULL, &pack, text, &error);
  fputs(tocsin_buffer_data(text), stderr); /* errors and warnings, one JSON object a line */
  check(status, &error);

  if (argc > 3) snprintf(options, sizeof options, "{\"out_of_orderness\":\"%.60s\"}", argv[3]);
  check(tocsin_run_open(pack, options, &run, &error), &error);
  tocsin_pack_free(pack); /* the run keeps what it needs */
  check(tocsin_run_source(run, argv[2], &source, &error), &error);

  events = fopen(argv[2], "rb");
  if (events == NULL) {
    perror(argv[2]);
    return 1;
  }
  while ((size = fread(chunk, 1, sizeof chunk, events)) > 0) {
    check(tocsin_run_push(run, source, chunk, size, NULL, &error), &error);
    put(run, TOCSIN_ALERTS, text, stdout);
  }
  fclose(events);
  check(tocsin_run_finish(run, 1, &error), &error);
  put(run, TOCSIN_ALERTS, text, stdout);
  put(run, TOCSIN_LATE, text, stderr);
  put(run, TOCSIN_REJECTED, text, stderr);

  tocsin_run_free(run);
  tocsin_buffer_free(text);
  return 0;
}
