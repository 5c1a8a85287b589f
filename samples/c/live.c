/*
 * Rules and events from memory, and time that the program moves itself: a payment that nobody
 * confirms raises its alert as soon as its deadline has passed.
 *
 *     cc -std=c99 live.c $(pkg-config --cflags --libs tocsin) -o live
 */
#include <stdio.h>
#include <string.h>

#include <tocsin.h>

static const char* const rules =
    "event payment { ts: time, id: string id, card: string, amount: decimal(2) }\n"
    "event confirmation { ts: time, id: string id, card: string }\n"
    "rule unconfirmed \"A large payment that nobody confirmed\" {\n"
    "  by card\n"
    "  when payment as p where amount > 1_000 then no confirmation for 5m\n"
    "  alert \"{p.amount} on card {card} was not confirmed\"\n"
    "}\n";
static const char* const events =
    "{\"type\":\"payment\",\"ts\":\"2026-03-02T12:00:00Z\",\"id\":\"p1\",\"card\":\"c1\","
    "\"amount\":1500}\n"
    "{\"type\":\"payment\",\"ts\":\"2026-03-02T12:00:01Z\",\"id\":\"p2\",\"card\":\"c2\","
    "\"amount\":2500}\n"
    "{\"type\":\"confirmation\",\"ts\":\"2026-03-02T12:00:30Z\",\"id\":\"k1\",\"card\":\"c1\"}\n"
    "this is no event\n";
/* 2026-03-02T12:06:00Z, in microseconds. */
static const int64_t six_minutes_later = 1772453160000000;

/* Says what failed; 0 where nothing did. */
static int failed(tocsin_status status, tocsin_error** error) {
  if (status == TOCSIN_OK) return 0;
  fprintf(stderr, "%s\n", tocsin_error_json(*error));
  tocsin_error_free(*error);
  return 1;
}

static int show(tocsin_run* run, const char* when, int output, tocsin_buffer* lines) {
  tocsin_error* error;
  if (failed(tocsin_run_take(run, output, lines, &error), &error)) return 1;
  printf("%s: %s%s", when, tocsin_buffer_data(lines), tocsin_buffer_size(lines) ? "" : "none\n");
  return 0;
}

/* Pushes the events and moves time; gives 0 if all went well. */
static int feed(tocsin_run* run, tocsin_buffer* text) {
  tocsin_error* error;
  uint32_t source;
  if (failed(tocsin_run_source(run, "bank", &source, &error), &error)) return 1;
  if (failed(tocsin_run_push(run, source, events, strlen(events), NULL, &error), &error)) return 1;
  if (show(run, "after the events", TOCSIN_ALERTS, text)) return 1;
  if (failed(tocsin_run_advance(run, six_minutes_later, &error), &error)) return 1;
  if (show(run, "at 12:06", TOCSIN_ALERTS, text)) return 1;
  return show(run, "rejected", TOCSIN_REJECTED, text);
}

int main(void) {
  tocsin_text file;
  tocsin_buffer* text = tocsin_buffer_new();
  tocsin_pack* pack = NULL;
  tocsin_run* run = NULL;
  tocsin_error* error;
  int is_bad;

  if (text == NULL) return 1;
  file.name = "rules.tocsin";
  file.data = rules;
  file.size = strlen(rules);
  is_bad = failed(tocsin_pack_load_texts(&file, 1, NULL, &pack, text, &error), &error) ||
           failed(tocsin_run_open(pack, NULL, &run, &error), &error) || feed(run, text);
  tocsin_run_free(run);
  tocsin_pack_free(pack);
  tocsin_buffer_free(text);
  return is_bad;
}
